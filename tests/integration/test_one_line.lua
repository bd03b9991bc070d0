-- SPDX-License-Identifier: MIT
-- needs: processor
-- Functions that begin at one line are told apart in every kind of profile,
-- dump and trace: each has its own name and its own time.
local t = require "harness"
local trace = require "trace"
t.need("go", "curl")

local scenarios = t.source .. "/tests/integration/scenarios"

local function start() return t.start_with({ scenarios }, "--step", "88") end

-- What `once` takes is 1.
local UNITS = {
  ["one-line.ops.costly"] = 6, ["one-line.once"] = 1, ["one-line.thrice"] = 3,
  ["one-line.mt.__index"] = 2, ["one-line.mt.__add"] = 4, ["one-line.outer"] = 6, ["one-line.inner"] = 5,
  ["made:1#2"] = 2, ["made:1#3"] = 1,
}
local IDLE = { "one-line.ops.idle", "one-line.mt.__len", "one-line.mt.__sub", "made:1" }

local function check_times(top, what)
  local everything = top["one-line.everything"].cum
  for name, units in pairs(UNITS) do
    local row = t.check(top[name], what .. " has " .. name)
    t.near(row.cum / everything, units / 25, 0.05, what .. ": " .. name)
  end
  for _, name in ipairs(IDLE) do
    local row = top[name]
    t.between(row and row.cum / everything or 0, 0, 0.01, what .. ": " .. name)
  end
end

-- The shares of few samples are no good, nor those of samples that stand for many
-- ticks each, as on a busy machine. Those of an honest profile get better the
-- longer it takes; those of one that is biased don't.
local function much_of(lab, path, what, ...)
  local flags = table.pack(...)
  return t.enough(function(seconds)
    local file = lab:fetch_beside(("%s?seconds=%d&hz=1000"):format(path, seconds), "/")
    return t.pprof.top(file, table.unpack(flags, 1, flags.n)), file
  end, function(top)
    return top["one-line.everything"] and top["one-line.everything"].cum > 1 and pcall(check_times, top, what)
  end, 2)
end

t.test("the CPU profile", function()
  local lab = start()
  local _, file = much_of(lab, "/debug/pprof/profile", "cpu")
  t.has(t.pprof.run(file, "-traces"), "one-line.ops.costly")
  t.has(t.pprof.run(file, "-peek", "^one-line.inner$"), "one-line.outer")
  t.equal(lab:stop(), 0)
end)

t.test("the wall profile", function()
  local lab = start()
  much_of(lab, "/debug/pprof/wall", "wall", "-tagfocus=state=running", "-ignore=running, off CPU")
  t.equal(lab:stop(), 0)
end)

t.test("goroutine profiles and dumps", function()
  local lab = start()
  local top = t.pprof.top(lab.url .. "/debug/pprof/goroutine")
  t.equal(top["one-line.waits"].cum, 1)
  t.equal(top["one-line.alsoWaits"].cum, 2)
  local text = lab:get("/debug/pprof/goroutine?debug=1").body
  t.match(text, "\n1 @[^\n]*\n#[^\n]*lab.Channel.recv[^\n]*\n[^\n]*one%-line%.waits%+")
  t.has(text, "one-line.alsoWaits+")
  local dump = lab:get("/debug/pprof/goroutine?debug=2").body
  t.has(dump, "one-line.waits(...)")
  t.equal(select(2, dump:gsub("\none%-line.alsoWaits%(%.%.%.%)", "")), 2)
  t.equal(lab:stop(), 0)
end)

t.test("block, mutex and heap profiles", function()
  local lab = start()
  for _ = 1, 5 do t.equal(lab:get("/locks").status, 200) end
  t.equal(lab:get("/memory").status, 200)
  local block = t.pprof.top(lab.url .. "/debug/pprof/block")
  t.check(block["one-line.alsoLocks"], "who waited")
  local heap = t.pprof.top(lab.url .. "/debug/pprof/heap", "-sample_index=alloc_space")
  t.near(heap["one-line.much"].cum / heap.total, 1, 0.02, "much")
  -- Lua's table of strings may grow in it: that is one sample, of 40 MB.
  t.between(heap["one-line.less"] and heap["one-line.less"].cum / heap.total or 0, 0, 0.015)
  t.equal(lab:stop(), 0)
end)

t.test("traces", function()
  local lab = start()
  local of = t.enough(function(seconds)
    return trace.profile(lab:fetch_beside("/debug/pprof/trace?seconds=" .. seconds, "/locks"), "sync")
  end, function(of) return of("one-line.alsoLocks") > 0 end) -- who waited
  t.equal(of("one-line.locks"), 0, "who did not wait")
  t.equal(lab:stop(), 0)
end)

t.finish()
