-- SPDX-License-Identifier: MIT
-- diaglab answer: a verdict by a lab, and by captures that were kept, without one.
local t = require "harness"
t.need("curl")

local PPROF = "/debug/pprof/"

local function answer_file(class, where)
  local path = t.temp_file()
  t.write(path, ('{"format": "diaglab-answer/1", "hypotheses": [{"class": "%s", "where": "%s"}]}'):format(class, where))
  return path
end

local function run(...) return t.run(t.command { t.diaglab, "answer", ... }) end

t.test("a lab's verdict and that on kept captures are the same", function()
  local right, near = answer_file("leak.file", "createFiles"), answer_file("leak.socket", "createFiles")
  local unknown, junk = answer_file("leak.file", "nobody"), t.temp_file()
  t.write(junk, "no JSON")
  local lab = t.start("--step", "5")
  lab:get(PPROF .. "heap") -- of another visit: only its facts are left
  lab:go_to(6)
  for _ = 1, 4 do lab:get("/") end
  lab:get(PPROF .. "lab.OpenFiles")
  lab:get(PPROF .. "goroutine")
  lab:get("/metrics")
  lab:get(PPROF .. "trace?seconds=0.1")
  local pack = t.temp_dir() .. "/pack"
  local kept = run("--url", lab.url, "--keep", pack)
  t.equal(kept.out, "4 captures are in " .. pack .. "\n", kept.err)
  t.equal(run("--url", lab.url, "--keep", pack).code, 2, "the folder must be new")
  local file = t.temp_file()
  t.equal(t.run(t.command { "curl", "-sS", "-o", file, lab.url .. "/lab/captures?id=c2" }).code, 0)
  t.equal(t.read(pack .. "/c2"), t.read(file))
  t.equal(lab:get("/lab/captures?id=c9").status, 404)
  local scenarios = t.source .. "/scenarios"
  local by_numbers = t.temp_file()
  t.write(by_numbers, (t.read(right):gsub("}%s*$", ', "evidence": ["metrics"]}')))
  local mistyped, unnamed = answer_file("leak.fil", "createFiles"), t.temp_file()
  t.write(unnamed, (t.read(right):gsub("}%s*$", ', "evidence": ["metricks"]}')))
  local cases = { { right, 0, "solved" }, { by_numbers, 0, "solved" }, { near, 1, "partial" },
    { unknown, 3, "not judged" }, { mistyped, 3, "did you mean 'leak.file'?" },
    { unnamed, 3, "did you mean 'metrics'?" }, { junk, 3, "JSON, byte 1" } }
  for _, case in ipairs(cases) do
    for _, json in ipairs { "--json", nil } do
      local online = run("--url", lab.url, json or case[1], json and case[1])
      local offline = run("--judge", pack, "--scenarios", scenarios, json or case[1], json and case[1])
      t.equal(online.code, case[2], online.err)
      t.equal(offline.code, case[2], offline.err)
      t.equal(offline.out, online.out)
      t.has(online.out, json and case[3] == "not judged" and '"gradable": false' or case[3])
    end
  end
  t.equal(lab:stop(), 0)
  local all = run("--judge", pack, "--scenarios", scenarios, right, near, unknown)
  t.equal(all.code, 3, "the worst")
  t.match(all.out, "^" .. right:gsub("%p", "%%%0") .. "\nverdict   solved")
  -- An older lab told of traces, and kept none.
  local list = t.read(pack .. "/captures.json")
  local older, n = list:gsub(',%s*"kept": %a+', "")
  t.equal(n, 7, list)
  t.write(pack .. "/captures.json", older)
  t.equal(t.run("rm " .. pack .. "/c5").code, 0)
  local judged = run("--judge", pack, "--scenarios", scenarios, right)
  t.equal(judged.code, 0, judged.err)
  local bad = run("--judge", pack, "--scenarios", scenarios, junk)
  t.equal(bad.code, 3)
  t.has(bad.out, "JSON, byte 1")
end)

-- ---- any answer ------------------------------------------------------------------

