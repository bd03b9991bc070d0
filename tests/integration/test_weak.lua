-- SPDX-License-Identifier: MIT
-- A table with weak keys at which Lua's collector looks again and again: its atomic
-- phase takes minutes, in which no instruction and no hook comes. The step is left all
-- the same, and the next one is served.
local t = require "harness"
t.need("curl")

local PROGRAM = [==[
local hold
return { request = function()
  local keys = {}
  for i = 1, 150000 do keys[i] = {} end
  for i = #keys, 2, -1 do
    local j = math.random(i)
    keys[i], keys[j] = keys[j], keys[i]
  end
  local chain = setmetatable({}, { __mode = "k" })
  for i = 1, #keys - 1 do chain[keys[i]] = keys[i + 1] end
  hold, keys = { chain, keys[1] }, nil
  %s
end }
]==]

local ENDS = {
  { "by lab.gc", "lab.gc()", true },
  { "by itself", "while true do local _ = {} end", true },
  { "while it is left", "local mine = hold; lab.sleep(60); return #mine" },
}

for _, case in ipairs(ENDS) do
  t.test("a step is left whose garbage takes minutes: " .. case[1], function()
    local dir = t.temp_dir()
    t.run(t.command { "mkdir", dir .. "/40-weak" })
    t.write(dir .. "/40-weak/scenario.lua", PROGRAM:format(case[2]))
    local lab = t.start_with({ dir, t.source .. "/scenarios" }, "--step", "40")
    t.spawn(("curl -s --max-time 100 %s/"):format(lab.url))
    lab:wait_log("Starting processing")
    if case[3] then -- no task has a turn
      t.eventually(function() return lab:get("/debug/pprof/goroutine", "--max-time", "1").status ~= 200 end, 60)
    else
      lab:wait_tasks("sleep", 1)
    end
    t.eventually(function() return lab:get("/goto?step=0", "--max-time", "5").status == 200 end, 30)
    t.equal(lab:get("/", "--max-time", "30").body, "hello world")
    t.eventually(function() return lab:get("/status").body:find('"tasks": {"total": 0', 1, true) end, 30)
    t.equal(lab:get("/debug/pprof/heap?gc=1", "--max-time", "30").status, 200)
    t.equal(lab:stop(), 0)
  end)
end

t.finish()
