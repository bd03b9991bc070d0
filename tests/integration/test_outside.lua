-- SPDX-License-Identifier: MIT
-- What the lab keeps for a step counts against the step's limit, although it isn't
-- Lua's: bodies in both directions, headers, and arguments of children. What
-- doesn't fit is refused, and the lab goes on.
local t = require "harness"
t.need("curl")

local function start() return t.start_with({ t.source .. "/tests/integration/scenarios" }, "--step", "75") end

-- The most bytes that were resident so far. (A block that grows is there twice for a
-- moment, so this is more than the limit; without one it was 939 MB.)
local function most_resident(lab)
  return 1024 * t.match(t.read("/proc/" .. lab.pid .. "/status"), "VmHWM:%s+(%d+) kB")
end

local function check_lab(lab)
  t.equal(lab:get("/ok").body, "ok")
  local most = t.is_sanitized() and 700e6 or 300e6 -- who frees late
  t.check(most_resident(lab) < most, "resident: " .. most_resident(lab))
  t.equal(lab:leave().status, 200)
end

t.test("answers that clients are slow to take", function()
  local lab = start()
  t.equal(#lab:get("/").body, 20 << 20)
  local clients = t.spawn(("sh -c \"for i in 1 2 3 4 5 6 7 8; do curl -s -o /dev/null -w '%%{http_code} '"
    .. " --limit-rate 1M '%s' & done; wait\""):format(lab.url .. "/"))
  t.eventually(function() return clients:out():find("500", 1, true) end) -- some are refused
  clients:signal("KILL")
  t.run("kill -KILL -" .. clients.pid)
  t.has(lab:log(), "not enough memory for an answer of 20971520 bytes: the step has 100 MiB (limits.memory)")
  check_lab(lab)
end)

t.test("headers of answers", function()
  local lab = start()
  t.equal(lab:get("/headers?n=3").headers["x-3"], "y")
  for _, path in ipairs { "/headers", "/headers?n=100000" } do
    local answer = lab:get(path)
    t.equal(answer.status, 500, path)
    t.has(lab:details(answer), "an answer may have 64 KiB of headers")
  end
  check_lab(lab)
end)

t.test("answers of other servers", function()
  local lab = start()
  local body = lab:get("/fetch").body
  local good = tonumber((t.match(body, "^(%d+) of 30: ")))
  t.between(good, 0, 29, "answers that fitted")
  check_lab(lab)
end)

t.test("bodies that are sent", function()
  local lab = start()
  local body = lab:get("/post").body
  t.between(tonumber((t.match(body, "^(%d+) of 30: "))), 0, 29, "bodies that fitted")
  t.has(lab:log() .. body, "not enough memory for a body of 20971520 bytes: the step has 100 MiB")
  check_lab(lab)
end)

t.test("arguments of a child", function()
  local lab = start()
  local answer = lab:get("/spawn")
  t.equal(answer.status, 500)
  t.match(lab:details(answer),
    "75%-outside/scenario%.lua:%d+: not enough memory for arguments of %d+ bytes: the step has 100 MiB")
  check_lab(lab)
end)

t.test("what is refused isn't looked through", function()
  local lab = start()
  local function cost(n)
    local before = lab:thread_cpu("vm")
    t.equal(lab:get("/words?n=" .. n).status, 500)
    return lab:thread_cpu("vm") - before
  end
  local few, many = cost(10), cost(1000)
  t.check(many < 10 * few, ("10 words take %.3f s of CPU time, 1000 words %.3f s"):format(few, many))
  check_lab(lab)
end)

t.test("headers that are sent, and what else a request begins with", function()
  local lab = start()
  local function cost(n)
    local seconds, why = t.match(lab:get("/asked?n=" .. n).body, "^(%S+) (.*)$")
    t.has(why, "headers are too long")
    return tonumber(seconds)
  end
  local few, many = cost(1000), cost(100000)
  t.check(many < 20 * few + 0.01, ("1000 take %g s of CPU time, 100000 take %g s"):format(few, many))
  t.match(lab:get("/url").body, "^[^\n]*URL is longer than 8 KiB[^\n]*\n[^\n]*bad method[^\n]*$")
  check_lab(lab)
end)

t.test("a line of the log, however long", function()
  local lab = start()
  t.equal(lab:get("/log").status, 200)
  lab:wait_log("left out")
  t.match(lab:log(), "\n[^\n]+ y+%.%.%. %(16515072 bytes left out%)\n")
  check_lab(lab)
end)

t.test("an error's message, in a request, a task, and in join", function()
  local lab = start()
  t.equal(lab:get("/error").status, 500)
  t.equal(lab:get("/failing").status, 200)
  t.between(tonumber((t.match(lab:get("/joined").body, "^false (%d+)$"))), 1000, 300e3, "bytes of 16 MiB")
  t.match(lab:log(), "request /error failed: [^\n]*zzz%.%.%. %(%d+ bytes[^)]*%)\nstack traceback:\n")
  check_lab(lab)
end)

t.test("those who have a lock", function()
  local lab = start()
  local n, why = t.match(lab:get("/readers").body, "^false (%d+) (.*)$")
  t.between(tonumber(n), 1e6, 5e6, "locks until it was refused")
  t.has(why, "not enough memory for one more who has a lock: the step has 100 MiB (limits.memory)")
  check_lab(lab)
end)

t.finish()
