-- SPDX-License-Identifier: MIT
-- What `diaglab new` writes: small programs with one fault each, and their twins
-- without it. Each is proven as it is, so an author begins with something that
-- works and changes it step by step.
--
-- templates.lua: templates[class] = { title, symptom, minutes, difficulty, scenario,
--   fixed, lesson, where, wrong, wrong_code, kinds, index, solution }
-- lesson: the lines of lesson.lua from `load` to `keeps`; kinds: the profiles that a
-- right answer has taken; index: pprof's sample_index for the first, if it isn't the
-- default; wrong: a function that isn't to blame; solution: the sentence that explains the fault.

local templates = {}

templates["cpu.hot"] = {
  title = "The price list takes its time", difficulty = 1, minutes = 10,
  symptom = "A price list takes a tenth of a second, and the process uses a whole processor meanwhile.",
  scenario = [[
local function checkDigit(text)
  local sum = 0
  for i = 1, 60000 do
    sum = (sum * 31 + text:byte(i % #text + 1)) % 97
  end
  return sum
end

local function renderRow(i)
  local name = "item " .. i
  return ("%s\t%02d\n"):format(name, checkDigit(name))
end

return {
  params = { rows = { 20, "rows of the list" } },
  request = function(self)
    local rows = {}
    for i = 1, self.params.rows do rows[i] = renderRow(i) end
    return table.concat(rows)
  end,
}
]],
  fixed = [[
local function checkDigit(text)
  local sum = 0
  for i = 1, #text do
    sum = (sum * 31 + text:byte(i)) % 97
  end
  return sum
end

local function renderRow(i)
  local name = "item " .. i
  return ("%s\t%02d\n"):format(name, checkDigit(name))
end

return {
  params = { rows = { 20, "rows of the list" } },
  request = function(self)
    local rows = {}
    for i = 1, self.params.rows do rows[i] = renderRow(i) end
    return table.concat(rows)
  end,
}
]],
  lesson = [[
  load = { requests = 10 },
  fixed = "fixed.lua",
  expect = {
    { latency = "p50", value = ">= 5 x fixed" },
    { profile = "cpu", under = "checkDigit", share = ">= 0.8", value = ">= 5ms per request" },
  },
  keeps = { { status = "2xx", share = ">= 0.99" } },
]],
  where = "checkDigit", wrong = "renderRow", wrong_code = "where.caller", kinds = { "cpu" },
  solution = "`checkDigit` runs through the name of each row thousands of times, where once would do.",
}

templates["cpu.quadratic"] = {
  title = "Long reports are late", difficulty = 2, minutes = 10,
  symptom = "A short report is there at once. A report that is four times as long takes sixteen times as long.",
  scenario = [[
local function appendLine(text, i)
  text = text .. "line " .. i .. " of the report\n"
  return text
end

local function buildReport(lines)
  local text = ""
  for i = 1, lines do text = appendLine(text, i) end
  return text
end

return {
  params = { lines = { 8000, "lines of the report" } },
  request = function(self)
    local report = buildReport(self.params.lines)
    return report
  end,
}
]],
  fixed = [[
local function buildReport(lines)
  local parts = {}
  for i = 1, lines do parts[i] = "line " .. i .. " of the report\n" end
  local text = table.concat(parts)
  return text
end

return {
  params = { lines = { 8000, "lines of the report" } },
  request = function(self)
    local report = buildReport(self.params.lines)
    return report
  end,
}
]],
  lesson = [[
  load = { requests = 3, clients = 1 },
  fixed = "fixed.lua",
  expect = {
    { latency = "p50", value = ">= 5 x fixed" },
    { profile = "cpu", under = "appendLine", share = ">= 0.8", value = ">= 5ms per request" },
    { memstats = "TotalAlloc", value = ">= 100MB per request", about = "appendLine" },
  },
  keeps = { { status = "2xx", share = ">= 0.99" } },
]],
  where = { "appendLine", "buildReport" }, wrong = "request", wrong_code = "where.entry", kinds = { "cpu" },
  solution = "`buildReport` makes a new string for each line, and copies all lines before it into that.",
}

templates["memory.retained"] = {
  title = "More memory every hour", difficulty = 2, minutes = 15,
  symptom = "Answers are fast and correct, but the process needs more memory every hour and never gives it back.",
  scenario = [[
local visits = {}

local function rememberVisit(id, size)
  visits[#visits + 1] = { id = id, page = ("x"):rep(size) .. id }
end

return {
  params = { size = { 500000, "bytes of a page" } },
  limits = { memory = "500MB" },
  request = function(self, req)
    rememberVisit(req.id, self.params.size)
    return "visit " .. req.id .. "\n"
  end,
  leave = function() visits = {} end,
}
]],
  fixed = [[
local KEPT = 3
local visits = {}

local function rememberVisit(id, size)
  visits[#visits + 1] = { id = id, page = ("x"):rep(size) .. id }
  if #visits > KEPT then table.remove(visits, 1) end
end

return {
  params = { size = { 500000, "bytes of a page" } },
  limits = { memory = "500MB" },
  request = function(self, req)
    rememberVisit(req.id, self.params.size)
    return "visit " .. req.id .. "\n"
  end,
  leave = function() visits = {} end,
}
]],
  lesson = [[
  load = { requests = 100, clients = 2 },
  fixed = "fixed.lua",
  expect = {
    { profile = "heap.inuse_space", under = "rememberVisit", share = ">= 0.8", value = ">= 300kB per request" },
    { metric = "process_resident_memory_bytes", value = ">= 300kB per request", about = "rememberVisit" },
  },
  keeps = { { status = "2xx", share = ">= 0.99" } },
]],
  where = "rememberVisit", wrong = "request", wrong_code = "where.entry", kinds = { "heap" },
  solution = "`rememberVisit` puts every page into a table that nobody ever empties.",
}

templates["memory.churn"] = {
  title = "Resizing pictures is slow", difficulty = 3, minutes = 15,
  symptom = "Each request takes long although it does little, and the process has grown once and stays as it is.",
  scenario = [[
local function resize(bytes)
  local picture = lab.buffer(bytes)
  picture:write(("p"):rep(bytes))
  return picture:len()
end

return {
  params = {
    bytes = { 4000000, "bytes of a picture" },
    pictures = { 10, "per request" },
  },
  request = function(self)
    local sum = 0
    for _ = 1, self.params.pictures do sum = sum + resize(self.params.bytes) end
    lab.gc()
    return sum .. "\n"
  end,
}
]],
  fixed = [[
local picture

local function resize(text)
  picture:reset()
  picture:write(text)
  return picture:len()
end

return {
  params = {
    bytes = { 4000000, "bytes of a picture" },
    pictures = { 10, "per request" },
  },
  enter = function(self)
    picture = lab.buffer(self.params.bytes)
    self.text = ("p"):rep(self.params.bytes)
  end,
  request = function(self)
    local sum = 0
    for _ = 1, self.params.pictures do sum = sum + resize(self.text) end
    lab.gc()
    return sum .. "\n"
  end,
}
]],
  lesson = [[
  load = { requests = 5, clients = 1 },
  fixed = "fixed.lua",
  expect = {
    { profile = "heap.alloc_space", under = "resize", share = ">= 0.9", value = ">= 30MB per request" },
    { memstats = "TotalAlloc", value = ">= 30MB per request", about = "resize" },
  },
  keeps = { { status = "2xx", share = ">= 0.99" } },
]],
  where = "resize", wrong = "request", wrong_code = "where.entry", kinds = { "heap" }, index = "alloc_space",
  solution = "`resize` makes a new buffer for each picture and drops it at once, where one would do.",
}

templates["wait.lock"] = {
  title = "Reading prices stalls", difficulty = 2, minutes = 15,
  symptom = "Reading a price takes no time, until the import runs: then all readers wait, and the machine is idle.",
  scenario = [[
local prices = lab.rwmutex("prices")
local list = {}

local function readPrice(id)
  prices:rlock()
  local price = list[id % 100] or 0
  prices:runlock()
  return price
end

local function importPrices(seconds)
  prices:lock()
  for id = 0, 99 do list[id] = id end
  lab.sleep(seconds) -- asks the supplier
  prices:unlock()
end

return {
  params = { seconds = { 0.02, "until the supplier answers" } },
  request = function(_, req)
    local price = readPrice(req.id)
    return price .. "\n"
  end,
  routes = {
    ["/import"] = function(self) importPrices(self.params.seconds) end,
  },
}
]],
  fixed = [[
local prices = lab.rwmutex("prices")
local list = {}

local function readPrice(id)
  prices:rlock()
  local price = list[id % 100] or 0
  prices:runlock()
  return price
end

local function importPrices(seconds)
  lab.sleep(seconds) -- asks the supplier
  prices:lock()
  for id = 0, 99 do list[id] = id end
  prices:unlock()
end

return {
  params = { seconds = { 0.02, "until the supplier answers" } },
  request = function(_, req)
    local price = readPrice(req.id)
    return price .. "\n"
  end,
  routes = {
    ["/import"] = function(self) importPrices(self.params.seconds) end,
  },
}
]],
  lesson = [[
  load = { requests = 60, clients = 4, beside = { path = "/import" } },
  fixed = "fixed.lua",
  expect = {
    { latency = "p50", value = ">= 5 x fixed", load = { requests = 30, clients = 1, beside = { path = "/import" } } },
    { profile = "mutex.delay", under = "importPrices", value = ">= 0.3s per second" },
    { profile = "block.delay", under = "readPrice", share = ">= 0.5", value = ">= 0.3s per second" },
  },
  keeps = { { status = "2xx", share = ">= 0.99" } },
]],
  where = "importPrices", victims = "readPrice", wrong = "readPrice", wrong_code = "where.victim",
  kinds = { "mutex", "block" },
  solution = "`importPrices` keeps the lock while it waits for the supplier, so nobody can read meanwhile.",
}

templates["wait.dependency"] = {
  title = "The order list is slow", difficulty = 2, minutes = 15,
  symptom = "A list of orders takes seconds. Nobody computes anything meanwhile, neither here nor in the database.",
  scenario = [[
local function query(seconds)
  lab.sleep(seconds) -- the database is somewhere else
end

local function loadCustomer(seconds)
  query(seconds)
end

local function listOrders(orders, seconds)
  query(seconds)
  for _ = 1, orders do loadCustomer(seconds) end
end

return {
  params = {
    orders = { 30, "in the list" },
    seconds = { 0.003, "that the database takes" },
  },
  request = function(self)
    listOrders(self.params.orders, self.params.seconds)
  end,
}
]],
  fixed = [[
local function query(seconds)
  lab.sleep(seconds) -- the database is somewhere else
end

local function loadCustomers(seconds)
  query(seconds) -- all in one question
end

local function listOrders(_, seconds)
  query(seconds)
  loadCustomers(seconds)
end

return {
  params = {
    orders = { 30, "in the list" },
    seconds = { 0.003, "that the database takes" },
  },
  request = function(self)
    listOrders(self.params.orders, self.params.seconds)
  end,
}
]],
  lesson = [[
  load = { requests = 12, clients = 2 },
  fixed = "fixed.lua",
  expect = {
    { latency = "p50", value = ">= 5 x fixed" },
    { profile = "wall", under = "loadCustomer", value = ">= 50ms per request", share = ">= 0.5" },
  },
  keeps = { { status = "2xx", share = ">= 0.99" } },
]],
  where = "loadCustomer", wrong = "query", wrong_code = "where.callee", kinds = { "wall" },
  solution = "`loadCustomer` asks the database once for each order, where one question would do for all.",
}

templates["leak.task"] = {
  title = "Heavier with every request", difficulty = 3, minutes = 15,
  symptom = "Answers are fast, but the process gets heavier with each of them, and does not get lighter at night.",
  scenario = [[
local function findBestShop(shops)
  local answers = lab.channel()
  for shop = 1, shops do
    lab.go(function()
      lab.sleep(0.001 * shop) -- asks the shop
      answers:send(shop)
    end)
  end
  local best = answers:recv()
  return best
end

return {
  params = { shops = { 4, "that are asked" } },
  limits = { memory = "500MB" },
  request = function(self)
    local best = findBestShop(self.params.shops)
    return best .. "\n"
  end,
}
]],
  fixed = [[
local function findBestShop(shops)
  local answers = lab.channel(shops) -- there is room for all
  for shop = 1, shops do
    lab.go(function()
      lab.sleep(0.001 * shop) -- asks the shop
      answers:send(shop)
    end)
  end
  local best = answers:recv()
  return best
end

return {
  params = { shops = { 4, "that are asked" } },
  limits = { memory = "500MB" },
  request = function(self)
    local best = findBestShop(self.params.shops)
    return best .. "\n"
  end,
}
]],
  lesson = [[
  load = { requests = 50, clients = 2 },
  fixed = "fixed.lua",
  expect = {
    { profile = "goroutine", under = "findBestShop", share = ">= 0.8", value = ">= 2.5 per request" },
    { metric = "go_goroutines", value = ">= 2.5 per request", about = "findBestShop" },
  },
  keeps = { { status = "2xx", share = ">= 0.99" } },
]],
  where = "findBestShop", kinds = { "goroutine" },
  solution = "`findBestShop` takes the first answer only: the other tasks wait for ever to send theirs.",
}

templates["leak.file"] = {
  title = "It works for a while", difficulty = 2, minutes = 10,
  symptom = "After a restart all is well. After some hundred requests every answer is an error.",
  scenario = [[
local files = {}

local function writeReceipt(id)
  local file = assert(lab.temp_file(nil, "receipt-"))
  assert(file:write("receipt " .. id .. "\n"))
  files[id] = file
end

return {
  limits = { fds = 300 },
  request = function(_, req)
    writeReceipt(req.id)
    return "receipt " .. req.id .. "\n"
  end,
  leave = function() files = {} end,
}
]],
  fixed = [[
local function writeReceipt(id)
  local file = assert(lab.temp_file(nil, "receipt-"))
  assert(file:write("receipt " .. id .. "\n"))
  file:close()
end

return {
  limits = { fds = 300 },
  request = function(_, req)
    writeReceipt(req.id)
    return "receipt " .. req.id .. "\n"
  end,
}
]],
  lesson = [[
  load = { requests = 50, clients = 1 },
  fixed = "fixed.lua",
  expect = {
    { profile = "lab.OpenFiles", under = "writeReceipt", share = ">= 0.9", value = "= 1 per request" },
    { metric = "diaglab_step_open_fds", value = "= 1 per request", about = "writeReceipt" },
  },
  keeps = { { status = "2xx", share = ">= 0.99" } },
]],
  where = "writeReceipt", wrong = "request", wrong_code = "where.entry", kinds = { "lab.OpenFiles" },
  solution = "`writeReceipt` never closes the file that it opens, and the table keeps all of them.",
}

return templates
