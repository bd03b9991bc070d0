-- SPDX-License-Identifier: MIT
-- What the lab keeps for a step counts towards limits.memory: requests that wait
-- for the step, and those that it has sent.
local t = require "harness"
local socket = require "socket"
t.need("curl")
if t.is_sanitized() then t.skip("sanitizers need memory of their own") end

local CLIENTS = 300

local function start(text)
  local dir = t.temp_dir()
  t.run("mkdir " .. dir .. "/71-counted")
  t.write(dir .. "/71-counted/scenario.lua", text)
  return t.start_with({ dir, t.source .. "/scenarios" }, "--step", "71")
end

t.test("bodies of requests that wait while the step computes", function()
  local lab = start [[
return {
  limits = { memory = "8MB" },
  request = function(_, r) return tostring(#r.body) end,
  routes = { ["/busy"] = function() lab.log("computing") table.move({}, 1, 1 << 62, 2) end },
}]]
  local dir = t.temp_dir()
  t.write(dir .. "/body", ("x"):rep(64000))
  t.equal(lab:get("/", "--data-binary", "@" .. dir .. "/body").body, "64000")
  local busy = t.spawn(t.command { "curl", "-s", "--max-time", "300", lab.url .. "/busy" })
  lab:wait_log("computing")
  local clients = {}
  for i = 1, CLIENTS do
    local client = assert(socket.connect("127.0.0.1", tonumber(lab.port)))
    assert(client:send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 64000\r\n\r\n" .. ("x"):rep(64000)))
    clients[i] = client
  end
  -- their bodies are more than the step may have: some are refused at once, the others wait
  local said = {}
  t.eventually(function()
    local refused = 0
    for i, client in ipairs(clients) do
      client:settimeout(0)
      local whole, _, part = client:receive("*a")
      said[i] = (said[i] or "") .. (whole or part or "")
      if said[i]:find("not enough memory for the body$") then refused = refused + 1 end
    end
    t.check(refused < CLIENTS - 10, "some fit")
    return refused > CLIENTS - 150
  end)
  t.check(busy:alive(), "it computes")
  t.equal(lab:leave().status, 200)
  busy:wait()
  for _, client in ipairs(clients) do client:close() end
  t.equal(lab:go_to(71).status, 200)
  t.equal(lab:get("/", "--data-binary", "@" .. dir .. "/body").body, "64000")
  t.equal(lab:stop(), 0)
end)

-- Each client sends a long head, or 60 KB ahead, and waits. All of that would be 40 MB.
for what, text in pairs {
  ["heads of requests in work"] = "GET / HTTP/1.1\r\nHost: localhost\r\n" .. ("a:\r\n"):rep(2000) .. "\r\n",
  ["what is sent ahead"] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" .. ("\n"):rep(60000),
} do
  t.test(what, function()
    local lab = start [[
return { limits = { memory = "12MB" }, request = function() lab.sleep(1000) end }]]
    local before, clients = lab:vars()("HeapAlloc"), {}
    for i = 1, 2 * CLIENTS do
      clients[i] = assert(socket.connect("127.0.0.1", tonumber(lab.port)))
      assert(clients[i]:send(text))
    end
    local kept, last = 0
    t.eventually(function() -- long ones are read in turns: until all are
      t.sleep(0.2)
      last, kept = kept, lab:vars()("HeapAlloc") - before
      return kept > 5e6 and math.abs(kept - last) < 1e5
    end)
    t.between(kept, 5e6, 16e6, "no more is kept than the step may have")
    t.equal(lab:get("/status").status, 200)
    t.equal(lab:leave().status, 200)
    for _, client in ipairs(clients) do client:close() end
    t.equal(lab:get("/").body, "hello world")
    t.equal(lab:stop(), 0)
  end)
end

-- A request fills what LAB's step may have: 12 MB.
local function check_filled(lab)
  local before = lab:vars()("HeapAlloc")
  t.check(lab:get("/").status > 0, "it answers")
  t.between(lab:vars()("HeapAlloc") - before, 5e6, 16e6, "no more is kept than the step may have")
  t.equal(lab:leave().status, 200)
  t.equal(lab:stop(), 0)
end

t.test("what a step sends to its own server, ahead", function()
  local lab = start [[
local kept = {}
return {
  limits = { memory = "12MB" },
  request = function()
    local server = assert(lab.listen("127.0.0.1:0", function() lab.sleep(1000) end))
    local text = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" .. ("\n"):rep(60000)
    for i = 1, 600 do -- until the step has used up what it has
      kept[i] = assert(lab.tcp.connect(server:address()))
      kept[i]:write(text, 0.01)
    end
  end,
}]]
  check_filled(lab)
end)

t.test("headers of answers that are not complete", function()
  local lab = start [[
local kept = {}
return {
  limits = { memory = "12MB" },
  request = function()
    local listener = assert(lab.tcp.listen("127.0.0.1:0"))
    local url = "http://" .. listener:address() .. "/"
    local text = "HTTP/1.1 200 OK\r\nA: " .. ("a"):rep(60000)
    for i = 1, 400 do
      lab.go(pcall, lab.http.get, url)
      kept[i] = assert(listener:accept(1)) -- none comes of a request that there was no memory for
      kept[i]:write(text, 1)
    end
  end,
}]]
  check_filled(lab)
end)

t.test("requests that wait for a connection", function()
  local lab = start [[
local problem
local sent = 0
return {
  limits = { memory = "40MB" },
  request = function()
    local url = "http://127.0.0.1:1/" .. ("x"):rep(8000)
    local listener = assert(lab.tcp.listen("127.0.0.1:0"))
    url = url:gsub("127.0.0.1:1", listener:address())
    local client = lab.http.client { size = 1 }
    local function send()
      local ok, text = pcall(client.get, client, url)
      if not ok then problem = problem or text end
    end
    local spare = ("x"):rep(1000000) -- for what comes after the loop
    while not problem and sent < 20000 do
      local ok, text = pcall(lab.go, send) -- either may meet the limit
      if not ok then problem = text end
      sent = sent + 1
      pcall(lab.sleep, 0)
    end
    spare = nil
    return ("%d %s"):format(sent, problem)
  end,
}]]
  local body = lab:get("/").body
  local sent, text = body:match("^(%d+) (.*)$")
  t.check(text, body)
  if text ~= "not enough memory" then -- Lua's own words, which its own memory may meet first
    t.match(text, "not enough memory.*: the step has 40 MB %(limits.memory%)")
  end
  t.between(tonumber(sent), 1000, 39e6 // 8000, "requests of more than 8,000 bytes")
  t.equal(lab:leave().status, 200)
  t.equal(lab:go_to(71).status, 200)
  t.equal(lab:stop(), 0)
end)

t.test("clients that make no request", function()
  local lab = start [[
local kept = {}
return {
  limits = { memory = "40MB" },
  request = function()
    local n = 0
    local made = pcall(function()
      while true do
        n = n + 1
        kept[n] = lab.http.client()
      end
    end)
    return made and "made" or "refused"
  end,
}]]
  local before, used = lab:rss(), lab:vars()("HeapAlloc")
  t.equal(lab:get("/").body, "refused")
  t.between(lab:vars()("HeapAlloc") - used, 35e6, 42e6, "all that is kept of them counts")
  local grown = lab:rss() - before
  t.check(grown < 80e6, ("the process has grown by %d bytes"):format(grown))
  t.equal(lab:leave().status, 200)
  t.equal(lab:stop(), 0)
end)

t.long("a body of more than 1 GiB is a mistake", function()
  local lab = start [[
return { limits = { memory = "4GiB" }, request = function()
  local body = ("x"):rep((1 << 30) + 1)
  return select(2, pcall(lab.http.get, "http://127.0.0.1:1/", { method = "POST", body = body }))
end }]]
  t.has(lab:get("/").body, "body is longer than 1 GiB")
  t.equal(lab:stop(), 0)
end)

t.finish()
