-- SPDX-License-Identifier: MIT
-- `diaglab load --step N`: the load of the step's lesson is sent, as the running lab
-- tells it, and nothing else of the lesson is known.
local t = require "harness"
t.need("curl")

local function load(...)
  return t.run(t.command { t.diaglab, "load", ... })
end

local SCENARIO = [[
local first, all, most = 0, 0, 0
return {
  limits = { memory = "1GiB" },
  request = function(_, req)
    all = all + 1
    most = math.max(most, all)
    lab.sleep(0.05)
    all = all - 1
    return req.query.n or "-"
  end,
  routes = {
    ["/first"] = function() first = first + 1 end,
    ["/import"] = function() lab.sleep(0.01) end,
    ["/most"] = function() return ("%d %d\n"):format(first, most) end,
  },
}
]]

local LESSON = [[
return {
  title = "Prices are late", symptom = "Whoever reads a price waits: \u{fc}\u{1F600} \"long\".",
  difficulty = 2, minutes = 5,
  hints = { "the secret hint" },
  load = { requests = 12, clients = 3, path = "/?n={n}", timeout = 5, first = { path = "/first", requests = 4 },
    beside = { path = "/import" } },
  expect = { { latency = "p50", value = ">= 5 x fixed" } },
  diagnosis = { class = "wait.lock", where = "secretName" },
}
]]

local function start()
  local dir = t.temp_dir()
  t.run("mkdir " .. dir .. "/50-prices " .. dir .. "/51-odd " .. dir .. "/52-none")
  t.write(dir .. "/50-prices/scenario.lua", SCENARIO)
  t.write(dir .. "/50-prices/lesson.lua", LESSON)
  for _, name in ipairs { "51-odd", "52-none" } do
    t.write(dir .. "/" .. name .. "/scenario.lua", "return { request = function() end }")
  end
  t.write(dir .. "/51-odd/lesson.lua", "return { load = { requests = 1, seconds = 2 } }")
  return t.start_with { dir }
end

t.test("the lesson's load is sent", function()
  local lab = start()
  t.equal(lab:go_to(50).body, "switched to step 50")
  local result = load("--step", "50", lab.url)
  t.equal(result.code, 0, result.err)
  t.has(result.err, "step 50: Prices are late\n    Whoever reads a price waits: \u{fc}\u{1F600} \"long\".\n" ..
    "first 4 requests to /first by 1 client\n12 requests to /?n={n} by 3 clients\n" ..
    "beside it requests to /import by 1 client, until that ends\n")
  t.has(result.out, "12 requests to " .. lab.url .. "/?n={n} in ")
  t.has(result.out, "\n  2xx        12\n")
  t.equal(lab:get("/most").body, "4 3\n")
  local metrics = lab:get("/metrics").body
  local counted = tonumber(t.match(metrics, '\ndiaglab_requests_total{step="50",code="2xx"} (%d+)'))
  t.check(counted > 12 + 4 + 1, "something was sent beside: " .. counted)
  for _, secret in ipairs { "secret", "wait.lock", "fixed" } do
    t.check(not (result.out .. result.err):find(secret, 1, true), "no " .. secret)
  end
  lab:stop()
end)

t.test("flags change how much is sent, but not what", function()
  local lab = start()
  lab:go_to(50)
  local url = lab.url:match("//(.*)") .. "/"
  local result = load("--step=50", url, "--requests", "5", "--clients", "1", "--json", "--quiet")
  t.equal(result.code, 0, result.err)
  t.equal(result.err, "")
  t.match(result.out, '"url":"http://[^"]+/%?n={n}","requests":5,.*"connections":1,')
  result = load("--step", "50", lab.url, "--seconds", "0.2", "--quiet")
  t.equal(result.code, 0, result.err)
  for _, flags in ipairs { { "--method", "POST" }, { "--body", "x" }, { "--header", "A: b" } } do
    local refused = load("--step", "50", lab.url, table.unpack(flags))
    t.equal(refused.code, 2)
    t.has(refused.err, "--step: the lesson says what is sent: no --method, --body or --header")
  end
  lab:stop()
end)

t.test("a step that has no load, or isn't there", function()
  local lab = start()
  local function refused(code, text, ...)
    local result = load(...)
    t.equal(result.code, code, text)
    t.has(result.err, "diaglab load: " .. text)
    t.equal(result.out, "")
  end
  refused(1, ("the lab is in step 0; go to step 50 first: curl '%s/goto?step=50'"):format(lab.url), "--step", "50",
    lab.url)
  refused(1, "there is no step 49; there are 50, 51, 52", "--step", "49", lab.url)
  refused(1, "the lesson of step 52 has no load", "--step", "52", lab.url)
  t.match(load("--step", "51", lab.url).err, "step 51: [^\n]+lesson.lua:1: load.seconds: a load has requests or")
  refused(2, '--step: "x" is not a number from 0 to 9999', "--step", "x", lab.url)
  refused(2, "--step: the lesson says which path: give HOST:PORT", "--step", "50", lab.url .. "/import")
  lab:stop()
  refused(1, lab.url .. ": ", "--step", "50", lab.url)
end)

