-- SPDX-License-Identifier: MIT
-- `diaglab load` on a lab: both count the same, whatever happens to the
-- requests. The engine itself is tested in unit/test_load_run.c.
local t = require "harness"
local socket = require "socket"
t.need("curl")

local SCENARIOS = t.source .. "/tests/integration/scenarios"

local function load(...)
  return t.run(t.command { t.diaglab, "load", ... })
end

-- The result as a table: j.status["2xx"], j["p99"], ... of the flat parts.
local function load_json(...)
  local result = load("--json", "--quiet", ...)
  local j = { code = result.code, text = result.out, status = {} }
  for key, value in result.out:gmatch('"([%w.]+)":(%-?[%d.]+)') do j[key] = tonumber(value) end
  for key, value in result.out:match('"status":{(.-)}'):gmatch('"(%w+)":(%d+)') do
    j.status[key] = tonumber(value)
  end
  j.counted, j.late = 0, 0 -- late: took over 5 ms
  for seconds, count in result.out:match('"histogram":(%b[])'):gmatch("%[([%d.]+),(%d+)%]") do
    j.counted = j.counted + tonumber(count)
    if tonumber(seconds) > 0.005 then j.late = j.late + tonumber(count) end
  end
  j.error = result.out:match('"error":"(.-)"')
  return j
end

local function start(step)
  local lab = t.start_with({ SCENARIOS }, "--step", step)
  return lab, function(code)
    local text = lab:get("/metrics").body
    return tonumber(text:match(('\ndiaglab_requests_total{step="%d",code="%s"} (%%d+)'):format(step, code)) or 0)
  end
end

t.test("counts are the lab's", function()
  local lab, counted = start(76)
  local j = load_json(lab.url .. "/echo", "--requests", "500", "--clients", "5")
  t.equal(j.code, 0)
  t.equal(j.requests, 500)
  t.equal(j.status["2xx"], 500)
  t.equal(j.connections, 5)
  t.equal(j.counted, 500)
  t.equal(counted "2xx", 500)
  j = load_json(lab.url .. "/half", "--requests", "100")
  t.equal(j.code, 1)
  t.equal(j.status["2xx"], 50)
  t.equal(j.status["5xx"], 50)
  t.equal(counted "5xx", 50)
  t.equal(load_json(lab.url .. "/nowhere", "--requests", "3").status["4xx"], 3)
  j = load_json(lab.url .. "/echo", "--seconds", "0.3", "--clients", "2")
  t.equal(counted "2xx", 550 + j.requests)
end)

t.test("what is sent", function()
  local lab = start(76)
  local page = load(lab.url .. "/echo?n={n}", "--requests", "2", "--body", "x=1", "--header", "X-A: b")
  t.equal(page.code, 0, page.err)
  t.has(page.out, "2 requests to " .. lab.url .. "/echo?n={n} in ")
  t.has(page.out, "  2xx        2\n")
  local file = t.temp_dir() .. "/body"
  t.write(file, ("y"):rep(60000))
  t.equal(load_json(lab.url .. "/echo", "--body", "@" .. file, "--requests", "3").bytes > 180000, true)
  t.equal(load(lab.url:match("//(.*)") .. "/echo", "--method", "HEAD", "--requests", "2").code, 0)
end)

-- 100 requests, one due every 10 ms. The tenth takes half a second, in which 50
-- become due: with one client they all wait, the last of them for less than
-- one interval.
t.test("at a rate, latencies count from when a request was due", function()
  local lab = start(76)
  local open = load_json(lab.url .. "/stall", "--requests", "100", "--rate", "100")
  t.check(open.p90 > 0.25, "p90 is " .. open.p90)
  t.check(open.late >= 45, open.late .. " of 100 were late")
  lab:go_to(76)
  local closed = load_json(lab.url .. "/stall", "--requests", "100")
  t.check(closed.p90 < 0.25, "p90 is " .. closed.p90)
  t.check(closed.max >= 0.5)
end)

