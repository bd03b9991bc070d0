-- SPDX-License-Identifier: MIT
-- Pipes to child processes, and children that stay zombies. Each route tries a part
-- of the library and answers "ok", or fails with what it found.
local kept = {}

local function equal(got, want, what)
  if got ~= want then error(("%s: got %s, wanted %s"):format(what, got, want), 2) end
end

local function fails(message, code, ...)
  local n, first, text, number = select("#", ...), ...
  if n ~= 3 or first ~= nil then error("it should have failed", 2) end
  if not text:find(message, 1, true) then error(text .. " is not " .. message, 2) end
  equal(number, code, text)
end

local function number(req, key) return math.tointeger(tonumber(req.query[key])) end

local function spawn(argv, options)
  return assert(lab.spawn(argv, options))
end

local function readAll(read)
  local parts = {}
  for bytes in read do parts[#parts + 1] = bytes end
  return table.concat(parts)
end

local function output(process)
  return readAll(function() return (process:read(65536)) end)
end

local routes = {}

routes["/echo"] = function()
  local cat = spawn({ "cat" }, { stdin = "pipe", stdout = "pipe" })
  equal(cat:write("hello"), 5, "write")
  equal(cat:read(3), "hel", "a part")
  equal(cat:read(100), "lo", "the rest, as soon as it is there")
  equal(cat:write(""), 0, "nothing")
  local text = ("0123456789"):rep(100000)
  local writer = lab.go(function()
    local n = cat:write(text)
    cat:close_stdin()
    return n
  end)
  equal(output(cat), text, "a million bytes")
  equal(select(2, writer:join()), #text, "the writer")
  fails("EOF", 0, cat:read(1))
  fails("write stdin: file already closed", 9, cat:write("x"))
  fails("write stdin: file already closed", 9, cat:write(""))
  fails("close stdin: file already closed", 9, cat:close_stdin())
  equal(cat:close_stdout(), true, "close")
  fails("read stdout: file already closed", 9, cat:read(1))
  equal(cat:wait(), 0, "wait")
  return "ok"
end

routes["/streams"] = function()
  local script = "echo answer; echo problem >&2; ls /proc/self/fd"
  local both = spawn({ "sh", "-c", script }, { stdout = "pipe", stderr = "pipe" })
  equal(output(both), "answer\n0\n1\n2\n3\n", "stdout")
  equal(readAll(function() return (both:read_stderr(65536)) end), "problem\n", "stderr")
  local joined = spawn({ "sh", "-c", script }, { stdout = "pipe", stderr = "stdout" })
  equal(output(joined), "answer\nproblem\n0\n1\n2\n3\n", "both")
  equal(pcall(joined.read_stderr, joined, 1), false, "no pipe of its own")
  equal(spawn({ "sh", "-c", script }, { stderr = "stdout" }):wait(), 0, "both to /dev/null")
  return "ok"
end

routes["/input"] = function()
  local text = ("x"):rep(1000000)
  equal(output(spawn({ "wc", "-c" }, { input = text, stdout = "pipe" })), "1000000\n", "all of it")
  equal(output(spawn({ "cat" }, { input = "a\0b", stdout = "pipe" })), "a\0b", "zeros")
  equal(output(spawn({ "cat" }, { input = "", stdout = "pipe" })), "", "nothing")
  equal(output(spawn({ "cat" }, { input = text, stdout = "pipe" })), text, "there and back")
  equal(spawn({ "true" }, { input = text }):wait(), 0, "nobody reads it")
  equal(pcall(lab.spawn, { "cat" }, { input = "a", stdin = "pipe" }), false, "both")
  local cat = spawn({ "cat" }, { input = "a", stdout = "pipe" })
  equal(pcall(cat.write, cat, "b"), false, "stdin is no pipe of the scenario's")
  equal(output(cat), "a", "the end")
  return "ok"
end

routes["/broken"] = function()
  local process = spawn({ "true" }, { stdin = "pipe" })
  equal(process:wait(), 0, "wait")
  fails("write stdin: broken pipe", 32, process:write("x"))
  fails("write stdin: broken pipe", 32, process:write(("x"):rep(1000000)))
  local waiting = spawn({ "sleep", "1000" }, { stdin = "pipe" })
  local task = lab.go(function() return waiting:write(("x"):rep(1000000)) end)
  repeat lab.sleep(0.001) until task:join(0) == nil
  waiting:kill()
  fails("write stdin: broken pipe", 32, select(2, task:join()))
  fails("exec /no/such/program", 2, lab.spawn({ "/no/such/program" }, { stdin = "pipe", stdout = "pipe" }))
  return "ok"
end

routes["/head"] = function()
  local yes = spawn({ "yes" }, { stdout = "pipe" })
  equal(yes:read(2), "y\n", "a line")
  equal(yes:close_stdout(), true, "close")
  local code, message, signal = yes:wait()
  equal(code, nil, "code")
  equal(message, "signal: broken pipe", "message")
  equal(signal, 13, "signal")
  return "ok"
end

-- A task that waits is cancelled, and another one goes on with the pipe.
routes["/cancel"] = function()
  local cat = spawn({ "cat" }, { stdin = "pipe", stdout = "pipe" })
  local reader = lab.go(function() return cat:read(10) end)
  local writer = lab.go(function() return cat:write(("x"):rep(10000000)) end)
  repeat lab.sleep(0.001) until reader:join(0)
  local second = lab.go(function() return cat:write("y") end)
  lab.sleep(0.01)
  for _, task in ipairs { writer, second } do
    equal(task:join(0), nil, "it waits")
    task:cancel()
    local ok, message = task:join()
    equal(ok, false, "cancelled")
    if not message:find("task cancelled", 1, true) then error(message) end
  end
  local third = lab.go(function()
    cat:write("end")
    cat:close_stdin()
  end)
  local text = output(cat)
  equal(text:sub(-3), "end", "the turn was given up")
  equal(text:find("y", 1, true), nil, "what waited for its turn has written nothing")
  equal(third:join(), true, "the third")
  local sleeper = spawn({ "sleep", "1000" }, { stdout = "pipe" })
  reader = lab.go(function() return sleeper:read(10) end)
  lab.sleep(0.01)
  reader:cancel()
  equal((reader:join()), false, "cancelled")
  sleeper:kill()
  fails("EOF", 0, sleeper:read(10))
  return "ok"
end

routes["/close-meanwhile"] = function()
  local sleeper = spawn({ "sleep", "1000" }, { stdin = "pipe", stdout = "pipe" })
  local reader = lab.go(function() return sleeper:read(10) end)
  local writer = lab.go(function() return sleeper:write(("x"):rep(1000000)) end)
  lab.sleep(0.01)
  equal(reader:join(0), nil, "it waits")
  sleeper:close_stdout()
  sleeper:close_stdin()
  fails("read stdout: file already closed", 9, select(2, reader:join()))
  fails("write stdin: file already closed", 9, select(2, writer:join()))
  return "ok"
end

-- What one task writes isn't mixed with what others do.
routes["/turns"] = function()
  local cat = spawn({ "cat" }, { stdin = "pipe", stdout = "pipe" })
  local group = lab.wait_group()
  for _, letter in ipairs { "a", "b", "c" } do
    group:add(1)
    lab.go(function()
      equal(cat:write(letter:rep(300000)), 300000, "write")
      group:done()
    end)
  end
  lab.go(function()
    group:wait()
    cat:close_stdin()
  end)
  local text = output(cat)
  equal(#text, 900000, "all")
  local runs = 0
  for _ in text:gmatch("a+") do runs = runs + 1 end
  for _ in text:gmatch("b+") do runs = runs + 1 end
  for _ in text:gmatch("c+") do runs = runs + 1 end
  equal(runs, 3, "one after the other")
  return "ok"
end

-- Nobody closes them, and nobody can reach them: the collector does.
routes["/forget"] = function()
  for _ = 1, 10 do
    local process = spawn({ "true" }, { stdin = "pipe", stdout = "pipe", stderr = "pipe" })
    process:wait()
  end
  lab.gc()
  return "ok"
end

routes["/unparkable"] = function()
  local cat = spawn({ "cat" }, { stdin = "pipe", stdout = "pipe" })
  local function order(a, b)
    cat:write("x")
    return a < b
  end
  local ok, message = pcall(table.sort, { 2, 1 }, order)
  equal(ok, false, "write in a comparator")
  if not message:find("can't write here", 1, true) then error(message) end
  ok, message = pcall(string.gsub, "x", "x", function() return cat:read(1) end)
  equal(ok, false, "read in a callback")
  if not message:find("can't read here", 1, true) then error(message) end
  cat:kill()
  return "ok"
end

local wrong = {
  { "lab.spawn has no option 'stdni'; did you mean 'stdin'?", { "cat" }, { stdni = "pipe" } },
  { "lab.spawn has its options in a second table, also 'stdin'", { "cat", stdin = "pipe" } },
  { 'stdin must be "pipe", or missing', { "cat" }, { stdin = "file" } },
  { 'stdin must be "pipe", or missing', { "cat" }, { stdin = true } },
  { 'stdout must be "pipe", or missing', { "cat" }, { stdout = "stdout" } },
  { 'stderr must be "pipe" or "stdout", or missing', { "cat" }, { stderr = 2 } },
  { "input must be a string", { "cat" }, { input = 7 } },
  { "stdin and input exclude each other", { "cat" }, { stdin = "pipe", input = "" } },
  { "reap must be true or false", { "cat" }, { reap = "false" } },
  { "table expected, got string", { "cat" }, "pipe" },
}

routes["/wrong"] = function()
  for _, case in ipairs(wrong) do
    local ok, message = pcall(lab.spawn, case[2], case[3])
    equal(ok, false, case[1])
    if not message:find(case[1], 1, true) then error(message .. " is not " .. case[1]) end
  end
  local process = spawn { "true" }
  local ok, message = pcall(process.read, process, 10)
  equal(ok, false, "no pipe")
  if not message:find('stdout is no pipe: lab.spawn(argv, { stdout = "pipe" })', 1, true) then error(message) end
  local cat = spawn({ "cat" }, { stdin = "pipe", stdout = "pipe" })
  for _, n in ipairs { 0, -1, 2 ^ 31, 0.5, "x", print } do
    equal(pcall(cat.read, cat, n), false, tostring(n))
  end
  equal(pcall(cat.write, cat), false, "nothing to write")
  equal(pcall(cat.write, cat, {}), false, "a table to write")
  local changing = setmetatable({}, { __index = function() error("it was asked") end })
  equal(spawn({ "true" }, changing):wait(), 0, "metamethods aren't asked")
  cat:close_stdin()
  return "ok"
end

local ALL = { stdin = "pipe", stdout = "pipe", stderr = "pipe" }
local MUCH = ("x"):rep(1 << 20) -- more than a pipe holds

local function waitForAnswer(process) return (process:read(10)) end
local function waitForRoom(process) return (process:write(MUCH)) end
local function waitForProblem(process) return (process:read_stderr(10)) end
local function waitForEnd(process) return (process:wait()) end

-- Waits for what never comes in each kind of call, until the step is left.
routes["/wait"] = function()
  local sleeper = spawn({ "sleep", "1000" }, ALL)
  for _, f in ipairs { waitForRoom, waitForProblem, waitForEnd } do lab.go(f, sleeper) end
  return waitForAnswer(sleeper)
end

-- A wait of each kind that ends; what it took, in ms.
routes["/known"] = function()
  local script = "sleep 0.1; echo answer; sleep 0.1; cat >/dev/null; sleep 0.1; echo problem >&2; exec 2>&-; sleep 0.1"
  local process = spawn({ "sh", "-c", script }, ALL)
  local function timed(f)
    local began = lab.now()
    equal(f(process) ~= nil, true, "what was waited for")
    return (lab.now() - began) * 1000
  end
  local read, write = timed(waitForAnswer), timed(waitForRoom)
  process:close_stdin()
  local problem, ended = timed(waitForProblem), timed(waitForEnd)
  local task = lab.go(lab.sleep, 0.01)
  task:join()
  return ("read=%g write=%g problem=%g ended=%g"):format(read, write, problem, ended)
end

routes["/keep"] = function(_, req)
  for _ = 1, number(req, "n") do
    kept[#kept + 1] = spawn({ "cat" }, { stdin = "pipe", stdout = "pipe", stderr = "pipe" })
  end
  return tostring(#kept)
end

-- The children end, the pipes stay.
routes["/keep-ended"] = function(_, req)
  for _ = 1, number(req, "n") do
    local process = spawn({ "true" }, { stdout = "pipe" })
    process:wait()
    kept[#kept + 1] = process
  end
  return tostring(#kept)
end

local function startWriter()
  local process = spawn({ "yes" }, { stdout = "pipe" })
  kept[#kept + 1] = process
  return process
end

-- Children that write without end, which nobody reads: the number of the first.
routes["/hold-yes"] = function(_, req)
  local first = startWriter()
  for _ = 2, number(req, "n") do startWriter() end
  return tostring(first:pid())
end

routes["/read-yes"] = function(_, req)
  local process, bytes = startWriter(), 0
  while bytes < number(req, "bytes") do bytes = bytes + #process:read(65536) end
  process:kill()
  return "ok"
end

routes["/crowd"] = function(_, req)
  local group, wrong_answers = lab.wait_group(), 0
  for _ = 1, number(req, "n") do
    group:add(1)
    lab.go(function()
      local process = spawn({ "echo", "hello" }, { stdout = "pipe" })
      if output(process) ~= "hello\n" then wrong_answers = wrong_answers + 1 end
      process:wait()
      group:done()
    end)
  end
  group:wait()
  return wrong_answers == 0 and "done" or wrong_answers .. " wrong answers"
end

-- Children that end at once, and nobody asks for their end.
local function startForgotten()
  local process, message, errno = lab.spawn({ "true" }, { reap = false })
  if not process then return message, errno end
  kept[#kept + 1] = process
end

routes["/zombies"] = function(_, req)
  for _ = 1, number(req, "n") do
    local message, errno = startForgotten()
    if message then return message .. " " .. errno end
  end
  return tostring(#kept)
end

routes["/collect"] = function(_, req)
  for _ = 1, number(req, "n") do
    local process = table.remove(kept)
    equal(process:kill("TERM"), true, "a signal to a zombie")
    local first, second = lab.go(function() return process:wait() end), process:wait()
    equal(second, 0, "its end")
    equal(select(2, first:join()), 0, "its end for another task")
    fails("process already finished", 3, process:kill())
  end
  return tostring(#kept)
end

-- One that runs still: its end is collected when it comes.
routes["/collect-later"] = function()
  local process = spawn({ "sleep", "1000" }, { reap = false })
  local task = lab.go(function() return process:wait() end)
  equal(task:join(0.01), nil, "it runs")
  process:kill("TERM")
  fails("signal: terminated", 15, select(2, task:join()))
  return "ok"
end

return {
  params = { fds = { 100, "descriptors" } },
  limits = { fds = "fds" },
  request = function() return "hello" end,
  routes = routes,
}
