-- SPDX-License-Identifier: MIT
-- Commands and programs, as Lua sees them through a shell: sh, kill and files in
-- a temporary folder. What needs no process of its own (folders, waiting) is done
-- by LuaFileSystem and LuaSocket.
--
--   shell.quote(s)              s as one word of a command
--   shell.command{...}          the words of a list, quoted, as one command
--   shell.run(cmd[, input])     -> { out =, err =, code = }; waits
--   shell.have(tool)            is there such a command?
--   shell.sleep(seconds)        seconds may be a fraction
--   shell.now()                 seconds, for taking differences
--   shell.read(path)            -> the whole file, or nil
--   shell.write(path, text)
--   shell.take(path)            reads and removes
--   shell.names(folder)         -> list of what is in it; empty if it is gone
--   shell.temp_file()           -> the beginning of names for files; removed, too
--   shell.temp_dir()            -> path; removed by shell.clean()
--   shell.spawn(cmd)            -> program, in the background
--   shell.free_port()           a port that nobody has, nor gets without asking for it
--   shell.clean()               kills the programs, with what they have started,
--                               and removes all files
--
--   program.pid                 for kill, /proc, lsof, strace
--   program:out()               what it has written so far
--   program:err()               likewise, of stderr
--   program:err_parts([from])   an iterator over the same in parts, without its first
--                               FROM bytes; used again, it goes on where it was
--   program:signal("TERM")
--   program:wait(seconds)       -> exit code, 128 + n after signal n, or nil if
--                                  it still runs after so many seconds
--   program:alive()
local lfs = require "lfs"
local socket = require "socket"
local shell = {}

-- ROOT holds all files of this program, so that one command removes them. The
-- keeper of tests has made one, and removes it also if this program is killed. The
-- paths of all folders are as long as those of mktemp -d: some output is wrapped
-- after a path.
local FIRST = 1000
local root, folders_given, runs
local programs = {}
local PATIENCE = 60 -- a busy machine takes long, but it gets there

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

local function root_dir()
  if not root then
    root = os.getenv("KEPT_DIR")
    if root then lfs.mkdir(root) end -- it was cleaned up
    if not root or not lfs.mkdir(root .. "/taken") then -- by the program that runs this one
      local pipe = assert(io.popen("mktemp -d -t t.XXXXXXX", "r"))
      root = assert(pipe:read("l"), "mktemp failed")
      pipe:close()
    end
    folders_given, runs = FIRST, 0
  end
  return root
end

function shell.temp_dir()
  local parent = root_dir()
  folders_given = folders_given + 1
  local dir = parent .. "/" .. folders_given
  assert(lfs.mkdir(dir))
  return dir
end

-- A name that no other file has, with room for endings.
function shell.temp_file()
  local dir = root_dir()
  runs = runs + 1
  return ("%s/run%d"):format(dir, runs)
end

function shell.take(path)
  local text = shell.read(path)
  os.remove(path)
  return text
end

-- A folder of /proc may go away meanwhile.
function shell.names(folder)
  local names = {}
  pcall(function()
    for name in lfs.dir(folder) do
      if name ~= "." and name ~= ".." then names[#names + 1] = name end
    end
  end)
  return names
end

function shell.run(cmd, input)
  local base = shell.temp_file()
  if input then shell.write(base .. ".in", input) end
  local _, how, code = os.execute(("{ %s\n} <%s >%s.out 2>%s.err"):format(cmd,
    input and base .. ".in" or "/dev/null", base, base))
  if how == "signal" then code = 128 + code end
  if input then os.remove(base .. ".in") end
  return { out = shell.take(base .. ".out"), err = shell.take(base .. ".err"), code = code }
end

function shell.have(tool)
  return shell.run("command -v " .. shell.quote(tool)).code == 0
end

shell.sleep = socket.sleep

-- The kernel's uptime has only hundredths, which is enough for waiting.
function shell.now()
  return tonumber(shell.read("/proc/uptime"):match("^%S+"))
end

-- Clients get their ports from a range of the kernel's, so one below it is free until
-- somebody asks for it by its number.
function shell.free_port()
  local first = tonumber((shell.read("/proc/sys/net/ipv4/ip_local_port_range"):match("%d+")))
  for _ = 1, 100 do
    local port = math.random(first > 12000 and 10000 or 1024, first - 1)
    local server = socket.bind("127.0.0.1", port)
    if server then
      server:close()
      return port
    end
  end
  error("there is no free port")
end

-- ---- programs in the background -----------------------------------------------

local program = {}
program.__index = program

-- A shell stays as the program's parent, to see how it ends. `exec` makes the
-- pid that of the program itself; the shell it runs in would ignore INT, so the
-- signal is put back by env. A session holds what the program starts, to end it.
-- Each has a folder of its own for what labs keep: what others do isn't seen.
function shell.spawn(cmd)
  local dir = shell.temp_dir()
  local script = ([[
    env --default-signal=INT,QUIT XDG_STATE_HOME=$d/state setsid sh -c %s </dev/null >$d/out 2>$d/err &
    echo $! >$d/pid
    wait $!
    echo $? >$d/code
  ]]):format(shell.quote("exec " .. cmd))
  os.execute(("{ d=%s\n%s } >/dev/null 2>&1 &"):format(dir, script))
  local self = setmetatable({ dir = dir, cmd = cmd }, program)
  while not self:number("pid") do shell.sleep(0.01) end
  self.pid = self:number("pid")
  programs[#programs + 1] = self
  return self
end

-- Of a file that is whole when its line has ended.
function program:number(name)
  local text = shell.read(self.dir .. "/" .. name)
  return text and tonumber(text:match("^(%d+)\n"))
end

function program:out() return shell.read(self.dir .. "/out") or "" end

function program:err() return shell.read(self.dir .. "/err") or "" end

-- Parts are small: memory for a large one takes a slow machine longer than a lab
-- needs to write more.
function program:err_parts(from)
  local at = from or 0
  local file
  return function()
    file = file or io.open(self.dir .. "/err", "rb")
    if not file then return nil end
    file:seek("set", at)
    local part = file:read(65536)
    at = at + #(part or "")
    return part
  end
end

function program:signal(name)
  return os.execute(("kill -%s %d 2>/dev/null"):format(name, self.pid)) == true
end

function program:code() return self:number("code") end

function program:alive() return self:code() == nil end

-- Looks often at first.
function program:wait(seconds)
  local give_up, pause = shell.now() + (seconds or PATIENCE), 0.01
  while self:alive() and shell.now() < give_up do
    shell.sleep(pause)
    pause = math.min(1.3 * pause, 0.1)
  end
  return self:code()
end

function shell.clean()
  local ended = {}
  for _, p in ipairs(programs) do
    ended[#ended + 1] = "-" .. p.pid
    if p:alive() then ended[#ended + 1] = p.pid end -- it may have no session yet
  end
  if #ended > 0 then os.execute("kill -s KILL -- " .. table.concat(ended, " ") .. " 2>/dev/null") end
  for _, p in ipairs(programs) do p:wait() end
  if root then os.execute("rm -rf " .. shell.quote(root)) end
  root, programs = nil, {}
end

return shell
