-- SPDX-License-Identifier: MIT
-- Many recordings at the same time, as many clients may ask for them: each costs
-- something with every sample, or keeps a snapshot, so there is a limit.
local t = require "harness"
t.need("curl")
t.with_stuck()

local PPROF = "/debug/pprof/"
local MOST = 64
local REFUSED = MOST .. " recordings are under way; ask again when one has ended\n"

-- N recordings of a PATH, in a process that ends them with it.
local function record(lab, path, n)
  return t.spawn(("curl -sSv -Z --parallel-immediate --parallel-max 100 -o /dev/null '%s%s&client=[1-%d]'")
    :format(lab.url, path, n))
end

local function count_connections(lab)
  return tonumber(lab:get("/metrics").body:match("\ndiaglab_connections (%d+)"))
end

-- Until the lab has CONNECTIONS, and those of the CROWD have sent what they ask.
local function wait_crowd(lab, crowd, connections)
  t.eventually(function()
    local sent = 0
    for _, one in ipairs(crowd) do sent = sent + select(2, one:err():gsub("> GET ", "")) end
    return sent >= MOST and count_connections(lab) >= connections
  end)
end

t.test("there is a limit for all kinds of recordings together", function()
  local lab = t.start("--step", "3")
  local before = count_connections(lab)
  local crowd = {
    record(lab, PPROF .. "profile?seconds=600&hz=2000", 16),
    record(lab, "/pprof/profile?seconds=600", 8),
    record(lab, "/debug/fgprof?seconds=600", 16),
    record(lab, PPROF .. "heap?seconds=600", 16),
    record(lab, PPROF .. "mutex?seconds=600", 8),
  }
  wait_crowd(lab, crowd, before + MOST)
  for _, path in ipairs { PPROF .. "profile?seconds=1", "/pprof/profile?seconds=1", PPROF .. "wall?seconds=1",
    PPROF .. "heap?seconds=1", PPROF .. "block?seconds=1", PPROF .. "trace?last=1s" } do
    local answer = lab:get(path)
    t.equal(answer.status, 503, path)
    t.equal(answer.body, REFUSED, path)
  end
  for _, path in ipairs { "/status", "/metrics", PPROF .. "heap", PPROF .. "goroutine?debug=1",
    PPROF .. "trace?seconds=0.1", PPROF .. "mutex" } do
    t.equal(lab:get(path).status, 200, path)
  end
  t.equal(lab:get(PPROF .. "profile?seconds=x").status, 400)
  for _, one in ipairs(crowd) do one:signal("KILL") end
  for _, path in ipairs { PPROF .. "profile?seconds=1", PPROF .. "wall?seconds=1", PPROF .. "heap?seconds=1",
    PPROF .. "trace?last=1s" } do
    t.eventually(function() return lab:get(path).status == 200 end)
  end
  t.equal(lab:stop(), 0)
end)

t.test("who has left leaves no recording behind, also while the VM can't be asked", function()
  local dir = t.temp_dir()
  t.run("mkdir " .. dir .. "/50-stuck")
  t.write(dir .. "/50-stuck/scenario.lua",
    'return { title = "stuck", request = function() return tostring(("x"):find("stuck 100", 1, true)) end }')
  local lab = t.start_with({ dir, t.source .. "/scenarios" }, "--step", "50")
  local before = count_connections(lab)
  t.spawn("curl -s -o /dev/null " .. lab.url .. "/") -- one connection more
  t.eventually(function() return lab:get("/status").body:find('"running": 1', 1, true) end)
  for _ = 1, 2 do
    local crowd = record(lab, PPROF .. "wall?seconds=600", MOST)
    wait_crowd(lab, { crowd }, before + 1 + MOST)
    t.equal(lab:get(PPROF .. "profile?seconds=1").status, 503)
    crowd:signal("KILL")
    t.eventually(function() return not lab:has_thread("profiler") end)
  end
  t.equal(lab:get(PPROF .. "profile?seconds=1").status, 200)
  t.equal(lab:stop(), 0)
end)

t.finish()
