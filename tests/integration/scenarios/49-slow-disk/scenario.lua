-- SPDX-License-Identifier: MIT
-- A disk that is slow on purpose, and files on the VM's own thread. A route that
-- measures answers the seconds that it took.
local events, folders = {}, {}

local function equal(got, want, what)
  if got ~= want then error(("%s: got %s, wanted %s"):format(what, got, want), 2) end
end

local function number(req, key) return tonumber(req.query[key]) end

-- The folder of a latency: the same one each time.
local function folderOf(latency)
  if not folders[latency] then folders[latency] = assert(lab.temp_dir { latency = latency }) end
  return folders[latency]
end

local function saveOrder(file, line)
  assert(file:write(line))
  assert(file:sync())
end

local function readOrder(file)
  local bytes = assert(file:read(10))
  return bytes
end

local function computeTotal(seconds) return (lab.spin(seconds)) end

-- Seconds for n calls of f on a file with a latency; inline=1: on the VM's thread.
local function measure(req, f, ...)
  local options = { inline = req.query.inline == "1" }
  local file = assert(lab.temp_file(folderOf(number(req, "latency")), nil, options))
  file:write(("x"):rep(10 * number(req, "n")))
  file:close()
  file = assert(lab.open(file:path(), "r+", options))
  local began = lab.now()
  for _ = 1, number(req, "n") do f(file, ...) end
  local took = lab.now() - began
  file:close()
  return tostring(took)
end

local routes = {}

routes["/sync"] = function(_, req) return (measure(req, saveOrder, "a line\n")) end
routes["/read"] = function(_, req) return (measure(req, readOrder)) end
routes["/write"] = function(_, req)
  return (measure(req, function(file) assert(file:write("a line\n")) end))
end

-- Saves until the step is left. Every time it also computes.
routes["/save"] = function(_, req)
  local options = { inline = req.query.inline == "1" }
  local file = assert(lab.temp_file(folderOf(number(req, "latency")), nil, options))
  while true do
    saveOrder(file, "a line\n")
    computeTotal(number(req, "compute") or 0)
    if req.query.yield then lab.sleep(0) end
  end
end

-- Writes much, in one call after the other.
local function saveArchive(file, text) assert(file:write(text)) end
routes["/archive"] = function(_, req)
  local options = { inline = req.query.inline == "1" }
  local text, stop = ("x"):rep(1 << 20), lab.now() + number(req, "seconds")
  while lab.now() < stop do
    local file <close> = assert(lab.temp_file(nil, nil, options))
    for _ = 1, 20 do saveArchive(file, text) end
  end
  return "ok"
end

-- In which order things happened.
routes["/sequence"] = function(_, req)
  folderOf(number(req, "latency"))
  events[#events + 1] = "begin"
  measure(req, saveOrder, "a line\n")
  events[#events + 1] = "end"
  return "ok"
end
routes["/events"] = function()
  local text = table.concat(events, " ")
  return text
end

-- Where files lie is known whatever their path looks like.
routes["/paths"] = function()
  local slow, fast = folderOf(0.3), assert(lab.temp_dir())
  local function timeOf(path, mode)
    local file <close> = assert(lab.open(path, mode))
    local began = lab.now()
    assert(file:sync())
    return lab.now() - began
  end
  local name = slow:match("[^/]+$")
  equal(timeOf(slow .. "/a", "w") >= 0.3, true, "in the folder")
  equal(timeOf(fast .. "/../" .. name .. "/./b", "w") >= 0.3, true, "by another path")
  local best = math.huge
  for _ = 1, 20 do best = math.min(best, timeOf(slow .. "/../" .. fast:match("[^/]+$") .. "/c", "w")) end
  equal(best < 0.3, true, "beside it")
  return "ok"
end

-- All that a file can do, on the VM's thread.
routes["/inline"] = function()
  local inline = { inline = true }
  local file = assert(lab.temp_file(nil, "some-", inline))
  equal(file:write(("x"):rep(3000000)), 3000000, "write")
  equal(file:sync(), true, "sync")
  equal(file:close(), true, "close")
  equal(select(2, file:sync()):find("file already closed", 1, true) ~= nil, true, "closed")
  local again <close> = assert(lab.open(file:path(), nil, inline))
  equal(#again:read(1 << 22), 3000000, "read")
  equal(select(2, again:read(1)), "EOF", "the end")
  equal(select(3, lab.open("missing.txt", "r", inline)), 2, "no such file")
  equal(select(3, lab.open("/etc/passwd", "r", inline)), 13, "elsewhere")
  for _ = 1, 10 do assert(lab.temp_file(nil, nil, inline)) end
  lab.gc()
  return "ok"
end

local wrong = {
  { lab.temp_dir, "latency must be a number of seconds, 0 to 60", { latency = -1 } },
  { lab.temp_dir, "latency must be a number of seconds, 0 to 60", { latency = 61 } },
  { lab.temp_dir, "latency must be a number of seconds, 0 to 60", { latency = 0 / 0 } },
  { lab.temp_dir, "latency must be a number of seconds, 0 to 60", { latency = "1" } },
  { lab.temp_dir, "lab.temp_dir has no option 'latncy'; did you mean 'latency'?", { latncy = 1 } },
  { lab.temp_dir, "table expected, got number", 0.005 },
  { lab.open, "lab.open has no option 'inlnie'; did you mean 'inline'?", "scenario.lua", "r", { inlnie = true } },
  { lab.open, "inline must be true or false", "scenario.lua", "r", { inline = 1 } },
  { lab.open, "table expected, got boolean", "scenario.lua", "r", true },
  { lab.temp_file, "lab.temp_file has no option 'latency'", nil, nil, { latency = 1 } },
  { lab.temp_file, "inline must be true or false", nil, nil, { inline = "yes" } },
}

routes["/wrong"] = function()
  for _, case in ipairs(wrong) do
    local ok, message = pcall(case[1], case[3], case[4], case[5])
    equal(ok, false, case[2])
    if not message:find(case[2], 1, true) then error(message .. " is not " .. case[2]) end
  end
  assert(lab.temp_dir {})
  assert(lab.temp_dir { latency = 0 })
  return "ok"
end

-- A long sleep that a task is in ends with the task.
routes["/cancel"] = function()
  local file = assert(lab.temp_file(folderOf(60)))
  local task = lab.go(function() return file:sync() end)
  lab.sleep(0.01)
  task:cancel()
  local ok, message = task:join()
  equal(ok, false, "cancelled")
  if not message:find("task cancelled", 1, true) then error(message) end
  return "ok"
end

-- A scenario that catches the error which is to end it.
routes["/stubborn"] = function()
  local file = assert(lab.temp_file(folderOf(60), nil, { inline = true }))
  while true do pcall(pcall, file.sync, file) end
end

return {
  request = function()
    events[#events + 1] = "request"
    return "hello"
  end,
  routes = routes,
}
