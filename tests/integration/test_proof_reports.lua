-- SPDX-License-Identifier: MIT
-- What diaglab test leaves for others: reports for build servers, and evidence to
-- teach with.
local t = require "harness"
local exercise = require "exercise"
local edit, make_twin, prove = exercise.edit, exercise.make_twin, exercise.prove

t.long("reports for machines", function()
  local dir = make_twin()
  local junit = t.temp_dir() .. "/report.xml"
  local result = prove("--json", "--junit", junit, dir)
  t.equal(result.code, 0, result.out)
  t.match(result.out, '^{"scenarios": %[{"name": "50%-receipts", "runs": %[{"naive": ')
  t.has(result.out, '"verdict": "proven"')
  local xml = t.read(junit)
  t.has(xml, '<testsuite name="diaglab test" tests="1" failures="0">')
  t.match(xml, '<testcase classname="diaglab" name="50%-receipts run 1" time="[%d.]+"/>')
  local broken = make_twin()
  edit(broken, "lesson.lua", "minutes = 10", "minutes = 0")
  t.equal(prove("--junit", junit, broken).code, 1)
  t.match(t.read(junit), 'failures="1">.*<failure message="not proven">[^<]+%[type%]</failure>')
end)

-- A proof takes minutes.
t.test("a report that can't be written is told before the first proof", function()
  local result = prove("--json", "--junit", t.temp_dir() .. "/none/report.xml", make_twin())
  t.equal(result.code, 2, result.out)
  t.has(result.err, "/none/report.xml: No such file or directory")
  t.check(not result.err:find("sentences", 1, true), "nothing is proven: " .. result.err)
end)

t.long("a report that can't be written later doesn't cost the other one", function()
  local dir = t.temp_dir() .. "/reports"
  t.equal(t.run("mkdir " .. dir).code, 0)
  local run = t.spawn(t.command { t.diaglab, "test", "--json", "--junit", dir .. "/report.xml", make_twin() })
  t.eventually(function() return run:err():find("sentences", 1, true) end)
  t.equal(t.run("rm -r " .. dir).code, 0)
  t.equal(run:wait(300), 2)
  t.has(run:err(), "report.xml: No such file or directory")
  t.has(run:out(), '"verdict": "proven"')
end)

t.test("a device that takes no report stays there", function()
  local dir, link = make_twin(), t.temp_dir() .. "/report.xml"
  edit(dir, "lesson.lua", "minutes = 10", "minutes = 0")
  t.equal(t.run("ln -s /dev/full " .. link).code, 0) -- the link would be removed, not the device
  local result = prove("--junit", link, dir)
  t.equal(result.code, 2, result.out)
  t.has(result.err, "report.xml: No space left on device")
  t.equal(t.run("readlink " .. link).out, "/dev/full\n")
end)

t.test("a folder without a program is not proven", function()
  local dir = make_twin()
  local root, junit = dir:match("^(.*)/"), t.temp_file()
  edit(dir, "lesson.lua", "minutes = 10", "minutes = 0")
  t.equal(t.run("mkdir " .. root .. "/07-lost").code, 0)
  local result = prove("--junit", junit, root)
  t.equal(result.code, 1)
  t.match(result.out, "^07%-lost +not proven .*\n    [^\n]*/07%-lost: it has no scenario.lua: no lab finds it\n")
  t.has(result.out, "2 exercises: 0 proven, 2 not proven, 0 inconclusive, in ")
  t.match(t.read(junit), '"07%-lost run 1"[^\n]*\n +<failure [^\n]*it has no scenario.lua')
  t.run("rm -r " .. dir)
  t.equal(prove(root).code, 1, "it alone")
end)

t.test("a lesson without a sentence is an exercise, a program without a lesson is none", function()
  local dir = make_twin()
  t.write(dir .. "/lesson.lua", 'return { title = "Receipts are slow" }')
  local result = prove(dir)
  t.equal(result.code, 1, result.out)
  t.has(result.out, "lesson.lua:1: expect is missing [missing]\n")
  t.has(result.out, "1 exercise: 0 proven, 1 not proven, 0 inconclusive, in ")
  t.run(("rm %s/lesson.lua"):format(dir))
  result = prove(dir)
  t.equal(result.code, 2, result.out)
  t.has(result.err, "there is no lesson to prove")
end)

t.long("evidence is kept to teach with", function()
  local dir, root = make_twin(), t.temp_dir() .. "/kept"
  for _ = 1, 2 do -- the second replaces the first
    local result = prove("--evidence", root, dir)
    t.equal(result.code, 0, result.out)
    t.has(result.err, "50-receipts: evidence  ")
  end
  for _, which in ipairs { "fault", "fixed" } do
    local kept = root .. "/50-receipts/" .. which
    for _, kind in ipairs { "cpu", "wall", "heap", "goroutine", "block", "mutex", "lab.OpenFiles" } do
      t.equal(t.run(("gzip -t %s/%s.pb.gz"):format(kept, kind)).code, 0, kind)
    end
    t.match(t.read(kept .. "/trace.out"), "^go 1%.")
    t.match(t.read(kept .. "/metrics-before.txt"), "\ngo_goroutines 0\n")
    t.match(t.read(kept .. "/metrics-after.txt"), "\ndiaglab_step_open_fds " .. (which == "fault" and 50 or 0) .. "\n")
  end
  local text = t.read(root .. "/50-receipts/numbers.txt")
  t.match(text, "^50%-receipts: proven\n.*\ndescriptors of the step after the load +50 +0\n")
  t.match(text, "\ndiaglab_step_open_fds: value = 1 per request\n  holds: yes\n  fault: value 1 [^\n]+\n  repaired: ")
  local svg = root .. "/50-receipts/numbers.svg"
  t.match(t.read(svg),
    '>descriptors of the step after the load</text>\n<rect [^>]+ width="300%.0" [^\n]+\n[^\n]+>50</text>')
  if t.have("python3") then
    t.equal(t.run("python3 -c 'import sys, xml.dom.minidom as m; m.parse(sys.argv[1])' " .. svg).code, 0, "XML")
  end
end)

t.finish()