t.test("a rate and a time that are hardly any", function()
  local lab = start(76)
  local j = load_json(lab.url .. "/echo", "--seconds", "0.3", "--rate", "1e-300", "--timeout", "5")
  t.equal(j.code, 0)
  t.equal(j.requests, 1)
  local program = t.spawn(t.command { t.diaglab, "load", lab.url .. "/echo", "--rate", "1e-9", "--requests", "2" })
  t.eventually(function() return program:err():find("[1-9]%.%ds: 1 requests, ") end)
  program:signal("INT")
  t.equal(program:wait(), 130)
  local began = socket.gettime()
  t.equal(load_json(lab.url .. "/echo", "--seconds", "1e-12").status["5xx"], 0)
  t.check(socket.gettime() - began < 4, "not the default")
end)

t.test("requests without an answer", function()
  local lab = start(76)
  local j = load_json(lab.url .. "/never", "--requests", "4", "--clients", "2", "--timeout", "0.3")
  t.equal(j.code, 1)
  t.equal(j.status.none, 4)
  t.equal(j.timeouts, 4)
  t.equal(j.counted, 4)
  t.check(j.p50 >= 0.3)
  lab:stop()
  j = load_json(lab.url .. "/", "--requests", "1000")
  t.equal(j.code, 1)
  t.equal(j.status.none, 1)
  t.has(j.error, "connection refused")
end)

t.test("the lab ends in the middle", function()
  local program = t.enough(function(seconds)
    local lab = start(76)
    local program = t.spawn(t.command { t.diaglab, "load", lab.url .. "/echo", "--seconds", seconds, "--clients", "4" })
    lab:wait_log("Request processed")
    local in_the_middle = program:alive()
    lab:stop()
    return program, in_the_middle
  end, function(_, in_the_middle) return in_the_middle end, 2)
  t.equal(program:wait(), 1)
  t.match(program:out(), "\n  no answer  %d+\n")
end)

t.test("Ctrl-C prints what was seen so far", function()
  local lab = start(76)
  for _, path in ipairs { "/echo", "/never" } do
    local program = t.spawn(t.command { t.diaglab, "load", lab.url .. path, "--seconds", "60" })
    t.eventually(function() return program:err():find("[1-9]%.%ds: %d+ requests, ") end) -- a line each second
    program:signal("INT")
    t.equal(program:wait(), 130, path)
    t.match(program:out(), "^%d+ requests to .* %(interrupted%)\n")
  end
end)

t.test("usage", function()
  local help = load("--help")
  t.equal(help.code, 0)
  for line in help.out:gmatch("[^\n]*") do t.check(#line <= 80, line) end
  for flag in help.out:gmatch("\n  (%-%-%a+)") do
    t.check(flag == "--help" or #flag > 3, flag)
  end
  local cases = {
    { { "--nope" }, "--nope" },
    { { "--requests", "0" }, '--requests: "0" is not a number above 0' },
    { { "--requests", "1.5" }, '--requests: "1.5" is not a whole number' },
    { { "--clients", "99999" }, '--clients: "99999" is not a number above 0, at most 10000' },
    { { "--seconds", "x" }, '--seconds: "x"' },
    { { "--rate", "-1" }, '--rate: "-1"' },
    { { "--rate", "0x10" }, '--rate: "0x10"' },
    { { "--timeout", "" }, '--timeout: ""' },
    { { "--method", "get" }, 'method: "get" is not a method such as GET or POST' },
    { { "--header", "x" }, 'header: "x" is not of the form "Name: value"' },
    { { "--body", "@/nowhere" }, "--body: /nowhere: No such file or directory" },
    { { "https://a/" }, "https://a/: unsupported protocol scheme" },
    { { "a", "b" }, 'unexpected argument "b"' },
  }
  for _, case in ipairs(cases) do
    local result = load(table.unpack(case[1]))
    local what = table.concat(case[1], " ")
    t.equal(result.code, 2, what)
    t.has(result.err, case[2], what)
    t.has(result.err, 'Try "diaglab load --help".', what)
    t.equal(result.out, "", what)
  end
  local typo = t.run(t.command { t.diaglab, "laod" })
  t.equal(typo.code, 2)
  t.has(typo.err, 'unexpected argument "laod"; did you mean "load"?')
  t.has(t.run(t.command { t.diaglab, "--help" }).out, "\n  load  ")
end)

t.finish()
