-- SPDX-License-Identifier: MIT
-- Traces and profiles in the real viewer: speedscope in a headless Chromium opens
-- them without a complaint, and shows what was done. (integration/test_trace_json.lua
-- knows speedscope's rules, and is quick.)
--
-- Skipped where there is no Chromium, no npm or no way to npm's registry. BROWSER_DIR
-- is a folder for what npm fetches, by package-lock.json.
local t = require "harness"

local here = t.source .. "/tests/browser"
local chromium, browser = dofile(here .. "/fetched.lua")(t)

-- What the viewer says of each file, by its name: { complaints =, labels =, profiles = },
-- the first two as text.
local function view(files)
  local words = { "node", here .. "/speedscope.js", chromium }
  table.move(files, 1, #files, #words + 1, words)
  local run = t.run(("cd %s && %s"):format(t.quote(browser), t.command(words)))
  t.equal(run.code, 0, "node: " .. run.err:sub(1, 1000))
  local seen = {}
  for line in run.out:gmatch("[^\n]+") do
    local file = t.match(line, '^{"file":"([^"]+)"')
    seen[file:match("[^/]*$")] = {
      complaints = t.match(line, '"complaints":(%b[]),"labels"'), labels = t.match(line, '"labels":(.*),"profiles"'),
      profiles = tonumber((t.match(line, '"profiles":(%d+)'))),
    }
  end
  return seen
end

-- While it is fetched, the step is used.
local function fetch_busy(lab, path, file)
  local curl = t.spawn(("curl -sSN -o %s '%s%s'"):format(t.quote(file), lab.url, path))
  for _ = 1, 4 do
    t.run(("curl -s --max-time 2 '%s/?[1-3]'"):format(lab.url))
    if not curl:alive() then break end
  end
  t.equal(curl:wait(60), 0)
end

t.test("the viewer complains of what is wrong", function()
  local dir = t.temp_dir()
  t.write(dir .. "/crossed.json", [[{"traceEvents": [
    {"ph":"B","pid":1,"tid":1,"ts":1,"name":"a"},
    {"ph":"E","pid":1,"tid":1,"ts":2,"name":"b"}]}]])
  t.write(dir .. "/nonsense.json", "nonsense{")
  local seen = view { dir .. "/crossed.json", dir .. "/nonsense.json" }
  t.has(seen["crossed.json"].complaints, "warning: ")
  t.has(seen["nonsense.json"].complaints, "alert: ")
end)

t.test("traces of all steps, a profile, and one as text", function()
  local lab = t.start_with({ t.source .. "/scenarios" }, "--step", "0")
  local dir, files = t.temp_dir(), {}
  local function take(path, name)
    files[#files + 1] = dir .. "/" .. name
    fetch_busy(lab, path, files[#files])
  end
  for step = 0, 6 do
    t.equal(lab:get("/goto?step=" .. step).status, 200)
    take("/debug/pprof/trace?seconds=3&format=json", ("step%d.json"):format(step))
    if step == 4 then
      take("/debug/pprof/profile?seconds=3", "cpu.pb.gz")
      take("/debug/pprof/allocs?debug=collapsed", "allocs.txt")
    end
  end
  t.equal(lab:stop(), 0)
  local seen = view(files)
  for name, file in pairs(seen) do t.equal(file.complaints, "[]", name) end
  for step = 0, 6 do
    local file = seen[("step%d.json"):format(step)]
    t.has(file.labels, '"GET /"', "step " .. step)
    t.check(file.profiles >= 2, "step " .. step .. ": only one row")
  end
  for _, name in ipairs { "cpu.pb.gz", "allocs.txt" } do
    t.has(seen[name].labels, '"main.helloWorldHandler"', name)
    t.has(seen[name].labels, '"export.allocateMemory"', name)
  end
end)

t.finish()
