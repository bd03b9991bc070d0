-- SPDX-License-Identifier: MIT
-- lab.tcp: what its sockets do, how they are seen from inside and outside, what they
-- may cost, and that nothing of them is left.
local t = require "harness"
local trace = require "trace"
t.need("curl", "go", "ss", "bash")

local function start(...)
  local lab = t.start_with({ t.source .. "/tests/integration/scenarios", t.source .. "/scenarios" }, ...)
  lab:get("/") -- libuv opens /dev/null with the first connection
  return lab
end

local function goto_step(lab, step)
  t.has(lab:go_to(step).body, "switched to step")
end

local function count_lines(cmd)
  local _, n = t.run(cmd).out:gsub("\n", "")
  return n
end

local function count_fds(lab) return count_lines(("ls /proc/%d/fd"):format(lab.pid)) end

-- Connections that the kernel knows of this lab, by state: { ["CLOSE-WAIT"] = 3 }.
local function count_states(lab, filter)
  local states = {}
  for state, rest in t.run("ss -tanpH " .. (filter or "")).out:gmatch("(%S+)([^\n]*)\n") do
    if rest:find("pid=" .. lab.pid .. ",", 1, true) then states[state] = (states[state] or 0) + 1 end
  end
  return states
end

-- What `lab.OpenFiles` counts, and its text.
local function open_files(lab)
  local text = lab:get("/debug/pprof/lab.OpenFiles?debug=1").body
  return tonumber(t.match(text, "total (%d+)\n")), text
end

-- A route of the scenario that tries something.
local function try(lab, route)
  local answer = lab:get("/" .. route)
  if answer.status ~= 200 then error(route .. ": " .. lab:details(answer)) end
  t.equal(answer.body, "ok")
end

for _, route in ipairs { "echo", "ip6", "errors", "large", "order", "timeouts", "cancel", "closed", "reset", "collect",
  "pool" } do
  t.test("tcp: " .. route, function()
    local lab = start()
    local before = count_fds(lab)
    goto_step(lab, 55)
    for _ = 1, 2 do try(lab, route) end
    goto_step(lab, 0)
    t.eventually(function() return count_fds(lab) <= before end)
    t.equal(open_files(lab), 0)
    t.equal(lab:stop(), 0)
  end)
end

t.test("limits.fds: a connection waits until there is a descriptor for it", function()
  local lab = start()
  goto_step(lab, "55&fds=9")
  try(lab, "descriptors")
  t.equal(lab:stop(), 0)
end)

t.test("a server that forgets to close: CLOSE_WAIT, and who has accepted them", function()
  local lab = start()
  goto_step(lab, 55)
  local port = lab:get("/leak?n=20").body:match("%d+$")
  t.eventually(function() return count_states(lab, "sport = :" .. port)["CLOSE-WAIT"] == 20 end)
  local n, text = open_files(lab)
  t.equal(n, 21)
  t.match(text, "\n20 @ [^\n]*\n# labels[^\n]*\n#[^\n]*lab%.Listener%.accept[^\n]*\n#[^\n]*serveClient[^\n]*\n")
  t.match(text, "\n1 @ [^\n]*\n# labels[^\n]*\n#[^\n]*lab%.tcp%.listen[^\n]*\n")
  t.match(lab:get("/metrics").body, "\ndiaglab_step_open_fds 21\n")
  goto_step(lab, 0)
  t.equal(open_files(lab), 0)
  t.equal(count_states(lab, "sport = :" .. port)["CLOSE-WAIT"], nil)
  t.match(lab:log(), "step 55: 20 sockets were left behind and taken back")
  t.match(lab:log(), "step 55: 1 listener was left behind and taken back")
  t.equal(lab:stop(), 0)
end)

