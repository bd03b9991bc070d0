-- Many tasks that wait, and tasks in all states.
local function waitForever() lab.sleep(1e6) end

return {
  params = { tasks = { 100000, "tasks to start" } },
  request = function(self)
    for _ = 1, self.params.tasks do lab.go(waitForever) end
    lab.sleep(0)
    lab.gc()
  end,
  routes = {
    ["/join"] = function()
      local ok, a, b = lab.go(function(x) lab.sleep(0.01) return x, "b" end, "a"):join()
      local failed, message = lab.go(function() error("no luck", 0) end):join()
      local late, why = lab.go(waitForever):join(0.01)
      assert(lab.go(waitForever):join(0) == nil) -- looks, and goes on
      local t = lab.go(waitForever)
      lab.sleep(0)
      t:cancel()
      local gone, reason = t:join()
      return table.concat({ tostring(ok), a, b, tostring(failed), message:match("^[^\n]*"), tostring(late), why,
        tostring(gone), (reason:match("task cancelled")) }, " ")
    end,
    -- The coroutines of the first hundred serve the second, whose results must
    -- not be taken for theirs. No script can have a reference to one.
    ["/again"] = function()
      assert(rawget(_G, "coroutine") == nil and rawget(_G, "debug") == nil)
      local first, second, sum = {}, {}, 0
      for i = 1, 100 do first[i] = lab.go(function() end) end
      lab.sleep(0)
      for i = 1, 100 do second[i] = lab.go(function(x) lab.sleep(0.01) return x end, i) end
      lab.sleep(0)
      for i = 1, 100 do
        assert(select("#", first[i]:join()) == 1)
        local ok, x = second[i]:join()
        sum = sum + (ok and x or 0)
      end
      return tostring(sum)
    end,
    -- 20,000 tasks that end, and a collection.
    ["/ended"] = function()
      local c = lab.channel()
      for _ = 1, 20000 do lab.go(function() c:recv() end) end
      lab.sleep(0)
      c:close()
      lab.sleep(0)
      lab.gc()
      lab.gc() -- Tasks, which had a finalizer
      return "done"
    end,
    -- Functions that come and go in the same places of memory: gen1 waits at
    -- line 2, gen2 at line 3, ...
    ["/generations"] = function(_, req)
      for i = 1, math.tointeger(req.query.n) do
        local c = lab.channel()
        local text = ("return function(c)%s c:recv() end"):format(("\n"):rep(i))
        lab.go(load(text, "=gen" .. i)(), c)
        lab.sleep(0)
        c:close()
        lab.sleep(0)
        lab.gc()
      end
      return "done"
    end,
    ["/order"] = function()
      local order = {}
      for i = 3, 1, -1 do lab.go(function() lab.sleep(i / 50) order[#order + 1] = i end) end
      lab.sleep(0.2)
      return table.concat(order)
    end,
    ["/slices"] = function()
      local turns, stop = { 0, 0 }, lab.cpu_time() + 0.3
      local function spin(i) while lab.cpu_time() < stop do turns[i] = turns[i] + 1 end end
      local a, b = lab.go(spin, 1), lab.go(spin, 2)
      a:join() b:join()
      return ("%.3f"):format(math.min(turns[1], turns[2]) / math.max(turns[1], turns[2]))
    end,
  },
}
