-- What a trace must show, measured by the scenario itself. /known answers with
-- milliseconds: lock, send, receive, select, sleep, job, ready (for the processor),
-- and pause: its own sleeps.
local mutex, jam, file, ballast
local pauses -- of this /known

local function timed(f, ...)
  local began = lab.now()
  f(...)
  return (lab.now() - began) * 1000
end

local function lockWait() return (timed(function() mutex:lock() end)) end
local function sendWait(channel) return (timed(channel.send, channel, 1)) end
local function receiveWait(channel) return (timed(channel.recv, channel)) end
local function selectWait(channel) return (timed(lab.select, { { channel, "recv" } })) end
local function sleepy() return (timed(lab.sleep, 0.05)) end
local function work() return (timed(lab.burn, 0.08)) end

local function pause(seconds) pauses = pauses + timed(lab.sleep, seconds) end

local function waitForLock()
  local waited = lockWait()
  mutex:unlock()
  return waited
end

-- Another waits for the processor, from its wake-up on.
local function wakeAndSpin(channel)
  local spun
  local other = lab.go(function()
    local waited = receiveWait(channel)
    spun = lab.now() - spun
    return waited
  end)
  pause(0.01)
  spun = lab.now()
  channel:send(1)
  lab.spin(0.06)
  local _, waited = other:join()
  return spun * 1000, waited - spun * 1000
end

local function total(tasks)
  local sum = 0
  for _, task in ipairs(tasks) do
    local _, ms = task:join()
    sum = sum + ms
  end
  return sum
end

local function known()
  local sending, receiving, selecting = lab.channel(), lab.channel(), lab.channel()
  mutex:lock()
  pauses = 0
  local locks, sends, receives, selects = {}, {}, {}, {}
  for i = 1, 3 do
    locks[i] = lab.go(waitForLock)
    sends[i] = lab.go(sendWait, sending)
    receives[i] = lab.go(receiveWait, receiving)
    selects[i] = lab.go(selectWait, selecting)
  end
  pause(0.1)
  mutex:unlock()
  for _ = 1, 3 do sending:recv() receiving:send(1) selecting:send(1) end
  local lock, send, receive, select = total(locks), total(sends), total(receives), total(selects)
  local sleep, job = total { lab.go(sleepy), lab.go(sleepy) }, work()
  local ready, received = wakeAndSpin(lab.channel())
  return ("lock=%g send=%g receive=%g select=%g sleep=%g job=%g ready=%g pause=%g"):format(lock, send,
    receive + received, select, sleep, job, ready, pauses)
end

local function fetch(url)
  local answer = assert(lab.http.get(url))
  assert(answer.body == "late", answer.body)
end

-- Milliseconds of requests to a server that takes its time.
local function netWait()
  local server <close> = assert(lab.listen("127.0.0.1:0", function()
    lab.sleep(0.1)
    return "late"
  end))
  local ms = 0
  for _ = 1, 3 do ms = ms + timed(fetch, "http://" .. server:address() .. "/") end
  return ms
end

-- Milliseconds of writing and of reading /file's file.
local function fileWaits()
  local bytes = ("x"):rep(1 << 16)
  local write = timed(function() for _ = 1, 3 do assert(file:write(bytes)) end end)
  local copy <close> = assert(lab.open(file:path()))
  local read = timed(function() for _ = 1, 3 do assert(copy:read(#bytes)) end end)
  return write, read
end

local function parked() jam:recv() end

-- Regions and tasks that a reader could stumble over: deep, odd, never ended,
-- ended by an error or in a task that goes on when the user task is over.
local ODD = { "", "\xff\xfe", "<b>&amp;\"'%s\n", ("long"):rep(2500), "bell\abell", "[other]" }

local function nest(depth)
  if depth > 0 then lab.region("deep " .. depth, nest, depth - 1) end
end

local function odd()
  for _, name in ipairs(ODD) do
    lab.task(name, lab.region, name, function()
      lab.log("%s", name)
      lab.go(lab.region, "after its task", lab.sleep, 0.05)
    end)
    lab.go(lab.region, name, error, "the task ends by it")
  end
  local cancelled = lab.go(lab.task, "cancelled", lab.region, "open", parked)
  lab.go(lab.task, "never over", lab.region, "open", parked)
  pcall(nest, 1000)
  nest(100)
  lab.sleep(0.1)
  cancelled:cancel()
end

-- Log lines, one word each, before, in and after user tasks; parks in two.
local function whose()
  lab.log("first")
  lab.task("outer", function()
    lab.log("outside")
    lab.task("inner", function()
      lab.log("within")
      parked()
      lab.log("resumed")
    end)
    pcall(lab.task, "failing", error, "no")
    lab.log("again")
  end)
  lab.log("last")
end

local LONG = ("name "):rep(40)

-- C code that nothing can interrupt, for so many seconds of CPU time.
local function keepTheThread(seconds) return (lab.spin(seconds)) end

-- The same in a region and a user task, both of which are over before anything
-- else has its turn; then it says so.
local function hang(seconds)
  lab.task("errand", lab.region, "in C", keepTheThread, seconds)
  lab.log("it hung")
end

-- As many names as there are calls.
local function names(n)
  for i = 1, n do lab.region(LONG .. i, tostring, i) end
end

return {
  params = { tasks = { 100000, "tasks of /park" } },
  enter = function() mutex, jam = lab.mutex(), lab.channel() end,
  request = function() lab.go(function() lab.sleep(0) end) end,
  leave = function() mutex, jam, file, ballast = nil, nil, nil, nil end,
  routes = {
    ["/known"] = known,
    ["/net"] = function() return ("net=%g"):format(netWait()) end,
    ["/file"] = function()
      file = assert(lab.temp_file(nil, "trace-"))
      return file:path()
    end,
    ["/files"] = function() return ("write=%g read=%g"):format(fileWaits()) end,
    ["/park"] = function(self)
      for _ = 1, self.params.tasks do lab.go(parked) end
      lab.sleep(0)
    end,
    ["/release"] = function() jam:close() end,
    ["/within"] = function() lab.task("errand", lab.region, "counter", lab.task, "parcel", parked) end,
    ["/spin"] = function() lab.spin(1) end,
    ["/hang"] = function(_, req) hang(tonumber(req.query.seconds)) end,
    ["/burn"] = function() lab.burn(1) end,
    ["/hold"] = function()
      ballast = ("x"):rep(1 << 25)
      return ("%d bytes"):format(#ballast)
    end,
    ["/odd"] = odd,
    ["/whose"] = whose,
    ["/names"] = function() names(100000) end,
    ["/garbage"] = function() for _ = 1, 300000 do local _ = { {} } end lab.gc() end,
    ["/said"] = function()
      lab.task("order", function()
        lab.region("outer", function()
          lab.region("inner", function() lab.log("said %d", 42) lab.sleep(0.01) end)
          pcall(lab.region, "failing", error, "no")
        end)
      end)
    end,
  },
}
