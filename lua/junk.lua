-- SPDX-License-Identifier: MIT
-- Captures that prove nothing, and answers that belong to another exercise: what
-- students send by mistake, or to find out what a judge believes.
--
-- junk.lua(host, parts) -> junk       parts: faults
-- junk.cases(folder, seen, narrow) -> { { what it is, answer, seen } ... }
--   narrow(seen, kinds): SEEN with only these profiles
--
-- No judge may take one of them for the solution.

local host, parts = ...
local junk = {}

-- ---- profiles by hand ------------------------------------------------------------
-- As profile.proto has them: a field is its number and kind, and then a number, or a
-- length and as many bytes.

local function varint(n)
  local out = {}
  repeat
    local low = n & 0x7f
    n = n >> 7
    out[#out + 1] = string.char(n > 0 and low | 0x80 or low)
  until n == 0
  return table.concat(out)
end

local function numberField(field, n) return varint(field << 3) .. varint(n) end
local function bytesField(field, bytes) return varint(field << 3 | 2) .. varint(#bytes) .. bytes end

-- What one event is: of CPU and wall profiles a count, and the time that a sample
-- stands for; of the heap a small block; of block and mutex profiles a short wait.
local TYPES = {
  cpu = { { "samples", "count", 1 }, { "cpu", "nanoseconds", 10000000 } },
  wall = { { "samples", "count", 1 }, { "time", "nanoseconds", 10000000 } },
  heap = { { "alloc_objects", "count", 1 }, { "alloc_space", "bytes", 64 }, { "inuse_objects", "count", 1 },
    { "inuse_space", "bytes", 64 } },
  block = { { "contentions", "count", 1 }, { "delay", "nanoseconds", 1000 } },
  mutex = { { "contentions", "count", 1 }, { "delay", "nanoseconds", 1000 } },
}

-- A profile with one stack, NAMES, the innermost function first; its values are
-- those of one event, as SUBJECT counts it, TIMES as much.
local function profileOf(subject, names, times)
  local texts, places = { "" }, { [""] = 0 }
  local function textAt(text)
    if not places[text] then
      texts[#texts + 1] = text
      places[text] = #texts - 1
    end
    return places[text]
  end
  local out, values, ids = {}, {}, {}
  for i, type in ipairs(TYPES[subject.profile] or { { subject.type, "count", 1 } }) do
    out[#out + 1] = bytesField(1, numberField(1, textAt(type[1])) .. numberField(2, textAt(type[2])))
    values[i] = numberField(2, type[3] * times)
  end
  for i in ipairs(names) do ids[i] = numberField(1, i) end
  out[#out + 1] = bytesField(2, table.concat(ids) .. table.concat(values))
  for i, name in ipairs(names) do
    out[#out + 1] = bytesField(4, numberField(1, i) .. bytesField(4, numberField(1, i) .. numberField(2, 1)))
    out[#out + 1] = bytesField(5, numberField(1, i) .. numberField(2, textAt(name)))
  end
  for _, text in ipairs(texts) do out[#out + 1] = bytesField(6, text) end
  return table.concat(out)
end

-- The stack that sentence S asks for, of the step called SLUG.
local function stackFor(s, slug, where)
  local names, has = {}, {}
  local function add(name)
    if name and not has[name] then names[#names + 1] = name end
    has[name or ""] = true
  end
  local function addOwn(name) add(name and slug .. "." .. name) end
  add(s.leaf)
  addOwn(s.top)
  for i = #(s.under or {}), 1, -1 do addOwn(s.under[i]) end
  addOwn(s.of)
  addOwn(where)
  addOwn("request")
  return names
end

-- ---- captures --------------------------------------------------------------------

local HUGE = 50000000 -- bytes
local ANOTHER_STEP = "anotherstep"
local MANY = 1000000 -- events

-- A valid profile of so many bytes: a field that no reader knows is skipped.
local function makeHuge(profile) return profile .. bytesField(1000, ("\0"):rep(HUGE)) end

-- The right answer, with captures that prove nothing. What is counted, as tasks are,
-- may be one in truth, so a single sample is junk only where there are many.
local function addCaptures(cases, f, seen, narrow)
  local l, done = f.lesson, {}
  local answer, where = { hypotheses = parts.faults.right(l) }, l.diagnosis.where[1]
  local function add(what, kind, bytes)
    local only, p = narrow(seen, {}), host.decode(bytes)
    only.profiles, only.idle, only.entering = { [kind] = p or nil }, nil, nil
    if p and kind == "heap" then only.profiles["heap.alloc"] = p end
    only.looks = { [kind] = p and { p } or nil }
    cases[#cases + 1] = { ("the right answer with %s as %s profile"):format(what, kind), answer, only }
  end
  for _, s in ipairs(l.expect or {}) do
    local kind = s.subject.profile
    local stack = kind and stackFor(s, seen.slug, where)
    local key = kind and kind .. " " .. table.concat(stack, " ")
    if key and not done[key] then
      done[key] = true
      if TYPES[kind] then add("a file that has one sample", kind, profileOf(s.subject, stack, 1)) end
      if not s.all then
        add("that of another step", kind, profileOf(s.subject, stackFor(s, ANOTHER_STEP, where), MANY))
      end
      if not done.files then
        add("a file of 50 MB", kind, makeHuge(profileOf(s.subject, stack, MANY)))
        add("a text", kind, table.concat(stack, "\n"))
        done.files = true
      end
    end
  end
end

-- ---- neighbours ------------------------------------------------------------------

-- What the lessons beside F give as the right answer.
local function addNeighbours(cases, f, seen)
  local names = host.scan(f.root) or {}
  table.sort(names)
  for _, name in ipairs(names) do
    local path = ("%s/%s/lesson.lua"):format(f.root, name)
    local text = name ~= f.name and not name:find("^%.") and host.exists(path) and host.read(path)
    local l = text and host.data(text, path)
    local d = type(l) == "table" and type(l.diagnosis) == "table" and l.diagnosis or {}
    local class = type(d.class) == "table" and d.class[1] or d.class
    local where = type(d.where) == "table" and d.where[1] or d.where
    if type(class) == "string" and type(where) == "string" then
      cases[#cases + 1] = { ("the answer of %s (%s in %s)"):format(name, class, where),
        { hypotheses = { { class = class, where = where } } }, seen }
    end
  end
end

function junk.cases(f, seen, narrow)
  local cases = {}
  if not f.lesson.diagnosis.where then return cases end
  addCaptures(cases, f, seen, narrow)
  addNeighbours(cases, f, seen)
  return cases
end

return junk
