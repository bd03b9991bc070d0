-- SPDX-License-Identifier: MIT
-- Somebody sets the machine's clock while the lab runs: what lasted how long is
-- told all the same.
local t = require "harness"
local proto = require "proto"
t.need("curl", "cc")

local dir = t.temp_dir()
local shim, shift = dir .. "/clock_shift.so", dir .. "/shift"
local made = t.run(("cc -shared -fPIC -o %s %s/tests/integration/clock_shift.c"):format(shim, t.source))
if made.code ~= 0 then t.skip("can't make a library for LD_PRELOAD: " .. made.err) end
local program = dir .. "/diaglab"
t.write(program, ("#!/bin/sh\nCLOCK_SHIFT=%s LD_PRELOAD=%s exec %s \"$@\"\n"):format(shift, shim, t.quote(t.diaglab)))
t.run("chmod +x " .. program)

local function number_in(text, key)
  return tonumber(t.match(text, '"' .. key .. '": ?([%d.e+-]+)'))
end

local function check_ages(lab, at_most)
  local status = lab:get("/status").body
  for _, key in ipairs { "uptime_seconds", "seconds_in_step" } do
    t.between(number_in(status, key), 0.000001, at_most, key)
  end
end

local NAMES = { "heap", "goroutine", "block", "mutex", "threadcreate", "profile" }

-- The durations of profiles of all kinds, each of so many SECONDS, in whose midst
-- AND_THEN is called.
local function durations_of(lab, seconds, and_then)
  local files, clients, durations = t.temp_dir(), {}, {}
  for _, name in ipairs(NAMES) do
    clients[name] = t.spawn(("curl -sv -o %s/%s '%s/debug/pprof/%s?seconds=%d'")
      :format(files, name, lab.url, name, seconds))
  end
  for _, name in ipairs(NAMES) do lab:wait_sent(clients[name]) end
  t.sleep(seconds / 2)
  and_then()
  for _, name in ipairs(NAMES) do
    t.equal(clients[name]:wait(), 0)
    durations[name] = proto.read(files .. "/" .. name).duration_nanos / 1e9
  end
  return durations
end

t.test("a clock that is set by a day changes no duration", function()
  if t.is_sanitized() then return end -- their own library must be loaded first
  local lab = t.start_as(program, t.start)
  local began = t.now()
  check_ages(lab, 60)
  for _, seconds in ipairs { 86400, -86400 } do
    t.write(shift, tostring(seconds))
    t.sleep(0.2)
    check_ages(lab, t.now() - began + 60)
    t.run("rm " .. shift)
    local lasted = durations_of(lab, 1, function() t.write(shift, tostring(seconds)) end)
    for _, name in ipairs(NAMES) do t.between(lasted[name], 0.5, 60, name) end
    t.run("rm " .. shift)
  end
  t.write(shift, "-86400")
  t.equal(lab:stop(), 0)
end)

t.finish()
