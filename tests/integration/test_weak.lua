-- SPDX-License-Identifier: MIT
-- A table with weak keys at which Lua's collector looks again and again: its atomic
-- phase takes minutes, in which no instruction and no hook comes. The step is left all
-- the same, and the next one is served.
local t = require "harness"
t.need("curl")

local CHAIN = [==[
local function make_chain(n)
  local keys = {}
  for i = 1, n do keys[i] = {} end
  for i = n, 2, -1 do
    local j = math.random(i)
    keys[i], keys[j] = keys[j], keys[i]
  end
  local chain = setmetatable({}, { __mode = "k" })
  for i = 1, n - 1 do chain[keys[i]] = keys[i + 1] end
  return { chain, keys[1] }
end
local hold
]==]

local PROGRAM = CHAIN .. [==[
return { request = function()
  hold = make_chain(150000)
  %s
end }
]==]

local ENDS = {
  { "by lab.gc", "lab.gc()", true },
  { "by itself", "while true do local _ = {} end", true },
  { "while it is left", "local mine = hold; lab.sleep(60); return #mine" },
}

local function write_step(dir, name, text)
  t.run(t.command { "mkdir", dir .. "/" .. name })
  t.write(dir .. "/" .. name .. "/scenario.lua", text)
end

for _, case in ipairs(ENDS) do
  t.test("a step is left whose garbage takes minutes: " .. case[1], function()
    local dir = t.temp_dir()
    write_step(dir, "40-weak", PROGRAM:format(case[2]))
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

-- The served step's own collections take 0.1 s and more, while a step that was left is
-- given back. They are made all the same: its garbage is far more than it may have.
t.test("a step's garbage is collected, also after another step was left", function()
  local dir = t.temp_dir()
  write_step(dir, "40-first", "return { request = function() lab.sleep(60) end }")
  write_step(dir, "41-slow", CHAIN .. [==[
return {
  limits = { memory = "30MiB" },
  enter = function() hold = make_chain(8000) end,
  request = function()
    for i = 1, 50000 do local _ = { i, { i } } end
    return "worked"
  end,
}
]==])
  local lab = t.start_with({ dir }, "--step", "40")
  t.spawn(("curl -s --max-time 100 %s/"):format(lab.url))
  lab:wait_tasks("sleep", 1)
  t.equal(lab:go_to(41).status, 200)
  for _ = 1, 4 do t.equal(lab:get("/", "--max-time", "60").body, "worked") end
  t.eventually(function() return lab:get("/status").body:find('"tasks": {"total": 0', 1, true) end, 60)
  t.equal(lab:stop(), 0)
end)

t.finish()
