-- SPDX-License-Identifier: MIT
-- Drives 01-calls: hostile calls of the whole library, in batches, each with a seed
-- of its own. `./lab fuzz calls` runs it in the build with AddressSanitizer. In the
-- environment:
--
--   CALLS    how many calls (10,000), or
--   FOR_SECONDS  for how long
--   SEED     of the first batch (the time); a batch that failed is repeated by its
--            own: SEED=N CALLS=1000
--   LOGS     a folder where the log of a lab that died is kept
--
-- A lab that dies, hangs or doesn't leave the step is a finding; the next batch gets
-- a new one. Exits 1 if there was any, or if a function was never called.
local t = require "harness"
t.need("curl")

local BATCH = 1000
local seconds = tonumber(os.getenv("FOR_SECONDS"))
local most = tonumber(os.getenv("CALLS") or (seconds and math.huge or 10000))
local first = math.tointeger(tonumber(os.getenv("SEED") or os.time()))
local logs = os.getenv("LOGS")

-- "Task:join" for each method in the reference.
local function methods()
  local list = {}
  for name in t.read(t.source .. "/lua/types/lab.lua"):gmatch("\nfunction ([%a_]+:[%a_]+)%(") do
    list[#list + 1] = ("%q"):format(name)
  end
  return "return { " .. table.concat(list, ", ") .. " }\n"
end

-- A folder with the scenario and the names of the methods.
local function folder()
  local dir = t.temp_dir()
  t.run(("cp -r %s/tests/fuzz/scenarios/01-calls %s"):format(t.quote(t.source), t.quote(dir)))
  t.write(dir .. "/01-calls/methods.lua", methods())
  return dir
end

local dir = folder()
local calls, findings, counts = 0, {}, {}
local lab

local function find(seed, what)
  findings[#findings + 1] = ("SEED=%d: %s"):format(seed, what)
  io.stderr:write("calls: ", findings[#findings], "\n")
  if logs then t.write(("%s/calls-%d.log"):format(logs, seed), lab:log()) end
  lab:signal("KILL")
  lab = nil
end

local function take_counts(text)
  for name, n in text:gmatch("(%S+) (%d+)\n") do counts[name] = (counts[name] or 0) + tonumber(n) end
end

local function run_batch(seed, n)
  lab = lab or t.start_with({ dir, t.source .. "/scenarios" }, "--step", "1")
  local answer = lab:get(("/run?seed=%d&calls=%d"):format(seed, n))
  if not lab:alive() then return find(seed, "the lab died") end
  -- A call may have cancelled the request itself.
  if answer.status == 200 then take_counts(answer.body) elseif answer.status ~= 503 then
    return find(seed, "answer " .. tostring(answer.status or answer.failure))
  end
  if lab:leave().status ~= 200 then return find(seed, "the step can't be left") end
  if lab:get("/").body ~= "hello world" then return find(seed, "step 0 doesn't say hello") end
  if lab:get("/goto?step=1").status ~= 200 then return find(seed, "the step can't be entered again") end
end

local began = t.now()
local function is_over()
  return calls >= most or (seconds and t.now() - began >= seconds)
end

t.test("every function and every method, with hostile arguments", function()
  lab = t.start_with({ dir, t.source .. "/scenarios" }, "--step", "1")
  local names = lab:get("/names").body
  local seed, said = first, t.now()
  while not is_over() do
    local n = math.min(BATCH, most - calls)
    run_batch(seed, math.tointeger(n))
    seed, calls = seed + 1, calls + n
    if t.now() - said >= 30 then
      said = t.now()
      io.stderr:write(("calls: %d calls, %.0f a second, %d findings\n")
        :format(calls, calls / (said - began), #findings))
    end
  end
  if lab then
    t.equal(lab:leave().status, 200)
    t.has(lab:get("/debug/pprof/goroutine?debug=1").body, "total 0")
    t.eventually(function() return t.run("pgrep -P " .. lab.pid).out == "" end)
    t.equal(lab:stop(), 0)
  end
  print(("SEED=%d: %d calls, %.0f a second, %d findings"):format(first, calls, calls / (t.now() - began), #findings))
  t.equal(#findings, 0, table.concat(findings, "\n"))
  if calls >= 10000 then
    for name in names:gmatch("%S+") do t.check(counts[name], name .. " was never called") end
  end
end)

t.finish()
