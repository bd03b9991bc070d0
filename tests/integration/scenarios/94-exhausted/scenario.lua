-- SPDX-License-Identifier: MIT
-- For tests/integration/test_exhausted.lua: so many tasks that their dump needs
-- much memory of the lab's own; and a file and a child, which must not outlive
-- the process.
return {
  request = function()
    local file = assert(lab.temp_file())
    file:write("x")
    local child = assert(lab.spawn { "sleep", "1000" })
    return ("%s %d"):format(file:path(), child:pid())
  end,
  routes = {
    ["/tasks"] = function()
      for _ = 1, 200000 do lab.go(lab.sleep, 1000) end
      return "started"
    end,
  },
}
