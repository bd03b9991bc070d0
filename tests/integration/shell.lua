-- SPDX-License-Identifier: MIT
-- Commands and programs, as Lua sees them through a shell. Plain Lua 5.4 has no
-- processes; sh, kill and files in a temporary folder are all it takes.
--
--   shell.quote(s)              s as one word of a command
--   shell.command{...}          the words of a list, quoted, as one command
--   shell.run(cmd[, input])     -> { out =, err =, code = }; waits
--   shell.have(tool)            is there such a command?
--   shell.sleep(seconds)        seconds may be a fraction
--   shell.now()                 seconds, for taking differences
--   shell.read(path)            -> the whole file, or nil
--   shell.write(path, text)
--   shell.temp_dir()            -> path; removed by shell.clean()
--   shell.spawn(cmd)            -> program, in the background
--   shell.clean()               kills what still runs, removes the folders
--
--   program.pid                 for kill, /proc, lsof, strace
--   program:out() program:err() what it has written so far
--   program:signal("TERM")
--   program:wait(seconds)       -> exit code, 128 + n after signal n, or nil if
--                                  it still runs after so many seconds
--   program:alive()
local shell = {}

local folders, programs = {}, {}

function shell.quote(s)
  return "'" .. tostring(s):gsub("'", "'\\''") .. "'"
end

function shell.command(words)
  local quoted = {}
  for i, word in ipairs(words) do quoted[i] = shell.quote(word) end
  return table.concat(quoted, " ")
end

function shell.read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read("a")
  file:close()
  return text
end

function shell.write(path, text)
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  assert(file:close())
end

function shell.temp_dir()
  local pipe = assert(io.popen("mktemp -d", "r"))
  local path = assert(pipe:read("l"), "mktemp failed")
  pipe:close()
  folders[#folders + 1] = path
  return path
end

function shell.run(cmd, input)
  local dir = shell.temp_dir()
  shell.write(dir .. "/in", input or "")
  local _, how, code = os.execute(("{ %s\n} <%s/in >%s/out 2>%s/err"):format(cmd, dir, dir, dir))
  if how == "signal" then code = 128 + code end
  local result = { out = shell.read(dir .. "/out"), err = shell.read(dir .. "/err"), code = code }
  os.execute("rm -rf " .. shell.quote(dir))
  folders[#folders] = nil
  return result
end

function shell.have(tool)
  return shell.run("command -v " .. shell.quote(tool)).code == 0
end

function shell.sleep(seconds)
  os.execute(("sleep %.3f"):format(seconds))
end

-- The kernel's uptime has only hundredths, which is enough for waiting.
function shell.now()
  return tonumber(shell.read("/proc/uptime"):match("^%S+"))
end

-- ---- programs in the background -----------------------------------------------

local program = {}
program.__index = program

-- A shell stays as the program's parent, to see how it ends. `exec` makes the
-- pid that of the program itself; the shell it runs in would ignore INT, so the
-- signal is put back by env.
function shell.spawn(cmd)
  local dir = shell.temp_dir()
  local script = ([[
    env --default-signal=INT,QUIT sh -c %s </dev/null >$d/out 2>$d/err &
    echo $! >$d/pid.new && mv $d/pid.new $d/pid
    wait $!
    echo $? >$d/code.new && mv $d/code.new $d/code
  ]]):format(shell.quote("exec " .. cmd))
  os.execute(("{ d=%s\n%s } >/dev/null 2>&1 &"):format(dir, script))
  local self = setmetatable({ dir = dir, cmd = cmd }, program)
  while not shell.read(dir .. "/pid") do shell.sleep(0.01) end
  self.pid = tonumber(shell.read(dir .. "/pid"))
  programs[#programs + 1] = self
  return self
end

function program:out() return shell.read(self.dir .. "/out") or "" end

function program:err() return shell.read(self.dir .. "/err") or "" end

function program:signal(name)
  return shell.run(("kill -%s %d"):format(name, self.pid)).code == 0
end

function program:code()
  return tonumber((shell.read(self.dir .. "/code")))
end

function program:alive()
  return self:code() == nil
end

function program:wait(seconds)
  local give_up = shell.now() + (seconds or 10)
  while self:alive() and shell.now() < give_up do shell.sleep(0.02) end
  return self:code()
end

function shell.clean()
  for _, p in ipairs(programs) do
    if p:alive() then
      p:signal("KILL")
      p:wait(5)
    end
  end
  for _, dir in ipairs(folders) do os.execute("rm -rf " .. shell.quote(dir)) end
  folders, programs = {}, {}
end

return shell
