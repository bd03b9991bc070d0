-- SPDX-License-Identifier: MIT
-- A bash that lives as long as a document: what one command sets, the next one
-- has, as for a reader who types them.
--
--   local s = session.start(dir, { NAME = "value" })
--   s:run(command, seconds) -> output (stdout and stderr), exit code; nil, "timeout"
--   s:stay(command)         -> function() -> what it has printed so far; the
--                              command runs until the end
--   s:close()               ends all that runs
local shell = require "shell"

local session = {}
session.__index = session

function session.start(dir, env)
  local words = { "exec", "env" }
  for name, value in pairs(env) do words[#words + 1] = shell.quote(name .. "=" .. value) end
  words[#words + 1] = "bash -m 2>/dev/null"
  local self = { work = shell.temp_dir(), n = 0, stays = {} }
  self.pipe = assert(io.popen(table.concat(words, " "), "w"))
  -- 4 GB: no command of a document shall fill the disk.
  self.pipe:write("ulimit -f 4000000\ncd ", shell.quote(dir), "\n")
  return setmetatable(self, session)
end

function session:send(script)
  self.pipe:write(script, "\n")
  self.pipe:flush()
end

-- Files for a command, in the session's own folder.
function session:file(name)
  return self.work .. "/" .. name .. "." .. self.n
end

local function wait_for(file, seconds)
  local give_up = shell.now() + seconds
  repeat
    local text = shell.read(file)
    if text then return text end
    shell.sleep(0.02)
  until shell.now() > give_up
end

function session:run(command, seconds)
  self.n = self.n + 1
  local out, code = self:file("out"), self:file("code")
  self:send(("{ %s\n} </dev/null >%s 2>&1\necho $? >%s.new; mv %s.new %s"):format(command, out, code, code, code))
  local text = wait_for(code, seconds)
  if not text then return nil, "timeout" end
  return shell.read(out), tonumber(text)
end

-- In a subshell that ends at once: `wait` must not wait for it. A subshell has
-- no job control unless it asks for it, and then no group that could be ended.
function session:stay(command)
  self.n = self.n + 1
  local out, pid = self:file("out"), self:file("pid")
  self:send(("( set -m\n{ %s\n} </dev/null >%s 2>&1 &\necho $! >%s.new; mv %s.new %s )"):format(command, out, pid, pid, pid))
  local text = assert(wait_for(pid, 60), "the shell doesn't answer")
  table.insert(self.stays, tonumber(text))
  return function() return shell.read(out) or "" end
end

-- The last one first: a TERM to the lab is lost when strace lets go of it in
-- that moment.
function session:close()
  for i = #self.stays, 1, -1 do
    self:send(([=[
      kill -TERM -- -%d
      for i in {1..100}; do kill -0 -- -%d || break; sleep 0.03; done
      kill -KILL -- -%d]=]):gsub("%%d", self.stays[i]))
  end
  self:send("for p in $(jobs -p); do kill -KILL -- -$p; done; exit")
  self.pipe:close()
end

return session
