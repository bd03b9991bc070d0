-- SPDX-License-Identifier: MIT
-- Profiles of a scenario's own: what they count, in all forms and by Go's tool; how
-- long they live; what they refuse; and that they are evidence.
local t = require "harness"
local exercise = require "exercise"
t.need("go", "curl")

local PPROF = "/debug/pprof/"
local NAME = "db.Connections"
local folder = t.source .. "/tests/integration/scenarios"

local function start(...) return t.start_with({ folder, t.source .. "/scenarios" }, "--step", "41", ...) end

local function ask(lab, path)
  local answer = lab:get(path, "--max-time", "60")
  t.equal(answer.status, 200, path .. ": " .. answer.body)
  return answer.body
end

-- "total N" of the text form.
local function total(lab, name)
  return tonumber(t.match(ask(lab, PPROF .. (name or NAME) .. "?debug=1"), "^" .. (name or NAME):gsub("[%.%-]", "%%%0")
    .. " profile: total (%d+)\n"))
end

-- Of the index: the number beside NAME, or nil.
local function listed(lab, name)
  local row = "<td>(%d+)</td><td><a href='" .. name:gsub("[%.%-]", "%%%0") .. "%?debug=1'>"
  return tonumber(ask(lab, PPROF):match(row))
end

t.test("what is in it: by go tool pprof, as text, in the index", function()
  local lab = start()
  t.equal(total(lab), 0)
  t.equal(listed(lab, NAME), 0)
  ask(lab, "/report")
  ask(lab, "/orders?n=5")
  t.equal(ask(lab, "/count"), '6 Profile "db.Connections" (6)')
  local p = t.pprof.raw(lab.url .. PPROF .. NAME)
  t.equal(table.concat(p.types, " "), NAME .. "/count")
  t.equal(p.fields.PeriodType, NAME .. " count")
  t.equal(p.fields.Period, "1")
  local of = {}
  for _, sample in ipairs(p.samples) do
    local names = {}
    for i, location in ipairs(sample.stack) do names[i] = location.frames[1].name end
    t.equal(names[1], "profiles.openConnection", "it begins with who called add")
    of[names[2]] = sample.values[1]
    t.equal(sample.labels.step[1], "profiles")
  end
  t.equal(of["profiles.forReport"], 1)
  t.equal(of["profiles.forOrder"], 5)
  t.has(t.pprof.run(lab.url .. PPROF .. NAME, "-top"), "Type: " .. NAME)
  local text = ask(lab, PPROF .. NAME .. "?debug=1")
  t.match(text, "^db%.Connections profile: total 6\n5 @ 0x")
  t.match(text, "\n1 @ 0x")
  t.match(text, "profiles%.forOrder")
  t.equal(listed(lab, NAME), 6)
  t.equal(ask(lab, "/close?n=4"), "2")
  t.equal(total(lab), 2)
  -- A file, as others are; no delta, as Go's custom profiles have none.
  local file = lab:get(PPROF .. NAME)
  t.equal(file.headers["content-disposition"], 'attachment; filename="db.Connections"')
  t.equal(file.headers["content-type"], "application/octet-stream")
  local delta = lab:get(PPROF .. NAME .. "?seconds=1")
  t.equal(delta.status, 400)
  t.equal(delta.body, '"seconds" parameter is not supported for this profile type\n')
  t.equal(total(lab, NAME), 2)
  t.equal(lab:get(PPROF .. NAME .. "?since=start&debug=1").body, ask(lab, PPROF .. NAME .. "?debug=1"))
  t.equal(lab:stop(), 0)
end)

t.test("it belongs to its step", function()
  local lab = start()
  ask(lab, "/orders?n=3")
  t.has(ask(lab, "/status"), '"profiles": ["db.Connections"]')
  local page = lab:get("/lab/")
  if page.status == 200 then t.has(page.body, '<a href="/debug/pprof/db.Connections" download>') end
  t.equal(lab:go_to(0).status, 200)
  local answer = lab:get(PPROF .. NAME)
  t.equal(answer.status, 404)
  t.check(not answer.body:find("Connections", 1, true), answer.body)
  t.equal(listed(lab, NAME), nil)
  t.has(ask(lab, "/status"), '"profiles": []')
  t.equal(lab:go_to(41).status, 200)
  t.equal(total(lab), 0, "a new visit begins anew")
  ask(lab, "/orders?n=2")
  t.equal(total(lab), 2)
  local near = lab:get(PPROF .. "db.Conections")
  t.equal(near.status, 404)
  t.has(near.body, "Unknown profile\ndid you mean db.Connections? There are: ")
  t.check(not lab:log():find("left behind", 1, true), "it is no leak")
  t.equal(lab:go_to(41).status, 200)
  t.equal(total(lab), 0)
  t.equal(lab:stop(), 0)
end)

