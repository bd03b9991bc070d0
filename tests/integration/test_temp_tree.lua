-- SPDX-License-Identifier: MIT
-- A step's temporary folder goes with the step, whatever a child has made of it;
-- and what can't be removed is told.
local t = require "harness"
t.need("curl")

local DEEP = [[
return { request = function(_, r)
  local folder = lab.temp_dir()
  local child = lab.spawn { "sh", "-c", r.query.run, "sh", folder }
  return child:wait() .. " " .. folder
end }
]]

-- A lab with a temporary folder of its own, in the step above.
local function start()
  local tmp, dir = t.temp_dir(), t.temp_dir()
  local wrapper = dir .. "/diaglab"
  t.run("mkdir " .. dir .. "/50-deep")
  t.write(dir .. "/50-deep/scenario.lua", DEEP)
  t.write(wrapper, ("#!/bin/sh\nTMPDIR=%s exec %s \"$@\"\n"):format(tmp, t.diaglab))
  t.run("chmod +x " .. wrapper)
  return t.start_as(wrapper, t.start_with, { dir, t.source .. "/scenarios" }, "--step", "50"), tmp
end

-- A child of the step runs SCRIPT, whose $1 is the folder. Its exit code.
local function run_child(lab, script)
  local answer = lab:get("/", "--get", "--data-urlencode", "run=" .. script)
  t.equal(answer.status, 200, answer.body)
  return tonumber(answer.body:match("^%d+"))
end

local function count_files(dir)
  return tonumber(t.run("find " .. dir .. " -mindepth 2 2>/dev/null | wc -l").out)
end

-- The path is longer than the kernel takes; and nobody but root may open the last
-- folder but one, and none of those beside it.
local MAKE_DEEP = [[cd $1
i=0
n=dddddddddddddddddddddddddddddddddddddddddddddddddd
while [ $i -lt 100 ]; do
  mkdir $n closed && touch file closed/file && chmod 0 closed && cd -P $n || exit 1
  i=$((i+1))
done
chmod 0 .]]

t.test("a folder that is deeper than a path can be long is removed with its step", function()
  local lab, tmp = start()
  t.equal(run_child(lab, MAKE_DEEP), 0)
  t.check(count_files(tmp) > 100, "the child has made it")
  t.has(lab:go_to(0).body, "switched to step")
  t.eventually(function() return count_files(tmp) == 0 end)
  t.check(not lab:log():find("stays on disk", 1, true), lab:log())
  t.equal(lab:stop(), 0)
  t.equal(t.run("ls -A " .. tmp).out, "")
end)

t.test("what can't be removed is told, and tried again at the end", function()
  local lab, tmp = start()
  local _ <close> = setmetatable({}, { __close = function() t.run("chattr -R -i " .. tmp) end })
  if run_child(lab, "mkdir $1/a $1/b && touch $1/a/file $1/a/fixed $1/b/file && chattr +i $1/a/fixed") ~= 0 then
    print("     this user can make no file that stays")
    t.equal(lab:stop(), 0)
    return
  end
  t.has(lab:go_to(0).body, "switched to step")
  t.eventually(function() return lab:log():find("stays on disk", 1, true) end)
  local said = lab:log():match("[^\n]*stays on disk[^\n]*")
  t.match(said, "/diaglab%-%d+%-%x+/visit%-%d+ stays on disk: [^:]+/fixed: Operation not permitted$", said)
  t.equal(t.run("cd " .. tmp .. " && find . -type f | sed s,.*/,,").out, "fixed\n")
  t.run("chattr -R -i " .. tmp)
  t.equal(lab:stop(), 0)
  t.equal(t.run("ls -A " .. tmp).out, "")
end)

t.finish()
