-- SPDX-License-Identifier: MIT
-- Before a step is refused memory, it gets back all that nobody can reach. A step
-- whose memory is really in use doesn't collect for each refusal.
local t = require "harness"
t.need("curl")

local SCENARIO = [=[
local kept
local function drop() lab.buffer(40 << 20) end

local wants = {}
function wants.buffer() return lab.buffer(40 << 20):cap() end
function wants.grow()
  local b = lab.buffer()
  drop()
  return b:grow(40 << 20):cap()
end
function wants.write() -- grows to 31 MiB when it has 15
  local b, piece = lab.buffer(), ("x"):rep(1 << 20)
  drop()
  for _ = 1, 16 do assert(b:write(piece)) end
  return b:len()
end
function wants.copy_n()
  local b, n = lab.buffer(), 20 << 20
  b:write "begin"
  drop()
  assert(assert(lab.copy_n(b, lab.prng(1), n)) == n)
  assert(b:len() == #"begin" + n and b:string(1, 5) == "begin")
  return n
end
function wants.string()
  drop()
  return #("x"):rep(13 << 20) -- which is twice there for a moment
end
function wants.finalizer() -- empty, for nobody else could reach it
  local b = lab.buffer(40 << 20)
  b:write "x"
  setmetatable({ b = b }, { __gc = function(garbage) kept = garbage.b end })
  b = nil
  return #("x"):rep(13 << 20) -- which is twice there for a moment
end
function wants.answer()
  lab.gc() -- this is about what follows
  local body = ("x"):rep(15 << 20)
  drop()
  return body
end
function wants.question()
  lab.gc() -- this is about what follows
  local body = ("x"):rep(15 << 20)
  drop()
  local server = assert(lab.listen("127.0.0.1:0", function() end))
  server:close() -- so nobody needs memory for what is received
  local _, message = lab.http.get("http://" .. server:address(), { body = body, method = "POST" })
  assert(message:find("connection refused", 1, true), message)
  return "asked"
end

local held = {}
return {
  limits = { memory = "64MiB" },
  request = function(_, req)
    drop()
    return tostring(wants[req.query.what]())
  end,
  routes = {
    ["/full"] = function()
      for i = 1, 500000 do held[i] = { i } end
      local refused = 0
      for _ = 1, 3000 do
        if not pcall(lab.buffer, 60 << 20) then refused = refused + 1 end
      end
      return tostring(refused)
    end,
  },
}]=]

local function start()
  local dir = t.temp_dir()
  t.run("mkdir " .. dir .. "/7-garbage")
  t.write(dir .. "/7-garbage/scenario.lua", SCENARIO)
  return t.start_with({ dir }, "--step", "7")
end

t.test("what nobody can reach is given back", function()
  local lab = start()
  for _, what in ipairs { "buffer", "grow", "write", "copy_n", "string", "finalizer", "answer", "question" } do
    for _ = 1, 3 do
      local answer = lab:get("/?what=" .. what)
      t.equal(answer.status, 200, what .. ": " .. answer.body:sub(1, 200))
    end
  end
  t.equal(lab:stop(), 0)
end)

t.test("a full step isn't collected for each refusal", function()
  local lab = start()
  local before = lab:vars()("NumGC")
  t.equal(lab:get("/full").body, "3000")
  t.between(lab:vars()("NumGC") - before, 1, 1000, "collections of 3000 refusals")
  t.equal(lab:stop(), 0)
end)

t.finish()
