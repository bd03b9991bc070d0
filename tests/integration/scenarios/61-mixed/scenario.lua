-- A mix of Lua code, Lua's library, a primitive on the VM's thread and one on a
-- worker. Each part is measured by the CPU clock; the answer says what each
-- took: "name seconds" lines.
local list = {}
for i = 1, 20000 do list[i] = i * 7919 % 20011 end

local parts = {}

function parts.luaCode() local x = 0 for i = 1, 200000 do x = x + (i ~ 5) end end

function parts.repeatString() for _ = 1, 20 do local s = ("abc"):rep(300000) assert(#s > 0) end end

function parts.sortTable()
  local copy = table.move(list, 1, #list, 1, {})
  table.sort(copy)
end

function parts.spinHere() lab.spin(0.01) end

local function burnElsewhere(seconds) local used = lab.burn(seconds) return used end

return {
  params = { seconds = { 11, "CPU seconds of the VM's thread" } },
  request = function(self)
    local took = { luaCode = 0, repeatString = 0, sortTable = 0, spinHere = 0, burnElsewhere = 0 }
    local stop = lab.cpu_time() + self.params.seconds
    while lab.cpu_time() < stop do
      for name, part in pairs(parts) do
        local before = lab.cpu_time()
        part()
        took[name] = took[name] + lab.cpu_time() - before
      end
      took.burnElsewhere = took.burnElsewhere + burnElsewhere(0.01)
    end
    local lines = {}
    for name, seconds in pairs(took) do lines[#lines + 1] = ("%s %.6f\n"):format(name, seconds) end
    return table.concat(lines)
  end,
}