t.test("what goes on of a step that was left adds nothing to the next visit", function()
  local lab = start()
  ask(lab, "/park")
  t.equal(total(lab, "late.Keys"), 1)
  t.equal(lab:go_to(41).status, 200)
  t.equal(lab:get(PPROF .. "late.Keys").status, 404)
  ask(lab, "/park")
  t.equal(total(lab, "late.Keys"), 1)
  t.equal(lab:stop(), 0)
end)

t.test("keys: any value, once, and kept alive", function()
  local lab = start()
  local again = "pprof: Profile.Add of duplicate value"
  t.equal(ask(lab, "/keys"), table.concat({ "true", again, again, again, again, again, again, again, again, "true", "0",
    "0" }, "\n"))
  t.equal(ask(lab, "/weak"), "10 gone")
  t.equal(ask(lab, "/crowd?n=200"), "2000")
  t.equal(total(lab, "crowd.Keys"), 2000)
  t.equal(lab:stop(), 0)
end)

t.test("what is refused", function()
  local lab = start()
  local shape = "bad argument #1 to '?' (a profile's name is like db.Connections: words of letters, digits, _ and - "
    .. "with dots between them, 63 bytes at most)"
  local taken = "bad argument #1 to '?' (names that begin with lab. or the name of one of the lab's own profiles "
    .. "are taken)"
  local wanted = {
    "bad argument #2 to '?' (a key isn't nil)", "bad argument #2 to '?' (a key isn't nil)",
    "bad argument #2 to '?' (a key isn't NaN)", "bad argument #2 to '?' (a key isn't nil)",
    "bad argument #2 to '?' (a key isn't NaN)", "bad argument #3 to '?' (skip is 0 to 1000)",
    "bad argument #3 to '?' (skip is 0 to 1000)", "bad argument #3 to '?' (number expected, got string)",
    "bad argument #1 to '?' (lab.Profile expected, got lab.Mutex)",
    "a lab.Profile has no 'size'; did you mean ?",
    "bad argument #1 to '?' (pprof: NewProfile with empty name)",
  }
  for _ = 1, 13 do wanted[#wanted + 1] = shape end
  for _ = 1, 7 do wanted[#wanted + 1] = taken end
  wanted[#wanted + 1] = "bad argument #1 to '?' (string expected, got no value)"
  wanted[#wanted + 1] = shape
  wanted[#wanted + 1] = "bad argument #1 to '?' (string expected, got table)"
  for _, name in ipairs { "db.x", "a.b.c", "Db-1_2.3-x", "db." .. ("x"):rep(60), "heaps.x" } do
    wanted[#wanted + 1] = ('Profile "%s" (0)'):format(name)
  end
  wanted[#wanted + 1] = "0"
  local got = {}
  for line in (ask(lab, "/wrong") .. "\n"):gmatch("([^\n]*)\n") do
    line = line:gsub("^a lab.Profile has no 'size'.*", "a lab.Profile has no 'size'; did you mean ?")
    got[#got + 1] = line
  end
  for i, line in ipairs(wanted) do t.equal(got[i], line, "line " .. i) end
  t.equal(#got, #wanted)
  t.equal(ask(lab, "/many"), "a step may have 16 profiles\n1")
  t.equal(lab:stop(), 0)
end)

t.test("skip: where the stack begins", function()
  local lab = start()
  ask(lab, "/skip")
  local leaves = {}
  for _, sample in ipairs(t.pprof.raw(lab.url .. PPROF .. "skip.Some").samples) do
    local leaf = sample.stack[1].frames[1].name
    leaves[leaf] = (leaves[leaf] or 0) + sample.values[1]
  end
  t.equal(leaves["profiles.addSkipping"], 2)
  t.equal(leaves["profiles.addOutside"], 1)
  t.equal(leaves["[skip is too large]"], 1)
  local others = 0
  for _, n in pairs(leaves) do others = others + n end
  t.equal(others, 5)
  t.equal(lab:stop(), 0)
end)

t.test("labels of the task that adds", function()
  local lab = start()
  ask(lab, "/labels")
  local p = t.pprof.raw(lab.url .. PPROF .. NAME)
  t.equal(#p.samples, 1)
  t.equal(p.samples[1].values[1], 3)
  t.equal(p.samples[1].labels.customer[1], "wholesale")
  t.equal(p.samples[1].labels.route[1], "/labels")
  t.equal(lab:stop(), 0)
end)

t.test("its memory is the step's", function()
  local lab = start()
  t.equal(ask(lab, "/fill"), "not enough memory true true 1")
  t.equal(lab:go_to(41).status, 200)
  t.equal(ask(lab, "/fill"), "not enough memory true true 1", "all of it was given back")
  t.equal(lab:stop(), 0)
end)

t.test("who reads it while the step is left", function()
  local lab = start()
  ask(lab, "/orders?n=20000")
  local readers = {}
  for i = 1, 8 do
    readers[i] = t.spawn(t.command { "sh", "-c", ("for i in 1 2 3 4 5 6 7 8; do curl -s -o /dev/null '%s%s%s%s'; done")
      :format(lab.url, PPROF, NAME, i % 2 == 0 and "?debug=1" or "") })
  end
  for _ = 1, 10 do
    t.equal(lab:go_to(41).status, 200)
    ask(lab, "/orders?n=2000")
  end
  for _, reader in ipairs(readers) do t.equal(reader:wait(), 0) end
  t.equal(total(lab), 2000)
  t.equal(lab:stop(), 0)
end)

t.test("a capture of it is kept", function()
  local lab = start()
  ask(lab, "/orders?n=3")
  ask(lab, PPROF .. NAME)
  ask(lab, PPROF .. NAME .. "?debug=1")
  t.eventually(function()
    return select(2, lab:get("/lab/captures").body:gsub("db%.Connections", "")) == 2
  end)
  t.equal(lab:stop(), 0)
end)

-- ---- as evidence -----------------------------------------------------------------

-- The exercise of files that aren't closed, proven by a profile of the program's own.
local function own_exercise()
  local dir = exercise.make("leak.file", "receipts")
  for _, file in ipairs { "scenario.lua", "fixed.lua" } do
    exercise.edit(dir, file, "local function writeReceipt(id)", 'local unsent = lab.profile("shop.Unsent")\n\n' ..
      "local function writeReceipt(id)\n  unsent:add(id)")
  end
  exercise.edit(dir, "fixed.lua", "  file:close()", "  file:close()\n  unsent:remove(id)")
  exercise.edit(dir, "lesson.lua", 'profile = "lab.OpenFiles"', 'profile = "shop.Unsent"')
  exercise.edit(dir, "answers/solved.lua", "lab.OpenFiles", "shop.Unsent")
  return dir
end

t.test("a lesson speaks of it, and is proven by it", function()
  local dir = own_exercise()
  local result = t.run(t.command { t.diaglab, "test", dir })
  t.equal(result.code, 0, result.out .. result.err)
  t.match(result.out, "^50%-receipts +proven +[%d.]+ s  3 sentences\n")
  -- A program that makes no such profile: it isn't there, so nothing is in it.
  local scenario = t.read(dir .. "/fixed.lua"):gsub("[^\n]*unsent[^\n]*\n", "")
  t.write(dir .. "/fixed.lua", scenario)
  result = t.run(t.command { t.diaglab, "test", dir })
  t.equal(result.code, 0, result.out .. result.err)
  -- A word that is no profile's, nor can be one of the program's.
  for wrong, text in pairs { ["lab.OpenFile"] = "did you mean", Unsent = "Unsent", ["heap.Unsent"] = "heap" } do
    local other = own_exercise()
    exercise.edit(other, "lesson.lua", 'profile = "shop.Unsent"', ('profile = "%s"'):format(wrong))
    local checked = t.run(t.command { t.diaglab, "check", other })
    t.equal(checked.code, 1, wrong)
    t.has(checked.out, text)
  end
end)

t.test("a student's capture of it shows the fault", function()
  local root = own_exercise():match("^(.*)/")
  local lab = t.start_with({ root, t.source .. "/scenarios" }, "--step", "50")
  for _ = 1, 5 do t.equal(lab:get("/").status, 200) end
  ask(lab, PPROF .. "shop.Unsent?debug=1")
  local answer = lab:post("/lab/answer", "class=leak.file&where=writeReceipt")
  t.equal(answer.status, 200, answer.body)
  t.match(answer.body, "solved")
  t.equal(lab:go_to("50&program-file=fixed.lua").status, 200)
  for _ = 1, 5 do t.equal(lab:get("/").status, 200) end
  t.equal(total(lab, "shop.Unsent"), 0)
  t.equal(lab:stop(), 0)
end)

t.finish()
