-- SPDX-License-Identifier: MIT
-- A step that can't be entered isn't the one that /status tells of, whatever the
-- reason; the answer of /goto says so.
local t = require "harness"
t.need("curl")

local function start() return t.start_with({ t.source .. "/tests/integration/scenarios" }, "--step", "0") end

local function step_of(lab)
  return tonumber((t.match(lab:get("/status").body, '"step": (%d+)')))
end

local function check_refused(lab, query, why)
  local answer = lab:go_to(query)
  t.equal(answer.status, 500, query)
  t.has(answer.body, "(step 0 is active)")
  if why then t.match(answer.body, why) end
  t.equal(step_of(lab), 0, "the step after " .. query)
  t.equal(lab:get("/").body, "hello world", "what is served after " .. query)
end

t.test("a limit below what the lab itself needs", function()
  local lab = start()
  check_refused(lab, "73",
    "73%-tiny%-limit/scenario%.lua:5: limits%.memory is 1024 bytes, but the lab itself has %d+ in use")
  check_refused(lab, "73")
  t.equal(lab:go_to("74&how=works").status, 200)
  check_refused(lab, "73") -- from another step than 0
end)

t.test("a limit below what scenario.lua itself took when it was read", function()
  local dir = t.temp_dir()
  local texts = {
    ["41-keeps"] = "kept = ('x'):rep(4 << 20)",
    ["42-starts"] = "local has lab.go(function() local k = ('x'):rep(4 << 20) has = true lab.sleep(60) return k end) "
      .. "while not has do lab.sleep(0.001) end",
  }
  for name, takes in pairs(texts) do
    t.run("mkdir " .. dir .. "/" .. name)
    t.write(dir .. "/" .. name .. "/scenario.lua", "local kept\n" .. takes ..
      "\nreturn {\n  limits = { memory = '2MiB' },\n  request = function() return kept and 'kept' end,\n}\n")
  end
  for _, order in ipairs { { 41, 42 }, { 42, 41 } } do -- each is the first that a lab ever reads
    local lab = t.start_with({ dir, t.source .. "/scenarios" })
    for _, step in ipairs(order) do
      local answer = lab:go_to(step)
      t.equal(answer.status, 500)
      local used, taken, least = t.match(answer.body, "/scenario%.lua:4: limits%.memory is 2097152 bytes, but (%d+) " ..
        "are in use before enter: what scenario%.lua made and started when it was read has about (%d+) of them, " ..
        "the lab itself the rest; it must be at least (%d+)")
      t.between(tonumber(taken) / (4 << 20), 0.98, 1.1, "what scenario.lua took, in 4 MiB")
      t.equal(least - used, 64 << 10)
    end
    t.equal(lab:stop(), 0)
  end
end)

t.test("each way in which enter can fail", function()
  local lab = start()
  check_refused(lab, "74&how=error", "scenario%.lua:%d+: broken")
  check_refused(lab, "74&how=memory", "scenario%.lua:%d+: not enough memory: the step has 20 MB %(limits%.memory%)")
  for _, how in ipairs { "nil", "table", "unspeakable", "overflow", "there-is-none" } do
    check_refused(lab, "74&how=" .. how)
  end
  t.equal(lab:go_to("74&how=works").status, 200)
  t.equal(step_of(lab), 74)
  t.equal(lab:get("/").body, "here")
  check_refused(lab, "74&how=memory")
end)

t.test("parameters that enter has replaced", function()
  local lab = start()
  t.equal(lab:go_to("74&how=params").status, 200)
  t.has(lab:get("/status").body, '"params": {"name": "value"}')
end)

t.finish()
