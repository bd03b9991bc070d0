-- SPDX-License-Identifier: MIT
-- Memory of a step that was left, which is given back in the background, and the
-- limits of the steps after it.
local t = require "harness"
t.need("curl")

-- Step 41's requests don't end when they are cancelled, but soon after it: they
-- are given back in the background. Step 42 uses up all that it may have. Step
-- 43's file runs until step 41 is given back, and then needs some memory.
local FIRST = [[
local function stubborn() lab.sleep(30) end
return { request = function() stubborn() end }
]]
local FULL = [[
local kept = {}
local function fill() while true do kept[#kept + 1] = ("x"):rep(1 << 20) end end
return {
  limits = { memory = "48MiB" },
  enter = function() pcall(fill) end,
  request = function() return "full" end,
}
]]
local LAST = [[
local until_then = lab.now() + 2
while lab.now() < until_then do lab.sleep(0.01) end
local text = ("x"):rep(16 << 20)
return { request = function() return "read " .. #text end }
]]

t.test("a step can be read while another one is being given back", function()
  local dir = t.temp_dir()
  for name, text in pairs { ["41-first"] = FIRST, ["42-full"] = FULL, ["43-last"] = LAST } do
    t.run("mkdir " .. dir .. "/" .. name)
    t.write(dir .. "/" .. name .. "/scenario.lua", text)
  end
  local lab = t.start_with({ dir, t.source .. "/scenarios" }, "--step", "41")
  t.spawn("curl -s " .. lab.url .. "/")
  lab:wait_log("Starting processing")
  t.equal(lab:go_to(42).status, 200)
  local answer = lab:go_to(43)
  t.equal(answer.body, "switched to step 43")
  t.equal(lab:get("/").body, "read " .. (16 << 20))
  t.equal(lab:stop(), 0)
end)

t.finish()
