-- Memory that comes and goes in known ways.
local held = {}

local megabyte = ("m"):rep(1000000)

local function makeBuffer(size) return (lab.buffer(size)) end

-- 2^depth different stacks: at each level one of two lines calls the next.
local function wide(depth, path)
  if depth == 0 then return { path } end
  if path % 2 == 0 then return (wide(depth - 1, path // 2)) end
  return (wide(depth - 1, path // 2))
end

local function id(x) return x end

local function construct(a)
  local b = id(a)
  local c = b
  local t = { c, name = b } -- a constructor with both parts
  local u = { t } -- another one
  return u
end

local function count(req, default) return math.tointeger(req.query.n or default) end

return {
  limits = { memory = "256MiB" },
  request = function() end,
  routes = {
    ["/buffers"] = function(_, req) -- 10 MB each, never collected by hand
      for _ = 1, count(req, 100) do makeBuffer(10000000) end
      return "done"
    end,
    -- Tasks with many arguments, while there is less and less memory.
    ["/many_arguments"] = function()
      local arguments, fill, refused = {}, { lab.buffer(200000000) }, 0
      for i = 1, 200000 do arguments[i] = i end
      local function fillMore() fill[#fill + 1] = lab.buffer(300000) end
      local function start() return lab.go(fillMore, table.unpack(arguments)) end
      while pcall(fillMore) do
        local ok, message = pcall(start)
        if not ok and not message:find("too many results to unpack", 1, true) then -- the caller's own stack
          assert(message:find("not enough memory", 1, true), message)
          refused = refused + 1
        end
        lab.sleep(0)
      end
      return ("refused %d times"):format(refused)
    end,
    ["/hold"] = function(_, req) -- objects that stay
      for i = 1, count(req, 1000000) do held[#held + 1] = { i } end
      return tostring(#held)
    end,
    ["/hold_buffers"] = function(_, req)
      for _ = 1, count(req, 10) do held[#held + 1] = makeBuffer(1000000) end
      return tostring(#held)
    end,
    ["/fill"] = function(_, req) -- likewise, and every page of it is used
      for _ = 1, count(req, 10) do
        local b = makeBuffer(#megabyte)
        b:write(megabyte)
        held[#held + 1] = b
      end
      return tostring(#held)
    end,
    ["/construct"] = function(_, req)
      for _ = 1, count(req, 1000) do held[#held + 1] = construct(1) end
      return "done"
    end,
    ["/wide"] = function(_, req)
      local depth = count(req, 17)
      for path = 1, 1 << depth do held[path] = wide(depth, path) end
      return "done"
    end,
    ["/drop"] = function() held = {} return "dropped" end,
    ["/garbage"] = function(_, req)
      for i = 1, count(req, 1000000) do local _ = { i } end
      return "done"
    end,
    ["/too_much"] = function() -- beyond the limit, piece by piece
      while true do held[#held + 1] = ("x"):rep(1000000) .. #held end
    end,
    ["/too_much_buffer"] = function() held[#held + 1] = makeBuffer(1 << 30) end,
    ["/grow"] = function() -- realloc of sampled blocks
      for _ = 1, 20 do
        local b = lab.buffer()
        for _ = 1, 200 do b:write(("y"):rep(5000)) end
        held[#held + 1] = b
      end
      return "done"
    end,
    ["/gc"] = function() lab.gc() return "done" end,
    ["/release"] = function() return tostring(lab.release()) end,
  },
}
