-- SPDX-License-Identifier: MIT
-- A crowd that asks for switches and goes away delays nobody who waits: of the
-- switches whose clients have gone, only those run that begin before the lab
-- can know, and the last one.
local t = require "harness"
t.need("bash", "curl")

local CROWD = 50

local SCENARIO = [[
return {
  params = { busy = { 0, "seconds" } },
  enter = function(self)
    lab.log("somebody enters")
    lab.sleep(2 - self.params.busy)
    local stop = lab.now() + self.params.busy
    while lab.now() < stop do end
  end,
  request = function() return "slow" end,
}]]

local function start()
  local dir = t.temp_dir()
  t.run("mkdir -p " .. dir .. "/47-slow")
  t.write(dir .. "/47-slow/scenario.lua", SCENARIO)
  return t.start_with({ dir, t.source .. "/scenarios" })
end

-- CROWD clients that ask and close. The lab looks when all have done that: else one
-- might not have closed yet, on a busy machine.
local function crowd(lab)
  lab:signal("STOP")
  t.run(t.command { "bash", "-c", ([[
    for i in {1..%d}; do
      exec 3<>/dev/tcp/127.0.0.1/%d
      printf 'GET /goto?step=47 HTTP/1.1\r\nHost: localhost\r\n\r\n' >&3
      exec 3>&-
    done]]):format(CROWD, lab.port) })
  lab:signal("CONT")
end

local function count(text, plain)
  local n = 0
  for _ in text:gmatch(plain) do n = n + 1 end
  return n
end

t.long("one waits behind many who have gone", function()
  local lab = start()
  crowd(lab)
  lab:wait_log("somebody enters")
  -- 503 if one of the crowd is only read after it.
  t.eventually(function() return lab:leave().status == 200 end)
  t.equal(lab:get("/").body, "hello world")
  t.equal(lab:stop(), 0)
  local began = count(lab:log(), "somebody enters")
  t.check(began <= CROWD / 5, began .. " switches began that nobody waited for")
end)

-- The enter of the one who waits sleeps, or keeps the VM.
for _, busy in ipairs { 0, 2 } do
  t.test("those who have gone push nobody aside who waits; busy=" .. busy, function()
    local lab = start()
    local honest = t.spawn(("curl -s -w '\n%%{http_code}' '%s/goto?step=47&busy=%d'"):format(lab.url, busy))
    lab:wait_log("somebody enters")
    crowd(lab)
    t.equal(honest:wait(60), 0)
    t.equal(honest:out(), "switched to step 47\n200")
    t.equal(lab:stop(), 0)
  end)
end

t.test("the last one is done, though nobody waits for it", function()
  local lab = start()
  crowd(lab)
  t.eventually(function() return lab:get("/").body == "slow" end)
  t.equal(lab:stop(), 0)
end)

t.finish()