t.test("tasks that wait for sockets say so, and where", function()
  local lab = start()
  goto_step(lab, 55)
  t.equal(lab:get("/park").body, "parked")
  lab:wait_tasks("IO wait", 4)
  local blocks = {}
  for block in (lab:get("/debug/pprof/goroutine?debug=2").body .. "\n"):gmatch("goroutine %d+ (%[IO wait.-)\n\n") do
    blocks[#blocks + 1] = block
  end
  local wall = t.pprof.top(lab.url .. "/debug/pprof/wall?seconds=1")
  t.equal(#blocks, 4)
  local text = table.concat(blocks, "\n")
  for call, caller in pairs { ["lab.Socket.read"] = "readSlowly", ["lab.Socket.write"] = "writeMuch",
    ["lab.Listener.accept"] = "acceptNobody", ["lab.tcp.connect"] = "connectInVain" } do
    t.match(text, "]:\n" .. call:gsub("%p", "%%%0") .. "%(", call .. " on top")
    t.match(text, "%." .. caller .. "%(", "its caller")
    t.check(wall[call] and wall["tcp." .. caller], call .. " is in the wall profile")
  end
  t.match(lab:get("/debug/pprof/goroutineleak?debug=1").body, "total 0\n", "a peer may come")
  t.equal(lab:stop(), 0)
end)

t.measured("waits for sockets are in a trace, and not in block", function()
  local lab = start()
  local known = trace.take_known(lab, 55)
  local ms = known.ms
  local callers = { read = "readLate", write = "writeLate", accept = "acceptNone", connect = "connectLate" }
  for name, caller in pairs(callers) do
    t.check(ms[name] >= 99, ("%s took %g ms"):format(name, ms[name]))
    -- Who writes much also copies: it waits for less than the 300 ms.
    trace.waits_in_net(known, "tcp." .. caller, name == "write" and 50 or 99, ms[name] + 0.01)
  end
  t.check(known.block["lab.Task.join"], "block has what is to be in it")
  t.equal(lab:stop(), 0)
end)

t.test("what a step leaves behind is taken back", function()
  local lab = start()
  local before = count_fds(lab)
  goto_step(lab, 55)
  t.equal(lab:get("/left").body, "left")
  t.check(count_fds(lab) >= before + 21, "descriptors in use")
  goto_step(lab, 0)
  t.eventually(function() return count_fds(lab) <= before end)
  t.equal(open_files(lab), 0)
  t.match(lab:get("/debug/pprof/goroutine?debug=1").body, "total 0\n")
  t.equal(lab:stop(), 0)
end)

t.test("the lab ends with what a step leaves behind", function()
  local lab = start()
  goto_step(lab, 55)
  t.equal(lab:get("/left").body, "left")
  t.equal(lab:get("/park").body, "parked")
  t.equal(lab:stop(), 0)
end)

t.measured("small writes wait for an acknowledgement unless nodelay is set", function()
  local lab = start()
  goto_step(lab, 55)
  local with, without = lab:get("/nagle").body:match("^(%S+) (%S+)$")
  print(("     a request of two small writes: %s ms, nodelay %s ms"):format(with, without))
  t.check(tonumber(with) >= 5 * tonumber(without), "they are held back")
  t.equal(lab:stop(), 0)
end)

-- Peers that send and send: what nobody reads is the kernel's, not the lab's.
t.test("peers that send without end cost no memory", function()
  for _, bytes in ipairs { 0, 65536 } do
    local lab = start()
    goto_step(lab, 55)
    local host, port = lab:get("/flooded?bytes=" .. bytes).body:match("^(.*):(%d+)$")
    local heap, rss = lab:vars()("HeapAlloc"), lab:rss()
    local peers = {}
    for i = 1, 4 do
      peers[i] = t.spawn(("bash -c 'exec cat /dev/zero >/dev/tcp/%s/%s'"):format(host, port))
    end
    t.eventually(function() return lab:get("/accepted").body == "4" end)
    -- The kernel keeps some of it at the lab's end, and takes no more.
    t.eventually(function()
      local waiting = 0
      for received in t.run(("ss -tnH 'sport = :%s'"):format(port)).out:gmatch("ESTAB%s+(%d+)") do
        if tonumber(received) > 0 then waiting = waiting + 1 end
      end
      return waiting == 4
    end)
    if bytes > 0 then lab:work("vm", 0.1) end
    t.check(lab:vars()("HeapAlloc") - heap < 8 << 20, "the heap doesn't grow")
    if not t.is_sanitized() then t.check(lab:rss() - rss < 24 << 20, "nor the process") end
    t.equal(lab:get("/").body, "hello")
    goto_step(lab, 0)
    t.equal(open_files(lab), 0)
    for _, peer in ipairs(peers) do peer:wait() end -- they get an error
    t.equal(lab:stop(), 0)
  end
end)

t.finish()
