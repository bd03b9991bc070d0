-- SPDX-License-Identifier: MIT
-- Work of known shares under labels, and what lab.label and its like must pass
-- through.

local function spinFor(seconds)
  local used = lab.spin(seconds)
  return used
end

local function show(...)
  local words = table.pack(...)
  for i = 1, words.n do words[i] = tostring(words[i]) end
  return (table.concat(words, " "))
end

-- Labels: alone, nested, on a worker, in a task, and after parking.
local function labelled()
  spinFor(0.2) -- no label
  lab.label("worker", "a", function()
    spinFor(0.4)
    lab.label("part", "inner", spinFor, 0.3)
    lab.sleep(0.01)
    spinFor(0.1) -- back in worker=a, also after a sleep
  end)
  lab.label("worker", "b", function()
    lab.burn(0.4)
    lab.go(function() spinFor(0.2) end):join()
  end)
  pcall(lab.label, "worker", "c", error, "x")
  spinFor(0.2) -- no label again
end

local kept
local function keepBuffer() kept = lab.buffer(8 << 20) end

local routes = {}

routes["/labels"] = function() labelled() end

routes["/heap"] = function()
  lab.label("owner", "cache", keepBuffer)
  return tostring(kept:cap())
end

-- Tasks that stay, within a label and after it.
routes["/park"] = function()
  lab.label("worker", "parked", function()
    for _ = 1, 3 do lab.go(lab.sleep, 600) end
  end)
  lab.go(lab.sleep, 600)
end

routes["/through"] = function()
  local mark = {}
  local parts = {
    show(lab.label("k", "v", function(...) return select("#", ...), ... end, 1, nil, nil)),
    show(lab.region("r", function(a) lab.sleep(0) return a, nil end, "x")),
    show(lab.task("t", function() return lab.region("r", lab.task, "u", math.max, 1, 5) end)),
    show(select("#", lab.label("k", "v", function() end))),
    show(select(2, pcall(lab.region, "r", error, mark)) == mark),
  }
  return (table.concat(parts, "|"))
end

-- More labels than are kept apart; then a sleep under one of them.
local function napLabelled() lab.sleep(0.3) end
-- Values that no visit before has made.
routes["/flood"] = function()
  local now = lab.now()
  for i = 1, 12000 do lab.label("n", i .. " of " .. now, lab.now) end
  lab.label("n", "late", napLabelled)
end

-- A function below each of the three fails: the traceback has to show it.
local function failsHere() error("it failed") end
routes["/fail"] = function()
  lab.label("k", "v", function() lab.region("r", function() lab.task("t", failsHere) end) end)
end

local wrong = {
  function() lab.label("", "v", print) end,
  function() lab.label("k", "", print) end,
  function() lab.label("k", "v\0w", print) end,
  function() lab.label("k", ("v"):rep(129), print) end,
  function() lab.label("k", "v", 3) end,
  function() lab.label("state", "v", print) end,
  function() lab.label("bytes", "v", print) end,
  function() lab.label("step", "v", print) end,
  function() lab.label("route", "v", print) end,
  function() lab.region("r") end,
  function() lab.task(nil, print) end,
}
routes["/wrong"] = function()
  local texts = {}
  for i, f in ipairs(wrong) do texts[i] = select(2, pcall(f)):gsub("^.-: ", "") end
  return (table.concat(texts, "\n"))
end

-- Labels that are one within the other, until there is no room.
local function nest(n) return lab.label("key" .. n, "v", nest, n + 1) end
routes["/deep"] = function()
  local problem = select(2, pcall(nest, 1)):gsub("^.-: ", "")
  local done = {}
  local function again(n)
    if n > 14 then return lab.label("key1", "other", function() done[1] = "the same key has room" end) end
    return lab.label("key" .. n, "v", again, n + 1)
  end
  again(1)
  return problem .. "\n" .. done[1]
end

-- Names with a zero in them: name -> what the call says.
routes["/zeros"] = function()
  local BAD, texts = "a\0b", {}
  local function try(what, f, ...)
    local problem = table.pack(pcall(f, ...))[2]
    texts[#texts + 1] = what .. ": " .. tostring(problem):gsub("^[^ ]+:%d+: ", "")
  end
  local function call() lab.region(BAD, print) end
  try("region", call)
  try("task", lab.task, BAD, print)
  try("label", lab.label, BAD, "v", print)
  try("mutex", lab.mutex, BAD)
  try("rwmutex", lab.rwmutex, BAD)
  try("wait_group", lab.wait_group, BAD)
  try("channel", lab.channel, 1, BAD)
  try("after", lab.after, 60, print, BAD)
  try("every", lab.every, 60, print, BAD)
  try("client", lab.http.client, { name = BAD })
  try("temp_file", lab.temp_file, nil, BAD)
  try("profile", lab.profile, BAD)
  try("counter", lab.counter, BAD)
  try("gauge", lab.gauge, BAD)
  try("primitive", lab.primitive, BAD)
  lab.log("before\0after")
  return table.concat(texts, "\n") .. "\n" .. tostring(lab.mutex("a b")) .. tostring(lab.mutex())
end

return { request = function() end, routes = routes }