local function pick(list) return list[math.random(#list)] end

local TEXTS = {
  class = { "leak.file", "leak.file", "leak.file", "leak.socket", "cpu.hot", "none", "wait.lock", "net" },
  where = { "createFiles", "receipts.createFiles", "createFiles.func1", "request", "main.doSomeBusinessLogic",
    "scenario.lua:1", "scenario.lua:7", ".lua:99999999999999999999", "routes./", "\\u0000", "", "%d+", "getrandom" },
  capture = { "c1", "c2", "c3", "c4", "c99", "heap", "goroutine", "lab.OpenFiles", "metrics", "vars", "trace", "b1" },
  number = { "5", "5s", "= 5", "1e308", "-5", "7", "1e+16", "5 per request", "nan" },
}
local ODD = { "null", "true", "-1", "1e999", "[]", "{}", '[["x"]]', '{"a": 1}', '"\\ud800"' }

-- JSON for a text of KIND; now and then another value.
local function any_text(kind)
  return math.random(60) == 1 and pick(ODD) or '"' .. pick(TEXTS[kind]) .. '"'
end

local function any_list(least, most, make)
  local items = {}
  for i = 1, math.random(least, most) do items[i] = make() end
  return "[" .. table.concat(items, ", ") .. "]"
end

-- { key, its kind of text, or what makes it } ...; some are missing.
local function any_object(fields)
  local items = {}
  for _, field in ipairs(fields) do
    local value = type(field[2]) == "string" and any_text(field[2]) or field[2]()
    if math.random(20) > 1 then items[#items + 1] = ('"%s": %s'):format(field[1], value) end
  end
  return "{" .. table.concat(items, ", ") .. "}"
end

local function any_hypothesis() return any_object { { "class", "class" }, { "where", "where" } } end

local function any_ruled_out() return any_object { { "class", "class" }, { "evidence", "capture" } } end

local function any_answer()
  return any_object {
    { "hypotheses", function() return any_list(math.random(0, 1), 3, any_hypothesis) end },
    { "evidence", function() return any_list(0, 2, function() return any_text "capture" end) end },
    { "number", "number" }, { "ruled_out", function() return any_list(0, 1, any_ruled_out) end },
  }
end

-- What is solved has the right words first.
local function check_verdict(answer, verdict)
  local word = verdict:match '"verdict": "(%l+)"'
  t.check(word or verdict:find '^{"error": "[^"]', answer .. " gets " .. verdict)
  if word ~= "solved" then return end
  local first = t.match(answer, '"hypotheses": %[({[^}]*})')
  t.has(first, '"class": "leak.file"', answer)
  t.has(first, "createFiles", answer)
end

t.test("whatever an answer says, it gets a verdict or a reason", function()
  local lab = t.start("--step", "6")
  for _ = 1, 4 do lab:get("/") end
  for _, path in ipairs { "pprof/lab.OpenFiles", "pprof/goroutine", "vars", "pprof/trace?seconds=0.1" } do
    lab:get("/debug/" .. path)
  end
  local pack, dir = t.temp_dir() .. "/pack", t.temp_dir()
  t.equal(run("--url", lab.url, "--keep", pack).code, 0)
  t.equal(lab:stop(), 0)
  math.randomseed(11)
  local answers, files, solved = {}, {}, 0
  for i = 1, 1000 do
    answers[i], files[i] = any_answer(), ("%s/%d"):format(dir, i)
    t.write(files[i], answers[i])
  end
  local judged = run("--judge", pack, "--scenarios", t.source .. "/scenarios", "--json", table.unpack(files))
  t.equal(judged.code, 3, judged.err)
  local n = 0
  for verdict in judged.out:gmatch "[^\n]+" do
    n = n + 1
    check_verdict(answers[n], verdict)
    solved = solved + (verdict:find('"solved": true', 1, true) and 1 or 0)
  end
  t.equal(n, #answers, "each on a line")
  t.check(solved > 3, solved .. " are solved")
end)

-- ---- packs -----------------------------------------------------------------------

-- N bytes more, in a further text of the profile's.
local function pad_profile(file, n)
  local length = {}
  local rest = n
  while rest >= 128 do
    length[#length + 1] = string.char(rest % 128 + 128)
    rest = rest // 128
  end
  local plain = t.run("gzip -dcf " .. t.quote(file)).out
  t.write(file, plain .. "\x32" .. table.concat(length) .. string.char(rest) .. ("x"):rep(n))
end

t.test("captures as large as the lab takes them are judged; larger ones are told", function()
  t.need("gzip")
  local right = answer_file("leak.file", "createFiles")
  local lab = t.start("--step", "6")
  for _ = 1, 4 do lab:get("/") end
  lab:get(PPROF .. "lab.OpenFiles")
  local pack = t.temp_dir() .. "/pack"
  t.equal(run("--url", lab.url, "--keep", pack).code, 0)
  pad_profile(pack .. "/c1", 3 << 20)
  local judged = run("--judge", pack, "--scenarios", t.source .. "/scenarios", right)
  t.has(judged.out, "verdict   solved", judged.err)
  t.equal(judged.code, 0)
  pad_profile(pack .. "/c1", 14 << 20)
  local refused = run("--judge", pack, "--scenarios", t.source .. "/scenarios", right)
  t.equal(refused.code, 2)
  t.has(refused.err, pack .. "/c1: it has more than 16 MiB")
  t.run("rm " .. pack .. "/c1 && mkfifo " .. pack .. "/c1")
  t.equal(run("--judge", pack, "--scenarios", t.source .. "/scenarios", right).code, 2)
end)

-- A list of another lab names a file outside the folder.
t.test("captures are kept in the folder only", function()
  local dir = t.temp_dir()
  local scenarios = dir .. "/s"
  t.equal(t.run(("mkdir -p %s/41-other"):format(scenarios)).code, 0)
  t.write(scenarios .. "/41-other/scenario.lua", [[
return { request = function() return "" end, routes = { ["/x/lab/captures"] = function()
  return '{"format": "diaglab-captures/1", "step": 1, "attempt": "a", ' ..
    '"captures": [{"id": "../evil", "kind": "heap", "attempt": "a", "slug": "s"}]}'
end } }
]])
  local lab = t.start_with({ scenarios, t.source .. "/scenarios" }, "--step", "41")
  local result = run("--url", lab.url .. "/x", "--keep", dir .. "/pack")
  t.check(result.code ~= 0, result.out)
  t.has(result.err, "a capture's id isn't like c1")
  t.check(not t.read(dir .. "/evil"), "nothing is written beside the folder")
  t.equal(lab:stop(), 0)
end)

-- Somebody has selected another step in between.
t.test("a pack is whole, or it isn't there and can be tried again", function()
  local dir = t.temp_dir()
  local scenarios, pack = dir .. "/s", dir .. "/pack"
  t.equal(t.run(("mkdir -p %s/41-other"):format(scenarios)).code, 0)
  t.write(scenarios .. "/41-other/scenario.lua", [[
local asked = 0
return { request = function() return "" end, routes = { ["/x/lab/captures"] = function(self, req)
  if req.query.id == "c2" then asked = asked + 1 end
  if req.query.id then return "bytes", req.query.id == "c2" and asked == 1 and 410 or 200 end
  return '{"format": "diaglab-captures/1", "step": 1, "attempt": "a", "captures": [' ..
    '{"id": "c1", "kind": "heap", "attempt": "a", "slug": "s"}, ' ..
    '{"id": "c2", "kind": "heap", "attempt": "a", "slug": "s"}]}'
end } }
]])
  local lab = t.start_with({ scenarios, t.source .. "/scenarios" }, "--step", "41")
  local result = run("--url", lab.url .. "/x", "--keep", pack)
  t.equal(result.code, 2, result.out)
  t.has(result.err, "id=c2: 410 ")
  t.equal(t.run("ls " .. dir).out, "s\n", "nothing is left")
  result = run("--url", lab.url .. "/x", "--keep", pack)
  t.equal(result.out, "2 captures are in " .. pack .. "\n", result.err)
  t.equal(t.run("ls " .. pack).out, "c1\nc2\ncaptures.json\n")
  t.equal(run("--url", lab.url .. "/x", "--keep", pack).code, 2)
  t.equal(t.run("ls " .. pack).out, "c1\nc2\ncaptures.json\n", "what was there before stays")
  t.equal(lab:stop(), 0)
end)

t.test("an answer in words is the same as one in a file", function()
  local lab = t.start("--step", "6")
  for _ = 1, 4 do lab:get("/") end
  lab:get(PPROF .. "lab.OpenFiles")
  local pack = t.temp_dir() .. "/pack"
  local by_file = run("--url", lab.url, "--keep", pack, answer_file("leak.file", "createFiles"))
  local words = run("--url", lab.url:gsub("^http://", ""), "class=leak.file", "where=createFiles")
  t.equal("1 capture is in " .. pack .. "\n" .. words.out, by_file.out, words.err)
  t.equal(words.code, 0)
  t.equal(run("--judge", pack, "--scenarios", t.source .. "/scenarios", "class=leak.file", "where=createFiles").out,
    words.out)
  t.equal(run("--url", lab.url, "class=leak.file", "where=a b&class=x").code, 3, "a value may have any characters")
  local unknown = run("--url", lab.url, "klass=leak.file")
  t.equal(unknown.code, 3)
  t.has(unknown.out, "unknown key 'klass'")
  t.equal(run("--url", lab.url, "class=leak.socket", "where=createFiles").code, 1)
  local guess
  for _ = 1, 11 do guess = run("--url", lab.url, "class=leak.file", "where=nobody") end
  t.equal(guess.code, 2)
  t.match(guess.err, "429 Several of your answers [^\n]+, and answer again in %d+ seconds%.\n")
  t.equal(lab:stop(), 0)
end)

t.test("what can't be done is told", function()
  local right, empty, pack = answer_file("leak.file", "createFiles"), t.temp_dir(), t.temp_dir()
  t.write(pack .. "/captures.json", '{"step": 6, "attempt": "x", "captures": [{"id": "../c1"}]}')
  for words, message in pairs {
    [""] = "there is no answer: say class=CLASS where=FUNCTION",
    ["--judge " .. empty .. " " .. right] = "captures.json",
    ["--judge " .. pack .. " --scenarios " .. t.source .. "/scenarios " .. right] = "captures[1] is no capture",
    ["--url http://127.0.0.1:1 " .. right] = "127.0.0.1:1",
    ["--keep x --judge y " .. right] = "exclude each other",
    ["--url http://127.0.0.1:1 /nowhere"] = "/nowhere",
  } do
    local result = t.run(t.command { t.diaglab, "answer" } .. " " .. words)
    t.equal(result.code, 2, words)
    t.has(result.err, message)
  end
end)

t.finish()
