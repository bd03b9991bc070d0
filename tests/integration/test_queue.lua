-- SPDX-License-Identifier: MIT
-- What waits because the VM is busy is shown as runnable: requests from the
-- moment they came, with the function they will begin with; sleeps that are
-- over; timers. Those also say where they were set.
local t = require "harness"
t.need("go", "curl")

local scenarios = t.source .. "/tests/integration/scenarios"

local function start() return t.start_with({ scenarios }, "--step", "87") end

local function has(sample, wanted)
  for _, location in ipairs(sample.stack) do
    for _, frame in ipairs(location.frames) do
      if frame.name == wanted then return true end
    end
  end
end

-- Seconds that a wall profile has in a STATE, at stacks with all the names.
local function time_of(raw, state, ...)
  local sum = 0
  for _, sample in ipairs(raw.samples) do
    local all = sample.labels.state and sample.labels.state[1] == state
    for _, name in ipairs { ... } do all = all and has(sample, name) end
    if all then sum = sum + sample.values[2] / 1e9 end
  end
  return sum
end

local function profile(lab, path)
  local file = t.temp_dir() .. "/profile"
  return t.spawn(("curl -sS --fail -o %s '%s/debug/pprof/%s'"):format(file, lab.url, path)), file
end

t.measured("the wall profile has the whole time that a request waited", function()
  local lab = start()
  t.equal(lab:get("/fill").status, 200)
  local curl, file = profile(lab, "wall?seconds=10")
  lab:wait_profiler(curl)
  local sort = t.spawn(("curl -s -o /dev/null -w '%%{time_total}' %s/sort"):format(lab.url))
  lab:work("vm", 0.05) -- it is in C, and nothing else can run
  local requests = {}
  for i = 1, 3 do requests[i] = t.spawn(("curl -s -o /dev/null -w '%%{time_total}' %s/"):format(lab.url)) end
  local waited = 0
  for _, request in ipairs(requests) do
    t.equal(request:wait(), 0)
    waited = waited + tonumber(request:out())
  end
  t.equal(sort:wait(), 0)
  t.equal(curl:wait(), 0)
  local raw = t.pprof.raw(file)
  local queued = time_of(raw, "runnable", "[runnable]", "main.helloWorldHandler")
  local sorted = time_of(raw, "running", "table.sort")
  t.between(queued, waited / 2, 1.01 * waited, "seconds that three requests were runnable")
  t.check(sorted > 0.1 and waited > 0.1, "the sort took long enough")
  t.check(time_of(raw, "runnable", "queue.nap") > sorted / 2, "a sleep that is over")
  t.check(time_of(raw, "sleep", "queue.nap") < time_of(raw, "runnable", "queue.nap"), "sleeps no longer")
  t.check(time_of(raw, "runnable", "lab.after", 'queue.routes["/sort"]') > sorted / 2, "a timer that is due")
  t.equal(lab:stop(), 0)
end)

t.test("the goroutine profile has requests that wait, with their entry", function()
  local lab = start()
  for _, page in ipairs { "spin", "spin", "spin", "", "", "" } do
    t.spawn("sh -c " .. t.quote(("while curl -s -o /dev/null %s/%s; do :; done"):format(lab.url, page)))
  end
  t.eventually(function()
    local dump = lab:get("/debug/pprof/goroutine?debug=2").body
    return dump:find("%[runnable%]:\nmain.helloWorldHandler%(%.%.%.%)\n\t[^\n]*main.lua:%d+")
  end)
  t.eventually(function()
    local curl, file = profile(lab, "goroutine")
    t.equal(curl:wait(), 0)
    for _, sample in ipairs(t.pprof.raw(file).samples) do
      if #sample.stack == 1 and has(sample, "main.helloWorldHandler") then return true end
    end
  end)
  lab:signal("KILL")
end)

t.test("timers have the place where they were set", function()
  local lab = start()
  local dump = lab:get("/debug/pprof/goroutine?debug=2").body
  for _, name in ipairs { "after", "every" } do
    t.match(dump, "%[sleep%]:\nlab%." .. name .. "%(%.%.%.%)\n\t[^\n]*timer%.c:%d+ [^\n]*\n" ..
      "queue%.setTimers%(%.%.%.%)\n\t[^\n]*scenario%.lua:%d+ [^\n]*\ncreated by queue%.setTimers in goroutine %d+\n")
  end
  local top = t.pprof.top(lab.url .. "/debug/pprof/goroutine")
  t.equal(top["queue.setTimers"].cum, 2)
  local json = lab:get("/debug/pprof/trace?seconds=1&format=json").body
  t.match(json, '"stack":"lab%.every:%d+ < queue%.setTimers:%d+"')
  t.match(json, '"name":"lab%.every"') -- whose goroutine it is
  t.equal(lab:stop(), 0)
end)

t.finish()
