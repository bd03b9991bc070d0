-- SPDX-License-Identifier: MIT
-- The process gets no more memory. The lab, when it wants some for itself, ends
-- in an orderly way: a reason, an exit status of its own, no signal; and no file
-- or child of the step is left.
local t = require "harness"
t.need("curl", "prlimit")
if t.is_sanitized() then t.skip("sanitizers have an allocator of their own") end

t.test("the end for want of memory is orderly", function()
  local dir = t.temp_dir()
  local wrapper = dir .. "/diaglab"
  t.write(wrapper, ("#!/bin/sh\nTMPDIR=%s exec %s \"$@\"\n"):format(dir, t.diaglab))
  t.run("chmod +x " .. wrapper)
  local lab = t.start_as(wrapper, t.start_with, { t.source .. "/tests/integration/scenarios" }, "--step", "94")
  local path, child = t.match(lab:get("/").body, "^(%S+) (%d+)$")
  t.check(t.read(path) == "x" and t.read("/proc/" .. child .. "/stat"), "file and child are there")
  t.equal(lab:get("/tasks").body, "started")
  local size = t.match(t.read("/proc/" .. lab.pid .. "/status"), "VmSize:%s+(%d+) kB")
  t.run(("prlimit --pid %d --as=%d"):format(lab.pid, size * 1024))
  t.run("curl -s --max-time 60 -o /dev/null '" .. lab.url .. "/debug/pprof/goroutine?debug=2'")
  t.equal(lab:wait(), 3, "exit status")
  t.match(lab:log(), "\ndiaglab: out of memory: no %d+ more bytes for the lab's own use, on thread %S+\n")
  t.check(not lab:log():find("SIGABRT", 1, true), "no signal")
  t.eventually(function() return not (t.read("/proc/" .. child .. "/stat") or "Z"):find("sleep%) [^Z]") end)
  t.equal(t.run("ls " .. dir .. " | grep -c '^diaglab-'").out, "0\n", "temporary folders that are left")
end)

t.finish()
