-- SPDX-License-Identifier: MIT
-- More methods of a lab (harness.lua): whether something is going on at this moment,
-- as the lab itself says. Its clients are no witness: one that is alive may have had
-- its answer already, and one that was slow to begin may find that all is over.
--
--   lab:record(path, first, work)  takes the CPU or wall profile at PATH, which ends
--                                  with seconds=, and calls work() meanwhile: with
--                                  FIRST seconds, or twice as many, ... until work()
--                                  has ended before it -> its file
--   lab:keep_asking(path)          asks for PATH again and again -> program, to be killed
--   lab:fetch_beside(path, page)   the answer at PATH while PAGE is asked for -> its file
--   lab:is_entering(step)          does /status say that the step is being entered?
--   lab:wait_entering(step)        until it does
--   lab:wait_tasks(state, n)       until so many tasks wait in it: a request whose log
--                                  says that it starts may not have got there yet
--   lab:has_served(n)              does the log say that N requests have ended?
local shell = require "shell"

-- Gives them to LAB, the class, with T's checks -> LAB.
return function(lab, t)
  function lab:record(path, first, work)
    local file = shell.temp_file()
    t.enough(function(seconds)
      local curl = shell.spawn(shell.command { "curl", "-sSf", "-o", file, self.url .. path .. seconds })
      self:wait_profiler(curl)
      work()
      local whole = self:has_thread("profiler")
      t.equal(curl:wait(), 0)
      return whole
    end, function(whole) return whole end, first)
    return file
  end

  function lab:keep_asking(path)
    local loop = ("while curl -s --max-time 60 -o /dev/null %s%s; do :; done"):format(self.url, path)
    return shell.spawn("sh -c " .. shell.quote(loop))
  end

  function lab:fetch_beside(path, page)
    local file, load = shell.temp_file(), self:keep_asking(page)
    t.sleep(0.2)
    local answer = self:get(path)
    load:signal("KILL")
    t.equal(answer.status, 200)
    shell.write(file, answer.body)
    return file
  end

  function lab:is_entering(step)
    return self:get("/status").body:find('"entering": {"step": ' .. step .. ",", 1, true) ~= nil
  end

  function lab:wait_entering(step)
    t.eventually(function() return self:is_entering(step) end)
  end

  function lab:wait_tasks(state, n)
    local text = ('"%s": %d'):format(state, n):gsub("%p", "%%%0") .. "[,}]"
    t.eventually(function() return self:get("/status").body:find(text) end)
  end

  function lab:has_served(n)
    return select(2, self:log():gsub("Request processed in ", "")) >= n
  end

  return lab
end
