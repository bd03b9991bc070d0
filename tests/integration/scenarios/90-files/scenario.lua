-- SPDX-License-Identifier: MIT
-- Files from a scenario's point of view: each route tries a part of the library
-- and answers "ok", or fails with what it found.
local kept = {}

local function equal(got, want, what)
  if got ~= want then error(("%s: got %s, wanted %s"):format(what, got, want), 2) end
end

-- What a failing call returned.
local function fails(message, code, ...)
  local n, first, text, number = select("#", ...), ...
  if n ~= 3 or first ~= nil then error("it should have failed", 2) end
  if not text:find(message, 1, true) then error(text .. " is not " .. message, 2) end
  equal(number, code, text)
end

local routes = {}

routes["/write-and-read"] = function()
  local f = assert(lab.temp_file())
  equal(f:write("hello "), 6, "write")
  equal(f:write(("x"):rep(3000000)), 3000000, "long write")
  equal(f:sync(), true, "sync")
  equal(f:close(), true, "close")
  fails("close " .. f:path() .. ": file already closed", 9, f:close())
  fails("read " .. f:path() .. ": file already closed", 9, f:read(1))
  fails("write " .. f:path() .. ": file already closed", 9, f:write("x"))
  local g = assert(lab.open(f:path(), "r"))
  equal(g:read(6), "hello ", "read")
  equal(#g:read(1 << 22), 3000000, "the rest")
  fails("EOF", 0, g:read(1))
  fails("write " .. f:path() .. ": bad file descriptor", 9, g:write("x")) -- EBADF: not for writing
  g:close()
  fails("write " .. f:path() .. ": file already closed", 9, g:write("x"))
  local w <close> = assert(lab.temp_file())
  local only <close> = assert(lab.open(w:path(), "w"))
  fails("read " .. w:path() .. ": bad file descriptor", 9, only:read(10))
  local a <close> = assert(lab.open(f:path(), "a+"))
  equal(a:write("end"), 3, "append")
  return "ok"
end

routes["/where"] = function()
  local data = assert(lab.open("data.txt"))
  equal(data:read(100), "first line\nsecond line\n", "of the scenario's folder")
  data:close()
  fails("open data.txt: permission denied", 13, lab.open("data.txt", "w"))
  fails("open new.txt: permission denied", 13, lab.open("new.txt", "w"))
  fails("open /etc/passwd: permission denied", 13, lab.open("/etc/passwd"))
  fails("open ../../harness.lua: permission denied", 13, lab.open("../../harness.lua"))
  fails("open missing.txt: no such file or directory", 2, lab.open("missing.txt"))
  local dir = assert(lab.temp_dir())
  fails("is a directory", 21, lab.open(dir, "r"))
  fails("permission denied", 13, lab.open(dir .. "/../../../escape", "w"))
  local f = assert(lab.open(dir .. "/mine", "w+"))
  equal(f:path(), dir .. "/mine", "path")
  f:close()
  local g <close> = assert(lab.temp_file(dir, "some-"))
  equal(g:path():find(dir .. "/some-", 1, true), 1, "in its folder")
  fails("permission denied", 13, lab.temp_file("/etc"))
  equal(pcall(lab.temp_file, dir, "a/b"), false, "a separator in the name")
  equal(pcall(lab.open, "data.txt", "x"), false, "no such mode")
  equal(pcall(lab.open, "a\0b"), false, "a zero in the path")
  equal(pcall(g.read, g, 0), false, "nothing to read")
  return "ok"
end

-- While some write, another closes: they finish, later calls fail. A task may be
-- preempted between its two lines; then its call is a later one.
routes["/close-meanwhile"] = function()
  local f = assert(lab.temp_file())
  local tasks, text, begun = {}, ("y"):rep(20000000), 0
  for i = 1, 4 do
    tasks[i] = lab.go(function()
      begun = begun + 1
      return f:write(text)
    end)
  end
  repeat lab.sleep(0) until begun == 4
  equal(f:close(), true, "close")
  local whole = 0
  for _, task in ipairs(tasks) do
    local _, n, _, code = task:join()
    if n then whole = whole + 1 end
    equal(n or code, n and #text or 9, "write")
  end
  if whole == 0 then error("no write had begun") end
  fails("file already closed", 9, f:sync())
  return "ok"
end

routes["/cancel"] = function()
  local f <close> = assert(lab.temp_file())
  local text, begun = ("z"):rep(100000000), false
  local task = lab.go(function()
    begun = true
    f:write(text)
  end)
  repeat lab.sleep(0) until begun
  task:cancel()
  local ok, message = task:join()
  equal(ok, false, "a cancelled task")
  if not message:find("task cancelled", 1, true) then error(message) end
  return "ok"
end

-- Nobody closes them, and nobody can reach them: the collector does.
routes["/forget"] = function()
  for _ = 1, 20 do assert(lab.temp_file()) end
  lab.gc()
  return "ok"
end

-- Whatever makes an object may run a finalizer, and that may close the file that
-- is being closed.
routes["/close-twice"] = function()
  local current
  local trap = { __gc = function() current:close() end }
  for _ = 1, 500 do
    current = assert(lab.temp_file())
    for _ = 1, 30 do setmetatable({}, trap) end
    current:close()
  end
  lab.gc()
  assert(lab.temp_file()):close()
  return "ok"
end

routes["/keep"] = function(_, req)
  for _ = 1, tonumber(req.query.n) do kept[#kept + 1] = assert(lab.temp_file(lab.temp_dir())) end
  return tostring(#kept)
end

-- A table.sort waits for its comparator, so the call can't park.
routes["/unparkable"] = function()
  local list = { 2, 1 }
  table.sort(list, function(a, b)
    local f <close> = assert(lab.temp_file())
    f:write("x")
    return a < b
  end)
  return "ok"
end

return {
  params = { fds = { 50, "descriptors" } },
  limits = { fds = "fds" },
  request = function() end,
  routes = routes,
}
