-- SPDX-License-Identifier: MIT
-- A function that takes long and then raises, below pcall, beside one in Lua.
-- Each is measured by the CPU clock; the answer says what each took: "name
-- seconds" lines.
local list, large = {}, {}
for i = 1, 200000 do list[i] = "x" end
list[#list + 1] = {} -- it can't be concatenated
local part = ("x"):rep(50000)
for i = 1, 1000 do large[i] = part end -- more than the memory

local function concatInLua() local s = table.concat(list) return s end

local function handle(message) return message end

local function luaCode() local x = 0 for i = 1, 1000000 do x = x + (i ~ 5) end return x end

return {
  limits = { memory = "32MB" },
  params = { seconds = { 12, "CPU seconds to use" } },
  request = function(self)
    local took = { concat = 0, luaCode = 0 }
    local function measure(name, call, ...)
      local before = lab.cpu_time()
      local ok = call(...)
      took[name] = took[name] + lab.cpu_time() - before
      return ok
    end
    local stop = lab.cpu_time() + self.params.seconds
    while lab.cpu_time() < stop do
      assert(not measure("concat", pcall, table.concat, list))
      assert(not measure("concat", pcall, concatInLua))
      assert(not measure("concat", xpcall, table.concat, handle, list))
      assert(not measure("concat", pcall, table.concat, large))
      measure("luaCode", luaCode)
    end
    return ("concat %.6f\nluaCode %.6f\n"):format(took.concat, took.luaCode)
  end,
}
