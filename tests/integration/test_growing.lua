-- SPDX-License-Identifier: MIT
-- A crowd of tasks that grows: a step is left while each of its tasks starts others.
-- None goes on, and the next step is served meanwhile.
local t = require "harness"
t.need("curl")

local PROGRAM = [[
local grow
%s
return { limits = { memory = "400MiB" }, request = function() grow() end }
]]

local GROWS = {
  { "tasks", "function grow() lab.go(grow) lab.go(grow) end" },
  { "timers", "function grow() lab.after(0, grow) lab.after(0, grow) end" },
  { "sleepers", "function grow() lab.sleep(0.001) lab.go(grow) lab.go(grow) end" },
  { "catchers", "function grow() while true do pcall(lab.go, grow) pcall(lab.sleep, 0.001) end end" },
}

local CROWD = 50000 -- more than are cancelled in one go

for _, case in ipairs(GROWS) do
  t.test("it is given back: " .. case[1], function()
    local dir = t.temp_dir()
    t.run(t.command { "mkdir", dir .. "/40-growing" })
    t.write(dir .. "/40-growing/scenario.lua", PROGRAM:format(case[2]))
    local lab = t.start_with({ dir, t.source .. "/scenarios" }, "--step", "40")
    local function tasks() return tonumber(t.match(lab:get("/status").body, '"tasks": {"total": (%d+)')) end
    t.spawn("curl -s " .. lab.url .. "/")
    t.eventually(function() return tasks() > CROWD end, 60)
    t.equal(lab:go_to(0).status, 200)
    local answer = lab:get("/", "--max-time", "30")
    t.equal(answer.body, "hello world", answer.failure)
    t.eventually(function() return tasks() == 0 end, 60)
    t.check(not lab:log():find("wasn't given back", 1, true), "all is given back")
    t.equal(lab:stop(), 0)
  end)
end

t.finish()
