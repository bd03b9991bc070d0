-- SPDX-License-Identifier: MIT
-- needs: processor
-- A C function that is at work when a CPU profile ends is in it, with its
-- stack; that of a request is main.routeHandler's.
local t = require "harness"
t.need("go", "curl")

local scenarios = t.source .. "/tests/integration/scenarios"

local function start() return t.start_with({ scenarios }, "--step", "70") end

local function fetch(lab, path)
  local file = t.temp_dir() .. "/profile"
  return t.spawn(("curl -sS --fail --max-time 60 -o %s '%s/debug/pprof/%s'"):format(file, lab.url, path)), file
end

local function names_of(sample)
  local names = {}
  for _, location in ipairs(sample.stack) do
    for _, frame in ipairs(location.frames) do names[frame.name] = true end
  end
  return names
end

-- CPU seconds of the stacks that have all the names.
local function time_of(file, ...)
  local raw, sum = t.pprof.raw(file), 0
  for _, sample in ipairs(raw.samples) do
    local names, all = names_of(sample), true
    for _, name in ipairs { ... } do all = all and names[name] end
    if all then sum = sum + sample.values[2] / 1e9 end
  end
  return sum
end

-- PAGE is in the function NAME when profiles of these RATES begin, and still
-- when they end.
local function check_running(page, rates, name, ...)
  local lab = start()
  if page == "/sort" then t.equal(lab:get("/fill?n=8000000").status, 200) end
  local request = t.spawn(("curl -s '%s%s'"):format(lab.url, page))
  lab:work("vm", 0.1)
  local files
  local spent = t.enough(function(seconds)
    local before, curls = lab:thread_cpu("vm"), {}
    files = {}
    for i, rate in ipairs(rates) do
      curls[i], files[i] = fetch(lab, ("profile?seconds=%d&hz=%d"):format(seconds, rate))
    end
    for _, curl in ipairs(curls) do t.equal(curl:wait(), 0, "curl") end
    return lab:thread_cpu("vm") - before
  end, function(spent) return spent > 0.5 end)
  t.check(request:alive(), name .. " is longer than the profile")
  for _, file in ipairs(files) do
    t.between(time_of(file, name, "main.routeHandler", ...), 0.4 * spent, 1.05 * spent, "time of " .. name)
    t.equal(time_of(file, "[running C function]"), 0, "time without a stack")
  end
  lab:signal("KILL")
end

t.measured("a sort", function()
  check_running("/sort", { 250 }, "table.sort", 'cpu.routes["/sort"]')
end)

t.measured("a sort, and several profiles that end at one moment", function()
  check_running("/sort", { 200, 400, 1000 }, "table.sort", 'cpu.routes["/sort"]')
end)

t.measured("a pattern", function()
  check_running("/find?n=2400&parts=3", { 250 }, "string.find", 'cpu.routes["/find"]')
end)

t.measured("a pattern that is deep in C", function()
  check_running("/find?n=60&parts=60", { 250 }, "string.find", 'cpu.routes["/find"]')
end)

t.finish()
