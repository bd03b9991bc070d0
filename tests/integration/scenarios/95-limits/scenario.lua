-- SPDX-License-Identifier: MIT
-- For tests/integration/test_limits.lua: a file that grows, a child that sends
-- itself signals, calls that are nested, and a processor in use.
return {
  request = function()
    local file = assert(lab.temp_file())
    for _ = 1, 64 do assert(file:write(("x"):rep(64 << 10))) end
    return "all was written"
  end,
  routes = {
    ["/child"] = function(_, req)
      local child = assert(lab.spawn { "sh", "-c", "kill -" .. req.query.signal .. " $$; sleep 0; exit 7" })
      local code, _, signal = child:wait()
      return tostring(code) .. " " .. tostring(signal)
    end,
    ["/nested"] = function()
      local function nest() return (("a"):gsub("a", nest)) end
      return select(2, pcall(nest))
    end,
    ["/burn"] = function()
      while true do end
    end,
  },
}
