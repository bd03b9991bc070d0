local mutex -- guards `served`
local served = 0

local function countRequest()
  mutex:lock()
  served = served + 1
  mutex:unlock()
end

return {
  title = "No answer at all",
  difficulty = 2,
  minutes = 10,
  symptom = "Requests are never answered. The process is there, and the machine has nothing to do.",
  enter = function()
    mutex = lab.mutex("served")
    mutex:lock()
  end,
  request = function() countRequest() end,
  leave = function() mutex:unlock() end,
  hints = {
    "Does the process work while you wait for the answer? `top` knows.",
    "It waits. So a CPU profile is empty, and that is an answer: look for a profile of what waits.",
    "`curl 'localhost:6060/debug/pprof/goroutine?debug=2'` while a request hangs: which state, in which function, since when?",
  },
  expect = {
    requests = 3,
    { "goroutine", under = "doSomeBusinessLogic", share = 0.2 },
    { "profile.cpu", empty = true },
    { "tasks", grows = "1 per request" },
  },
  diagnosis = {
    kind = "lock that is never released",
    where = "countRequest",
    accept = { "mutex", "deadlock", "lock" },
  },
}
