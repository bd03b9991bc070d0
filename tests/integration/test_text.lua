-- SPDX-License-Identifier: MIT
-- A script, a folder and a client use bytes that are no UTF-8 wherever a name is
-- possible. Whatever the lab then writes as text is valid UTF-8: profile.proto,
-- traces, JSON, metrics and text forms. One bad byte would make a strict reader
-- refuse the whole file.
local t = require "harness"
local proto = require "proto"
local trace = require "trace"
t.need("curl", "go")

local BAD, GOOD = "caf\xe9", "caf\u{fffd}"

local SCENARIO = ([[
local routes = {}
local burn = {}
burn["BAD"] = function(s) lab.spin(s) end
routes["/work"] = function()
  lab.label("BAD", "BAD", function() lab.label("caf\xe8", "later", function() burn["BAD"](0.15) end) end)
  lab.label("customer", ("\xc3\xa9"):rep(63) .. "x\xc3", burn["BAD"], 0.15)
end
routes["/marks"] = function()
  lab.task("task BAD", function() lab.region("region BAD", function()
    lab.log("log BAD") lab.log(("\xc3\xa9"):rep(5000)) lab.sleep(0.01)
  end) end)
  lab.region(("\xc3\xa9"):rep(2000), lab.sleep, 0.01)
end
routes["/park"] = function()
  lab.label("BAD", "BAD", function() lab.go(function() lab.sleep(600) end) end)
  routes.kept = lab.buffer(8 << 20)
end
routes["/fail"] = function() error("BAD") end
return { title = "title BAD", symptom = "symptom BAD", hints = { "hint BAD" }, difficulty = 1,
  params = { word = { "BAD", "a word BAD" } }, request = function() end, routes = routes }
]]):gsub("BAD", BAD)

-- In a folder of that kind, because file names are in every profile.
local function start()
  local scenarios = t.temp_dir() .. "/" .. BAD
  t.run(("mkdir -p %s/1-bytes"):format(t.quote(scenarios)))
  t.write(scenarios .. "/1-bytes/scenario.lua", SCENARIO)
  return t.start_with({ scenarios }, "--step", "1")
end

local function check_text(text, what)
  local _, at = utf8.len(text)
  t.check(not at, what .. " isn't UTF-8: " .. (at and ("%q"):format(text:sub(math.max(at - 60, 1), at + 20)) or ""))
end

-- The profile as a strict reader and as pprof see it.
local function read_profile(file)
  local profile = proto.read(file)
  t.equal(t.run("go tool pprof -raw " .. t.quote(file)).code, 0)
  if t.have("protoc") then
    local decoded = t.run(("zcat < %s | protoc --decode_raw"):format(t.quote(file)))
    t.equal(decoded.code, 0, decoded.err)
  end
  return profile
end

local function has_name(profile, wanted)
  for _, sample in ipairs(profile.sample) do
    for _, name in ipairs(profile:names(sample)) do
      if name:find(wanted, 1, true) then return true end
    end
  end
end

