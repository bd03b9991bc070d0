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

local function duration_of(lab, name, seconds, and_then)
  local file = t.temp_dir() .. "/profile"
  local got = t.spawn(("curl -s -o %s '%s/debug/pprof/%s?seconds=%d'"):format(file, lab.url, name, seconds))
  t.sleep(0.5)
  and_then()
  t.equal(got:wait(), 0)
  return proto.read(file).duration_nanos / 1e9
end

t.test("a clock that is set by a day changes no duration", function()
  if t.is_sanitized() then return end -- their own library must be loaded first
  local diaglab = t.diaglab
  t.diaglab = program
  local lab = t.start()
  t.diaglab = diaglab
  local began = t.now()
  check_ages(lab, 60)
  for _, seconds in ipairs { 86400, -86400 } do
    t.write(shift, tostring(seconds))
    t.sleep(0.2)
    check_ages(lab, t.now() - began + 60)
    t.run("rm " .. shift)
    for _, name in ipairs { "heap", "goroutine", "block", "mutex", "profile" } do
      local lasted = duration_of(lab, name, 1, function() t.write(shift, tostring(seconds)) end)
      t.between(lasted, 0.5, 60, name)
      t.run("rm " .. shift)
    end
  end
  t.write(shift, "-86400")
  t.equal(lab:stop(), 0)
end)

t.finish()
