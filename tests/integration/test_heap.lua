-- SPDX-License-Identifier: MIT
-- The heap profile of a step is the step's: blocks that shrink, steps that were
-- left, and where it begins. With --memprofile-rate 1 it is exact.
local t = require "harness"
local proto = require "proto"
local socket = require "socket"
t.need("curl", "gzip")

local scenarios = t.source .. "/tests/integration/scenarios"

local function in_sessions(...)
  return t.start_with({ scenarios }, "--memprofile-rate", "1", ...)
end

local function text_of(lab, profile, parameters)
  return lab:get(("/debug/pprof/%s?debug=1%s"):format(profile, parameters or "")).body
end

-- What heap?debug=1 says is in use, and its text.
local function heap(lab)
  local text = text_of(lab, "heap", "&gc=1")
  return tonumber((t.match(text, "^heap profile: %d+: (%d+)"))), text
end

-- Bytes in use, and allocated, of the records whose stack has the function NAME.
local function of(text, name)
  local inuse, allocated, record = 0, 0, { 0, 0 }
  for line in text:gmatch("[^\n]*") do
    local i, a = line:match("^%d+: (%d+) %[%d+: (%d+)%] @ ")
    if i then record = { i, a } end
    if line:find("\t" .. name .. "+", 1, true) then
      inuse, allocated = inuse + record[1], allocated + record[2]
      record = { 0, 0 }
    end
  end
  return inuse, allocated
end

local function has_no_switch(text, what)
  for name in text:gmatch("\t(main%.[^\t+]+)") do
    t.check(name:find("Handler") or name == "main.doSomeBusinessLogic", what .. " has " .. name)
  end
end

t.test("a table that shrinks shrinks in the profile", function()
  local lab = in_sessions("--step", "72")
  t.equal(lab:get("/shrink").body, "small")
  local _, text = heap(lab)
  local inuse, allocated = of(text, 'sessions.routes["/shrink"]')
  t.between(allocated, 4000000, 20000000, "allocated")
  t.between(inuse, 1, 100000, "in use")
end)

t.test("what a step has left behind is in no later profile", function()
  local lab = in_sessions("--step", "0")
  t.equal(heap(lab), 0, "in use in step 0")
  t.equal(lab:go_to(72).status, 200)
  t.equal(lab:get("/many").body, "done")
  local _, text = heap(lab)
  t.check(of(text, "sessions.buildProfile") > 4000000, "it is in use")
  t.equal(lab:get("/empty").body, "empty")
  _, text = heap(lab)
  t.between(of(text, "sessions.buildProfile"), 0, 100000, "in use when the cache is empty")
  t.equal(lab:get("/many").body, "done")
  lab:leave()
  local inuse
  inuse, text = heap(lab)
  t.equal(inuse, 0, "in use in step 0 again")
  t.check(not text:find("sessions.", 1, true), text)
  t.equal(lab:go_to(72).status, 200)
  _, text = heap(lab)
  t.equal(of(text, "sessions.buildProfile"), 0, "in use in the second visit")
end)

t.test("a step's profiles begin when it has been entered", function()
  local lab = in_sessions("--step", "0")
  t.equal(lab:go_to(72).status, 200)
  local _, text = heap(lab)
  local inuse, allocated = of(text, "sessions.enter")
  t.between(inuse, 5000000, 5100000, "what enter keeps")
  t.equal(allocated, 0, "allocated by enter")
  has_no_switch(text, "heap")
  t.check(not text_of(lab, "block"):find("\tsessions."), "block is empty")
  text = text_of(lab, "heap", "&since=start")
  _, allocated = of(text, "sessions.calibrate")
  t.between(allocated, 20000000, 21000000, "allocated by calibrate")
  has_no_switch(text, "heap since the start")
end)

t.test("the lab's own waiting is in no profile", function()
  local lab = in_sessions("--step", "72")
  lab:leave()
  local text = text_of(lab, "block", "&since=start")
  t.has(text, "sessions.waitForHelper")
  t.check(not text:find("leaveCurrent", 1, true), text)
  t.check(not text:find("giving.settle", 1, true), text)
end)

-- ---- what the process keeps ------------------------------------------------------

t.test("a step that is left takes its idle memory with it", function()
  local lab = in_sessions("--step", "0")
  if not lab:get("/debug/vars").body:find('"HeapIdle":[1-9]') then return end -- libc's heap can't tell
  local function rss_is_near(before)
    return t.eventually(function() return lab:rss() < before + 15e6 end)
  end
  local at_first = lab:rss()
  t.equal(lab:go_to(71).status, 200)
  t.equal(lab:get("/fill?n=150").status, 200)
  t.check(lab:rss() > at_first + 140e6, "the step's RSS")
  t.equal(lab:get("/drop").status, 200)
  t.equal(lab:get("/gc").status, 200)
  t.check(lab:rss() > at_first + 140e6, "RSS of memory that the step keeps idle")
  lab:leave()
  rss_is_near(at_first)
  t.equal(lab:go_to(71).status, 200) -- and what it still holds
  t.equal(lab:get("/fill?n=150").status, 200)
  t.equal(lab:go_to(62).status, 200)
  rss_is_near(at_first)
end)

-- Buffers that are dropped in between are in use for a profile without gc=1: the
-- last of them has begun a collection, and what comes after it is too little for one.
t.test("heap?gc=1&seconds=N: what was added and stayed", function()
  local lab = in_sessions("--step", "71")
  local p = t.enough(function(seconds)
    local file, asked = t.temp_file(), t.now()
    local forced = lab:vars()("NumForcedGC")
    local curl = t.spawn(("curl -sS --fail -o %s '%s/debug/pprof/heap?gc=1&seconds=%d'"):format(file, lab.url, seconds))
    t.eventually(function() return lab:vars()("NumForcedGC") == forced + 1 end)
    t.sleep(seconds / 4)
    local made = socket.gettime()
    t.equal(lab:get("/hold_buffers?n=6").status, 200)
    t.equal(lab:get("/drop").status, 200)
    local whole = t.now() < asked + seconds
    t.equal(curl:wait(seconds + 60), 0)
    t.equal(lab:vars()("NumForcedGC"), forced + 2, "forced collections")
    local p = proto.read(file)
    return p, whole and (p.time_nanos - p.duration_nanos) / 1e9 < made
  end, function(_, whole) return whole end, 2)
  local function is_buffer(_, s)
    for _, l in ipairs(s.label) do
      if p:text(l.key) == "bytes" and l.num == 1000000 then return true end
    end
  end
  t.equal(p:sum(1, is_buffer), 6, "buffers that were made")
  t.equal(p:sum(4, is_buffer), 0, "bytes of those that stayed")
  t.equal(lab:stop(), 0)
end)

t.finish()
