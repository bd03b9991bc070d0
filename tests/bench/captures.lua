-- SPDX-License-Identifier: MIT
-- What it costs that the lab keeps what students are given, as evidence: the latency
-- and the CPU time of each profile, and of `/`.
--
-- captures.lua(t, bench) -> group      t: the tests' harness; bench = { row =, start =,
--   cpu_seconds =, rounds = } of bench.lua
--
-- Nothing is kept of clients whose User-Agent is that of a scraper. So one lab is asked
-- by both in turn, one request each, and all else is the same.
local t, bench = ...
local socket = require "socket"

local KEPT, NOT_KEPT = "curl/8", "diaglab-bench"

-- { path, requests of each kind in a round; a longer one: its seconds }
local PATHS = {
  { "/debug/pprof/heap", 20 }, { "/debug/pprof/allocs", 20 }, { "/debug/pprof/goroutine", 20 },
  { "/debug/pprof/goroutine?debug=1", 20 }, { "/debug/pprof/goroutine?debug=2", 20 },
  { "/debug/pprof/block", 20 }, { "/debug/pprof/mutex", 20 }, { "/debug/pprof/lab.OpenFiles", 20 },
  { "/debug/vars", 20 }, { "/metrics", 20 }, { "/debug/pprof/profile?seconds=1", 1, seconds = 1 },
  { "/debug/pprof/wall?seconds=1", 1, seconds = 1 }, { "/debug/pprof/trace?seconds=1", 1, seconds = 1 },
}

-- ---- a client -------------------------------------------------------------------

local function connect(lab)
  local host, port = lab.url:match "^http://(.-):(%d+)$"
  local connection = assert(socket.connect(host, tonumber(port)))
  connection:setoption("tcp-nodelay", true)
  return connection
end

local function read_chunks(connection)
  repeat
    local size = tonumber(assert(connection:receive()):match "^%x+", 16)
    assert(connection:receive(size + 2))
  until size == 0
end

-- Seconds until the answer was there.
local function get(connection, path, agent)
  local begun = socket.gettime()
  assert(connection:send(("GET %s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: %s\r\n\r\n"):format(path, agent)))
  local status, length = assert(connection:receive()), nil
  repeat
    local line = assert(connection:receive())
    length = line:lower():match "^content%-length: (%d+)" or length
  until line == ""
  if length then assert(connection:receive(tonumber(length))) else read_chunks(connection) end
  if not status:find "^HTTP/1.1 200" then error(path .. ": " .. status) end
  return socket.gettime() - begun
end

-- ---- rows -----------------------------------------------------------------------

local function quantile(sorted, share) return sorted[math.max(1, math.ceil(share * #sorted))] end

local function show(name, format, values, spent, many)
  for _, list in ipairs(values) do table.sort(list) end
  bench.row(name .. ", kept/not, p50 (ms)", format, quantile(values[1], 0.5), quantile(values[2], 0.5))
  if many then bench.row("  p99 (ms)", format, quantile(values[1], 0.99), quantile(values[2], 0.99)) end
  bench.row("  CPU time (us)", "%.0f", spent[1] / #values[1] * 1e6, spent[2] / #values[2] * 1e6)
end

-- Until the lab has done what it does after an answer.
local function settle(lab)
  local before
  repeat
    before = bench.cpu_seconds(lab.pid)
    t.sleep(0.005)
  until bench.cpu_seconds(lab.pid) - before < 0.0005
end

local function measure(lab, connection, path)
  local values, spent = { {}, {} }, { 0, 0 }
  for round = 1, bench.rounds * path[2] do
    for turn = 1, 2 do
      local i = (round + turn) % 2 + 1 -- who was second is the first one then
      local before = bench.cpu_seconds(lab.pid)
      local seconds = get(connection, path[1], i == 1 and KEPT or NOT_KEPT)
      settle(lab)
      spent[i] = spent[i] + bench.cpu_seconds(lab.pid) - before
      table.insert(values[i], (seconds - (path.seconds or 0)) * 1e3)
    end
  end
  show(path[1]:gsub("^/debug/pprof/", ""), "%.3f", values, spent, path[2] > 1)
end

-- `/` of a lab that has kept much, and of one that was asked the same and has kept
-- nothing: new ones in each round, because two labs differ by themselves, too.
local function measure_application()
  local values, spent = { {}, {} }, { 0, 0 }
  for round = 1, bench.rounds do
    local labs, connections = {}, {}
    for i, agent in ipairs { KEPT, NOT_KEPT } do
      labs[i] = bench.start("--step", "0")
      connections[i] = connect(labs[i])
      for n = 1, 500 do get(connections[i], PATHS[n % 10 + 1][1], agent) end
    end
    for turn = 1, 40 do
      local i = (round + turn) % 2 + 1
      local before = bench.cpu_seconds(labs[i].pid)
      for _ = 1, 50 do table.insert(values[i], get(connections[i], "/", KEPT) * 1e3) end
      spent[i] = spent[i] + bench.cpu_seconds(labs[i].pid) - before
    end
    for i, lab in ipairs(labs) do
      connections[i]:close()
      lab:stop()
    end
  end
  show("/", "%.3f", values, spent, true)
end

return function()
  local lab = bench.start("--step", "5")
  local connection = connect(lab)
  for _ = 1, 100 do get(connection, "/", KEPT) end
  for _, path in ipairs(PATHS) do measure(lab, connection, path) end
  measure_application()
end
