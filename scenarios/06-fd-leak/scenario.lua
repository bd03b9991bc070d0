local files -- shared by all requests, like a global of a Go program

local function createFiles(n)
  for _ = 1, n do
    local file = assert(lab.temp_file(nil, "request-"))
    files[#files + 1] = file
  end
end

return {
  title = "It works, and then it doesn't",
  difficulty = 2,
  minutes = 15,
  symptom = "After a restart all is well, though not as fast as it was. After a while every answer is an error.",
  params = {
    files = { 5, "files per request" },
    limit = { 500, "descriptors that the application may have" },
  },
  limits = { fds = "limit" },
  enter = function() files = {} end,
  request = function(self) createFiles(self.params.files) end,
  leave = function()
    files = {}
    lab.gc() -- closes the files
  end,
  hints = {
    "What does the log say, from the first request that failed on?",
    "Which resource of the process grows with every request? `ls /proc/PID/fd | wc -l`.",
    "lab.OpenFiles knows who opened the descriptors that are still open.",
  },
  expect = {
    requests = 5,
    { "lab.OpenFiles", top = "lab.temp_file", under = "createFiles", share = 0.9 },
    { "fds", grows = "5 per request" },
    { "latency", ratio = ">= 2" },
  },
  diagnosis = {
    kind = "file descriptor leak",
    where = "createFiles",
    accept = { "descriptor", "open files", "fd" },
  },
}
