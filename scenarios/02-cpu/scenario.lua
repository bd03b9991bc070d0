local function eatCPU(seconds)
  lab.burn(seconds)
end

return {
  title = "Every answer takes five seconds",
  difficulty = 1,
  minutes = 10,
  symptom = "An answer takes five seconds, with one user as with ten, by night as by day.",
  params = { seconds = { 5.0, "CPU time of a request, in seconds" } },
  request = function(self) eatCPU(self.params.seconds) end,
  hints = {
    "Does the process work during those seconds, or does it wait? `top` knows.",
    "It works. A CPU profile says where: take one while a request runs.",
    "Read the cum column from `main.doSomeBusinessLogic` upwards: the last function of the application in that chain is yours.",
  },
  expect = {
    requests = 1,
    { "profile.cpu", top = "lab_burn", under = "eatCPU", share = 0.9 },
    { "heap.inuse_space", empty = true },
    { "latency", ratio = ">= 20" },
  },
  diagnosis = {
    kind = "cpu",
    where = "eatCPU",
    accept = { "computation", "busy loop", "burns CPU" },
  },
}
