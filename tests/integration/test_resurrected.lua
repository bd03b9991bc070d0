-- SPDX-License-Identifier: MIT
-- Locks and buffers that a script's finalizer has kept after they were finalized
-- themselves: they are in good order, and freed when they are garbage again (a build
-- with AddressSanitizer sees that at the end).
local t = require "harness"
t.need("curl")

local SCENARIO = [[
local saved
local function let_go(handle)
  setmetatable({ handle = handle }, { __gc = function(o) saved = o.handle end })
end
local function collect()
  saved = nil
  for _ = 1, 20 do
    lab.gc()
    lab.sleep(0.001)
    if saved then break end
  end
  return assert(saved, "nothing was saved")
end

local function rwmutexes()
  for _, lock in ipairs { "lock", "rlock" } do
    do
      local m = lab.rwmutex()
      m[lock](m)
      let_go(m)
    end
    local m = collect()
    assert(tostring(m) == "RWMutex (0 reading, unlocked, 0 waiting)", tostring(m))
    for _ = 1, 5 do assert(m:try_rlock()) end
    assert(not m:try_lock())
    for _ = 1, 5 do m:runlock() end
    m:lock()
  end
end

local function buffers()
  do
    local b = lab.buffer(1000)
    b:write "lost"
    let_go(b)
  end
  local b = collect()
  assert(b:len() == 0)
  b:write(("x"):rep(5000))
  assert(b:len() == 5000)
end

return {
  request = function()
    rwmutexes()
    buffers()
    return "good"
  end,
}
]]

t.test("they can be used, and are freed", function()
  local dir = t.temp_dir()
  t.run("mkdir " .. dir .. "/1-resurrected")
  t.write(dir .. "/1-resurrected/scenario.lua", SCENARIO)
  local lab = t.start_with({ dir, t.source .. "/scenarios" }, "--step", "1")
  for _ = 1, 3 do t.equal(lab:get("/").body, "good") end
  t.equal(lab:leave().status, 200)
  t.equal(lab:stop(), 0)
end)

t.finish()
