-- SPDX-License-Identifier: MIT
-- A program with two faults: an answer on the page has to name both.
local files = {}

local function keepTicket(id)
  files[id] = assert(lab.temp_file())
end

local function waitForSeat()
  lab.sleep(1000000)
end

return {
  title = "Tickets",
  symptom = "It has more of everything with each request.",
  difficulty = 1,
  minutes = 1,
  hints = { "What does it have more of?" },
  load = { requests = 40, clients = 2 },
  expect = {
    { profile = "lab.OpenFiles", under = "keepTicket", value = ">= 0.5 per request" },
    { profile = "goroutine", under = "waitForSeat", value = ">= 0.5 per request" },
  },
  diagnosis = { class = "leak.file", where = "keepTicket", also = { class = "leak.task", where = "waitForSeat" } },
  request = function(_, req)
    keepTicket(req.id)
    lab.go(waitForSeat)
    return ("ticket %d of %d\n"):format(req.id, #files)
  end,
}
