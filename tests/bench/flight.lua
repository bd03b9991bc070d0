-- SPDX-License-Identifier: MIT
-- What the flight recorder costs a request of `/`: on, against off.
--
-- flight.lua(t, bench) -> group        t: the tests' harness; bench = { row =, start =,
--   alternate =, request_cost =, rss =, free_port = } of bench.lua
local t, bench = ...
local FLAG = { "--flight", "5s" }
local OFF = { "--flight", "0" }

-- User instructions of a request, by callgrind: no load of the machine disturbs them.
-- The difference of two runs leaves out the lab's start.
local function instructions(flags)
  local function count(requests)
    local file, port = t.temp_dir() .. "/callgrind", bench.free_port()
    local url = "http://127.0.0.1:" .. port
    local lab = t.spawn(t.command { "valgrind", "--tool=callgrind", "--callgrind-out-file=" .. file, t.diaglab,
      "--listen", "127.0.0.1:" .. port, "--state", "none", table.unpack(flags) })
    t.eventually(function() return t.http(url).status == 200 end, 60)
    t.run(("%s load --quiet --requests %d --clients 16 %s/"):format(t.diaglab, requests, url))
    lab:signal("TERM")
    lab:wait(60)
    return tonumber(t.read(file):match("totals: (%d+)"))
  end
  return (count(6000) - count(2000)) / 4000
end

return function()
  local on, off = bench.start(table.unpack(FLAG)), bench.start(table.unpack(OFF))
  local ours, theirs = bench.alternate(bench.request_cost(on), bench.request_cost(off))
  bench.row("/ with the flight recorder, against off (CPU us)", "%.2f", ours, theirs, "<= 1.03")
  bench.row("  RSS after these requests (MB)", "%.2f", bench.rss(on.pid), bench.rss(off.pid))
  if t.run("command -v valgrind").code == 0 then
    bench.row("  user instructions", "%.0f", instructions(FLAG), instructions(OFF))
  end
end
