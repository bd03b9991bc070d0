-- SPDX-License-Identifier: MIT
-- Scripts give names: to chunks, locks, labels. None of them moves a terminal's
-- cursor, in no text that the lab shows.
local t = require "harness"
local pprof = require "pprof"
t.need("go", "curl")

local scenario = [[
local ESC = "\27[31m\r\7\194\1552J"
local code = "local function wait() lab.sleep(100) end return wait, function() error('no \27[31m') end"
local names = {
  "@at" .. ESC .. ".lua", "=is" .. ESC, "text" .. ESC, "@cut\255\254.lua", "@tab\tnew\nline.lua",
  "@" .. ("long"):rep(1 << 18), "=same", "=same",
}
local lock = lab.mutex("lock" .. ESC .. "\255")
local waiting, fail = {}, nil
for i, name in ipairs(names) do
  waiting[i], fail = assert(load(code, name))()
end
local _, at = assert(load(code, names[1]))()
return {
  request = function()
    lock:lock()
    lab.go(function() lab.label("k" .. ESC, "v" .. ESC, function() lock:lock() end) end)
    for _, wait in ipairs(waiting) do lab.go(wait) end
    lab.log("log" .. ESC)
    lab.sleep(0)
    return "ok"
  end,
  routes = { ["/fail"] = function() at() end },
}]]

local function start(text, ...)
  local dir = t.temp_dir()
  t.run("mkdir " .. dir .. "/73-names " .. dir .. "/74-bad")
  t.write(dir .. "/73-names/scenario.lua", text)
  t.write(dir .. "/74-bad/scenario.lua", "error('bad \27[31m \194\155')")
  return { dir, t.source .. "/scenarios" }, dir
end

local function check_plain(what, text)
  t.check(#text > 0, what .. " is empty")
  t.check(utf8.len(text), what .. " is no UTF-8")
  local bad
  for line in text:gmatch("[^\n\t]+") do
    bad = line:match(".?.?.?.?.?.?%c.*") or line:match(".?.?.?.?.?.?\194[\128-\159].*")
    if bad then t.check(false, ("%s: %q"):format(what, bad)) end
  end
end

t.test("no text has control characters", function()
  local lab = t.start_with(start(scenario), "--step", "73")
  t.equal(lab:get("/").body, "ok")
  t.equal(lab:get("/fail").status, 500)
  for _, path in ipairs {
    "/debug/pprof/goroutine?debug=1", "/debug/pprof/goroutine?debug=2", "/debug/pprof/goroutine?debug=collapsed",
    "/debug/pprof/goroutine?debug=collapsed&label=k%1b%5b31m%0d%07%c2%9b2J",
    "/debug/pprof/heap?debug=1", "/debug/pprof/mutex?debug=1", "/status",
    "/goto?step=74", "/steps", "/debug/vars", "/metrics", "/no%1b[31m", "/goto?step=%1b[31m",
    "/debug/pprof/no%1b[31m", "/debug/pprof/profile?seconds=%1b[31m",
  } do
    check_plain(path, lab:get(path, "-g").body)
  end
  check_plain("the log", lab:log())
  for _, sample in ipairs(pprof.raw(lab.url .. "/debug/pprof/goroutine").samples) do
    for _, location in ipairs(sample.stack) do
      for _, frame in ipairs(location.frames) do
        check_plain("a name", tostring(frame.name))
      end
    end
  end
  t.equal(lab:stop(), 0)
end)

-- Metamethods and iterators of C have the names that a script uses them by.
t.measured("functions of C that Lua calls have names", function()
  local dirs = start [[
return { request = function()
  local stop, text = lab.cpu_time() + 0.6, ("x"):rep(100)
  while lab.cpu_time() < stop do
    for _ = 1, 100 do local f <close> = lab.temp_file() end
    for _ = 1, 3000 do for _ in utf8.codes(text, true) do end end
  end
  return "ok"
end }]]
  local lab = t.start_with(dirs, "--step", "73")
  local busy = t.spawn(("curl -s --max-time 120 '%s/?[1-100]'"):format(lab.url))
  local top = t.enough(function(duration)
    return t.pprof.top(lab.url .. "/debug/pprof/profile?hz=997&seconds=" .. duration)
  end, function(top) return top["lab.File.__close"] and top["utf8.codes"] end)
  t.check(top["lab.File.__close"] and not top["lab.File.__gc"], "a scope's end is no garbage")
  t.check(top["utf8.codes"] and not top["[C function]"], "an iterator")
  t.equal(lab:leave().status, 200)
  busy:wait()
  t.equal(lab:stop(), 0)
end)

t.test("a lab that can't start says why without them", function()
  local _, dir = start(scenario)
  local said = t.run(("'%s' --listen 127.0.0.1:0 --scenarios '%s' --step 74"):format(t.diaglab, dir))
  t.check(said.code ~= 0, "it started")
  t.has(said.err, "bad \\x1b[31m")
  check_plain("the message", said.err)
end)

t.finish()