-- Are there samples of both labels' work? A machine that is busy gives it few.
local function has_samples(profile)
  local both = { later = false, [("\u{e9}"):rep(63)] = false }
  for _, sample in ipairs(profile.sample) do
    for _, label in ipairs(sample.label) do
      for value in pairs(both) do
        if profile:text(label.str):sub(1, #value) == value then both[value] = true end
      end
    end
  end
  for _, is_there in pairs(both) do
    if not is_there then return false end
  end
  return true
end

t.test("profiles", function()
  local lab = start()
  local dir = t.temp_dir()
  local function fetch(name, query)
    local file = dir .. "/" .. name
    t.equal(t.run(("curl -sSf -o %s '%s/debug/pprof/%s%s'"):format(file, lab.url, name, query or "")).code, 0)
    return file
  end
  t.enough(function(seconds)
    local asked = t.now()
    local cpu = t.spawn(("curl -sSf -o %s/cpu '%s/debug/pprof/profile?seconds=%d'"):format(dir, lab.url, seconds))
    lab:wait_profiler(cpu)
    t.equal(lab:get("/work").status, 200)
    local whole = t.now() < asked + seconds -- that it has lasted: its client may end later
    t.equal(cpu:wait(), 0)
    return whole and has_samples(proto.read(dir .. "/cpu"))
  end, function(whole) return whole end, 2)
  local profile = read_profile(dir .. "/cpu")
  t.check(has_name(profile, GOOD), "the function's name, with U+FFFD")
  local files, labels = 0, {}
  for _, f in ipairs(profile.function_) do
    if profile:text(f.filename):find(GOOD .. "/1-bytes/scenario.lua", 1, true) then files = files + 1 end
  end
  t.check(files > 0, "the file's name, with U+FFFD")
  for _, sample in ipairs(profile.sample) do
    local seen = {}
    for _, label in ipairs(sample.label) do
      local key = profile:text(label.key)
      t.check(not seen[key], "two values for label " .. key)
      seen[key] = true
      labels[key .. "=" .. profile:text(label.str)] = true
    end
  end
  t.check(labels[GOOD .. "=later"], "keys that look the same are the same: the inner one counts")
  t.check(labels["customer=" .. ("\u{e9}"):rep(63) .. "x\u{fffd}"], "only the bad byte is replaced")
  lab:get("/park")
  lab:get("/caf%E9")
  for _, name in ipairs { "goroutine", "heap", "allocs", "block", "mutex", "threadcreate", "lab.OpenFiles" } do
    read_profile(fetch(name))
    check_text(lab:get("/debug/pprof/" .. name .. "?debug=1").body, name .. "?debug=1")
  end
  read_profile(fetch("wall", "?seconds=1"))
  local dump = lab:get("/debug/pprof/goroutine?debug=2").body
  check_text(dump, "goroutine?debug=2")
  t.has(dump, GOOD .. "/1-bytes/scenario.lua")
  t.has(lab:get("/debug/pprof/goroutine?debug=1").body, ('"%s":"%s"'):format(GOOD, GOOD))
  t.equal(lab:stop(), 0)
end)

t.test("traces", function()
  local lab = start()
  for _, form in ipairs { "go", "json" } do
    local file = t.temp_dir() .. "/trace"
    t.enough(function(seconds)
      os.remove(file)
      local asked = t.now()
      local asking = t.spawn(("curl -sSfN -o %s '%s/debug/pprof/trace?seconds=%d&format=%s'")
        :format(file, lab.url, seconds, form))
      t.eventually(function() return #(t.read(file) or "") > 0 end) -- it has begun
      t.equal(lab:get("/marks").status, 200)
      lab:get("/caf%E9")
      local whole = t.now() < asked + seconds
      t.equal(asking:wait(), 0)
      return whole
    end, function(whole) return whole end)
    local text = t.read(file)
    if form == "json" then
      check_text(text, "the JSON form")
    else
      trace.parses(file, "go")
    end
    for _, name in ipairs { "task " .. GOOD, "region " .. GOOD, "log " .. GOOD } do t.has(text, name) end
    t.check(not text:find(BAD, 1, true), "the bad byte is in the trace")
    -- Long texts are cut between two characters.
    local long, after = text:match("(" .. ("\u{e9}"):rep(200) .. "[\xc3\xa9]*)(.)")
    t.check(long and #long % 2 == 0, "a character is cut in two before " .. ("%q"):format(after))
  end
  t.equal(lab:stop(), 0)
end)

t.test("JSON, metrics and texts", function()
  local lab = start()
  lab:get("/caf%E9")
  lab:get("/fail")
  for _, path in ipairs { "/status", "/steps", "/steps?format=json", "/hint", "/hint?format=json", "/debug/vars",
    "/metrics", "/debug/pprof/", "/goto?step=1&word=x%E9", "/status", "/goto?step=1&caf%E9=1", "/goto?step=%E9",
    "/debug/pprof/caf%E9", "/debug/caf%E9" } do
    check_text(lab:get(path).body, path)
  end
  t.has(lab:get("/status").body, "title " .. GOOD)
  t.has(lab:get("/steps").body, "symptom " .. GOOD)
  t.has(lab:get("/hint").body, "hint " .. GOOD)
  t.equal(lab:stop(), 0)
end)

t.finish()