-- ---- a server that is no lab ----------------------------------------------------

local function step_with(rest) return '{"step": 5, "steps": [{"number": 5' .. rest .. "}]}" end
local function step_with_load(fields) return step_with(', "load": {"path": "/", ' .. fields .. "}") end

local NO_LIST = ": /steps has no list of steps"
local ODD = {
  { step_with_load '"body": 12345678901234', "the load of step 5: body: must be a string, not a number" },
  { step_with_load '"requests": -1', "the load of step 5: requests: must be a whole number from 1 to 1000000" },
  { step_with_load '"requests": 1e300', "requests: must be a whole number" },
  { step_with_load '"seconds": 1e300', "the load of step 5: seconds: must be a number above 0" },
  { step_with_load '"rate": 1e7', "rate: must be a number above 0, and at most 1000000" },
  { step_with_load '"clients": 1e9', "clients: must be" },
  { step_with_load '"timeout": -1', "timeout: must be" },
  { step_with_load '"first": {"path": 1}', "the load of step 5: first.path: must be like" },
  { step_with ', "load": 1', "the load of step 5: must be a table" },
  { step_with ', "title": {}', NO_LIST },
  { step_with ', "problem": 1', NO_LIST },
  { '{"step": 5, "steps": [1]}', NO_LIST },
  { '{"step": "x", "steps": []}', NO_LIST },
  { '{"step": 5}', NO_LIST },
  { '"steps"', NO_LIST },
  { step_with ', "problem": "\\u001b[2J"', "step 5: \\x1b[2J\n" },
}
local HOSTILE = step_with ', "title": "a\\u001b]0;pwned\\u0007", "load": {"path": "/\\u009b2J", "requests": 3}'

t.test("what a server says is looked at first", function()
  local dir = t.temp_dir()
  t.run("mkdir " .. dir .. "/50-servers")
  local texts = {}
  for i, case in ipairs(ODD) do texts[i] = ("%q"):format(case[1]) end
  texts[#texts + 1] = ("%q"):format(HOSTILE)
  t.write(dir .. "/50-servers/scenario.lua", [[
local addresses = {}
return { request = function() return table.concat(addresses, "\n") .. "\n" end, enter = function()
  for i, text in ipairs { ]] .. table.concat(texts, ", ") .. [[ } do
    addresses[i] = lab.listen("127.0.0.1:0", function() return text end):address()
  end
end }
]])
  local lab = t.start_with({ dir }, "--step", "50")
  local n = 0
  for address in lab:get("/").body:gmatch("[^\n]+") do
    n = n + 1
    local result = load("--step", "5", address)
    if ODD[n] then
      t.equal(result.code, 1, ODD[n][1])
      t.has(result.err, ODD[n][2])
    else
      t.check(result.code <= 1, "a server with a newer llhttp refuses the path: " .. result.err)
      t.has(result.err, "step 5: a\\x1b]0;pwned\\x07\n")
      t.has(result.out, "3 requests to http://" .. address .. "/\\xc2\\x9b2J in ")
    end
    t.check(not (result.err .. result.out):find("[\27\7\x9b]"), "plain")
  end
  t.equal(n, #ODD + 1)
end)

-- ---- the reader of JSON ----------------------------------------------------------

local function read_json(text) return assert(loadfile(t.source .. "/lua/json.lua"))()(text) end

t.test("JSON is read", function()
  local v = read_json ' {"a": [1, -2.5e3, true, false, null, "x"], "\\u0022\\\\\\n\\u00fc\\uD83D\\uDE00": {}, "e": []} '
  t.equal(math.type(v.a[1]), "integer")
  t.equal(v.a[2], -2500.0)
  t.equal(v.a[3], true)
  t.equal(v.a[4], false)
  t.equal(v.a[5], nil)
  t.equal(v.a[6], "x")
  t.equal(type(v['"\\\n\u{fc}\u{1F600}']), "table")
  for _, text in ipairs { "", "{", "[1,", "[1 2]", '{"a" 1}', '{a: 1}', '"x', '"\\x"', "tru", "-", "1 2", "[1,]",
    ("["):rep(1000), "nan", '"\n"' } do
    local value, message = read_json(text)
    t.equal(value, nil, text)
    t.match(message, "^JSON, byte %d+: ", text)
  end
end)

t.finish()
