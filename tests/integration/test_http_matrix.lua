-- SPDX-License-Identifier: MIT
-- needs: time
-- What the Go original answers to every kind of request, as a table: status,
-- headers and texts that students and tools rely on. Where we differ on
-- purpose, the row says why.
-- needs: time
local t = require "harness"
local socket = require "socket"
local exercise = require "exercise"
t.need("curl")

local TEXT = "text/plain; charset=utf-8"
local HTML = "text/html; charset=utf-8"
local BYTES = "application/octet-stream"
local JSON = "application/json; charset=utf-8"

-- Every answer of net/http/pprof.
local function pprof(row)
  row.nosniff = true
  row.type = row.type or TEXT
  return row
end

local function pprof_error(status, text)
  return pprof { status = status, body = text .. "\n", pprof = "1" }
end

local function file(name)
  return pprof { type = BYTES, disposition = ('attachment; filename="%s"'):format(name), gzip = true }
end

local trace = pprof { type = BYTES, disposition = 'attachment; filename="trace"', has = "go 1.19 trace\0\0\0" }

local function http_error(status, text)
  return { status = status, type = TEXT, nosniff = true, body = text .. "\n" }
end

local not_found = http_error(404, "404 page not found")
local hello = { type = TEXT, body = "hello world" }
local unknown = pprof_error(404, "Unknown profile\nThere are: profile wall trace allocs block goroutine goroutineleak "
  .. "heap lab.OpenFiles mutex threadcreate")
local heaps = pprof_error(404, (unknown.body:gsub("There", "did you mean heap? There"):gsub("\n$", "")))
local bad_seconds = pprof_error(400, 'invalid value for "seconds" - must be a positive integer')
local bad_number = pprof_error(400, 'invalid value for "seconds" - must be a positive number')
local bad_since = pprof_error(400, 'invalid value for "since" - must be "step" or "start"')
local bad_hz = pprof_error(400, 'invalid value for "hz" - must be an integer from 1 to 2000')

local NO_NUMBER = "step must be the number of one: /steps lists them"
local THERE_ARE = "There are the steps " .. exercise.numbers()

local function atoi(text, why)
  return http_error(400, ('strconv.Atoi: parsing "%s": %s\n%s'):format(text, why, NO_NUMBER))
end

local function switched(n) return { type = TEXT, body = "switched to step " .. n } end

local P = "/debug/pprof/"
local HEAD, POST = { "-I" }, { "-X", "POST" }
local HTTP10 = { "--http1.0" }

-- path, what is wanted, options of curl
local matrix = {
  { "/", hello },
  { "/", hello, HEAD },
  { "/", hello, POST },
  { "/", hello, { "-X", "DELETE" } },
  { "/", hello, HTTP10 },
  { "/?a=b", hello },
  { "/nope", not_found },
  { "/nope", not_found, POST },
  { "/debug", not_found },
  { "/debug/", not_found },

  { "/goto", atoi("", "invalid syntax") },
  { "/goto?step=x", atoi("x", "invalid syntax") },
  { "/goto?step=1.5", atoi("1.5", "invalid syntax") },
  { "/goto?step=%22%0a", atoi([[\"\n]], "invalid syntax") },
  { "/goto?step=99999999999999999999", atoi("99999999999999999999", "value out of range") },
  { "/goto?step=99", http_error(400, "Invalid step 99\n" .. THERE_ARE) },
  { "/goto?step=-1", http_error(400, "Invalid step -1\n" .. NO_NUMBER) },
  { "/goto?step=%2B099", http_error(400, "Invalid step 99\n" .. THERE_ARE) },
  { "/goto?step=10000000000", http_error(400, "Invalid step 10000000000\n" .. NO_NUMBER) },
  { "/goto?step=0", switched(0) },
  { "/goto?step=0", switched(0), POST },
  { "/goto?step=0&step=1", switched(0) },
  { "/goto", atoi("", "invalid syntax"), { "-d", "step=2" } }, -- only the query counts
  { "/goto?step=0", { status = 405, type = TEXT, nosniff = true, allow = "GET, POST", body = "Method Not Allowed\n" }, { "-X", "DELETE" } },
  { "/goto?step=0", { status = 405, type = TEXT, nosniff = true, allow = "GET, POST" }, HEAD },
  { "/goto/", not_found },

  { "/debug/pprof", { status = 301, type = HTML, location = P,
    body = '<a href="/debug/pprof/">Moved Permanently</a>.\n\n' } },
  { "/debug/pprof", { status = 301, type = HTML, location = P }, HEAD },
  { "/debug/pprof", { status = 301, location = P, body = "" }, POST },
  { P, pprof { type = HTML, has = "Types of profiles available:" } },
  { P, pprof { type = HTML }, HEAD },
  { P .. "?debug=1", pprof { type = HTML, has = "<td><a href='heap?debug=1'>heap</a></td>" } },

  { P .. "cmdline/", unknown },
  { P .. "nosuch", unknown },
  { P .. "nosuch?seconds=1", unknown },
  { P .. "heaps", heaps },
  { P .. "nosuch", pprof { status = 404, pprof = "1" }, HEAD },

  { P .. "symbol", pprof { body = "num_symbols: 1\n" } },
  { P .. "symbol", pprof {}, HEAD },
  { P .. "symbol?zzz+0x1++0x", pprof { body = "num_symbols: 1\n" } },
  { P .. "symbol", pprof { body = "num_symbols: 1\n" }, { "-d", "0x0+zzz" } },

  { P .. "heap", file "heap" },
  { P .. "heap", pprof { type = BYTES, disposition = 'attachment; filename="heap"' }, HEAD },
  { P .. "heap", file "heap", HTTP10 },
  { P .. "heap?debug=x", file "heap" },
  { P .. "heap?seconds=", file "heap" },
  { P .. "heap?gc=1", file "heap" },
  { P .. "heap?debug=1", pprof { has = "# MaxRSS = " } },
  { P .. "heap?debug=2", pprof { has = "heap profile: " } },
  { P .. "heap?debug=-1", pprof { has = "heap profile: " } },
  { P .. "heap", pprof { has = "heap profile: " }, { "-d", "debug=1" } },
  { P .. "heap?gc=1&debug=1", pprof { has = "# NumForcedGC = " } },
  { P .. "heap?seconds=0", bad_seconds },
  { P .. "heap?seconds=x", bad_seconds },
  { P .. "heap?seconds=-1", bad_seconds },
  { P .. "heap?seconds=99999999999999999999", bad_seconds },
  { P .. "heap?seconds=1&debug=1", pprof_error(400, "seconds and debug params are incompatible") },
  { P .. "heap?seconds=601", pprof_error(400, '"seconds" must be at most 600') }, -- Go has no limit
  { P .. "heap?seconds=1", file "heap-delta" },
  { P .. "allocs", file "allocs" },
  { P .. "allocs?debug=1", pprof { has = "# runtime.MemStats" } },
  { P .. "allocs?seconds=1", file "allocs-delta" },

  { P .. "goroutine", file "goroutine" },
  { P .. "goroutine?debug=1", pprof { has = "goroutine profile: total " } },
  { P .. "goroutine?debug=2", pprof {} },
  { P .. "goroutine?debug=2", pprof {}, HTTP10 },
  { P .. "goroutine?debug=-1", pprof { has = "goroutine profile: total " } }, -- Go sends the file as text
  { P .. "goroutine?seconds=1", file "goroutine-delta" },
  { P .. "threadcreate", file "threadcreate" },
  { P .. "threadcreate?debug=1", pprof { has = "threadcreate profile: total " } },

  { P .. "block", file "block" },
  -- Go counts processor cycles; the lab's clock counts nanoseconds.
  { P .. "block?debug=1", pprof { body = "--- contention:\ncycles/second=1000000000\n" } },
  { P .. "block?seconds=1", file "block-delta" },
  { P .. "mutex", file "mutex" },
  { P .. "mutex?debug=1", pprof { body = "--- mutex:\ncycles/second=1000000000\nsampling period=1\n" } }, -- Go: off

  { P .. "trace?seconds=0.2", trace },
  { P .. "trace?seconds=x", bad_number }, -- Go takes the default, and who has mistyped waits for it
  { P .. "trace?seconds=0", bad_number },
  { P .. "trace?seconds=nan", bad_number },
  { P .. "trace?seconds=0x1", bad_number },
  { P .. "trace", trace, { "-d", "seconds=0.2" } },
  { P .. "trace?seconds=0.2", pprof { type = BYTES, disposition = trace.disposition }, HEAD },

  { P .. "profile?seconds=1", file "profile" },
  { P .. "profile?seconds=1&hz=1000", file "profile" },
  { P .. "profile", file "profile", { "-d", "seconds=1" } },
  { P .. "profile?seconds=1", pprof { type = BYTES, disposition = 'attachment; filename="profile"' }, HEAD },
  -- Ours: Go has no hz, and would try a profile of any length.
  { P .. "profile?hz=0", bad_hz },
  { P .. "profile?hz=2001", bad_hz },
  { P .. "profile?hz=x", bad_hz },
  { P .. "profile?seconds=abc", bad_seconds }, -- likewise
  { P .. "profile?seconds=-1", bad_seconds },
  { P .. "wall?seconds=1.5", bad_seconds },
  -- What can't be read isn't what is missing (to Go it is); nor is a part of it the whole.
  { P .. "profile?seconds=1%", bad_seconds },
  { P .. "profile?seconds=1;", bad_seconds },
  { P .. "profile?seconds=1%00x", bad_seconds },
  { P .. "profile?seconds=1", bad_seconds, { "-d", "seconds=%" } },
  { P .. "profile?seconds=1&hz=100%", bad_hz },
  { P .. "profile?seconds=1&hz=100%00", bad_hz },
  { P .. "wall?seconds=1%00", bad_seconds },
  { P .. "trace?seconds=0.1%", bad_number },
  { P .. "trace?seconds=0.1%00", bad_number },
  { P .. "heap?seconds=1%", bad_seconds },
  { P .. "heap?seconds=1%00x", bad_seconds },
  { P .. "heap?debug=1%00", file "heap" },
  { P .. "heap?since=start%", bad_since },
  { "/goto?step=0%00x", atoi("", "invalid syntax") },
  { "/goto?step=0%", atoi("", "invalid syntax") },
  { "/hint?n=1%00", http_error(400, 'invalid value for "n" - must be a positive integer') },
  { "/hint?n=1%", http_error(400, 'invalid value for "n" - must be a positive integer') },
  { "/hint?n=" .. ("1"):rep(30), http_error(400, 'invalid value for "n" - must be a positive integer') },
  { P .. "profile?seconds=601", pprof_error(400, '"seconds" must be at most 600') },

  { "/debug/vars", { type = JSON, has = '"memstats": {"Alloc":' } },
  { "/debug/vars", { type = JSON }, HEAD },
  { "/debug/vars", { type = JSON, has = '"cmdline": ["' }, POST },
  { "/debug/vars", { type = JSON, has = '"BySize":[' }, HTTP10 },
  { "/debug/vars", { type = JSON, has = '"cmdline": ["', encoding = "gzip" }, { "--compressed" } },
  { "/debug/vars/", not_found },
}

local function check(answer, want, what)
  t.check(not answer.failure, what .. ": " .. tostring(answer.failure))
  t.equal(answer.status, want.status or 200, what)
  local h = answer.headers
  t.equal(h["content-type"], want.type, what)
  t.equal(h["x-content-type-options"], want.nosniff and "nosniff" or nil, what)
  t.equal(h["x-go-pprof"], want.pprof, what)
  t.equal(h["content-disposition"], want.disposition, what)
  t.equal(h["location"], want.location, what)
  t.equal(h["allow"], want.allow, what)
  t.equal(h["content-encoding"], want.encoding, what)
  t.check(h["date"], what .. ": no date")
  if want.has then t.has(answer.body, want.has, what) end
  if want.gzip then t.equal(answer.body:sub(1, 2), "\x1f\x8b", what) end
end

t.test("the matrix", function()
  local lab = t.start()
  for _, row in ipairs(matrix) do
    local path, want, options = row[1], row[2], row[3] or {}
    local what = table.concat(options, " ") .. " " .. path
    local answer = lab:get(path, table.unpack(options))
    check(answer, want, what)
    if options == HEAD then
      t.equal(answer.body:match("\r\n\r\n(.*)$") or "", "", what .. ": a body")
    elseif want.body then
      t.equal(answer.body, want.body, what)
    end
  end
  t.equal(lab:stop(), 0)
end)

t.test("cmdline is argv, joined by NUL", function()
  local lab = t.start("--step", "0")
  t.equal(lab:get("/debug/pprof/cmdline").body, t.diaglab .. "\0--listen\000127.0.0.1:0\0--step\0000")
  t.has(lab:get("/debug/vars").body, '"--listen","127.0.0.1:0","--step","0"]')
end)

-- The index leads to what exists: every link on it works.
t.test("the index", function()
  local lab = t.start()
  local page = lab:get(P).body
  local last, links = "", 0
  for count, link, name in page:gmatch("<tr><td>(%d+)</td><td><a href='([^']+)'>([^<]+)</a></td></tr>\n") do
    t.check(last < name, name .. " is not in order")
    t.equal(link, name .. "?debug=1")
    t.check(tonumber(count))
    t.has(page, "<li><div class=profile-name>" .. name .. ": </div> ")
    local options = name == "profile" and "&seconds=1" or ""
    t.equal(lab:get(P .. link .. options).status, 200, name)
    last, links = name, links + 1
  end
  t.check(links >= 4, "allocs, cmdline, heap and profile")
  t.has(page, "<title>/debug/pprof/</title>")
  t.match(page, "</html>$")
end)

-- The server reads no more of what it sends ahead, and so not that it goes either.
t.test("a client that sends ahead, and goes away, frees its recording", function()
  local lab = t.start()
  local function recordings() return tonumber(lab:get("/metrics").body:match "\ndiaglab_connections (%d+)") end
  for _, path in ipairs { "/debug/fgprof", P .. "heap", P .. "trace" } do
    local client = assert(socket.connect("127.0.0.1", tonumber(lab.port)))
    assert(client:send(("GET %s?seconds=300 HTTP/1.1\r\nHost: localhost\r\n\r\n%s"):format(path, ("\n"):rep(60000))))
    t.eventually(function() return recordings() >= 2 end)
    client:close()
    t.eventually(function() return recordings() <= 1 end)
  end
  t.equal(lab:stop(), 0)
end)

-- Contentions and memory of `enter`, which is over when the step begins.
local BUSY = [[
local kept = {}
local function work()
  local m, c = lab.mutex(), lab.channel()
  local t = lab.go(function() m:lock() m:unlock() c:send(1) end)
  m:lock()
  lab.sleep(0.01)
  m:unlock()
  c:recv()
  t:join()
  kept[#kept + 1] = lab.buffer(4 << 20)
end
return { title = "busy", enter = work, request = function() work() return "ok" end }]]

-- How many things or records the page NAME?debug=1 tells of.
local function count_shown(lab, name)
  local text = lab:get(P .. name .. "?debug=1").body
  local total = text:match("^%w+ profile: total (%d+)")
  return math.tointeger(total) or select(2, ("\n" .. text):gsub("\n[%d:%[%] ]+ @ ?0x", ""))
end

local COUNTED = { "heap", "allocs", "block", "mutex", "goroutine", "threadcreate" }

-- -> name -> the number on the index, which is that of the page to which it leads.
local function check_counts(lab)
  local index, counts = lab:get(P).body, {}
  for _, name in ipairs(COUNTED) do
    counts[name] = tonumber(t.match(index, "<td>(%d+)</td><td><a href='" .. name .. "%?debug=1'>"))
    t.equal(counts[name], count_shown(lab, name), name)
  end
  return counts
end

t.test("the index counts what its links show", function()
  local dir = t.temp_dir()
  t.run(("mkdir %s/1-busy %s/2-next"):format(dir, dir))
  t.write(dir .. "/1-busy/scenario.lua", BUSY)
  t.write(dir .. "/2-next/scenario.lua", 'return { title = "next", request = function() return "ok" end }')
  local lab = t.start_with({ dir }, "--step", "1")
  local counts = check_counts(lab)
  t.equal(counts.block, 0, "block before a request")
  t.equal(counts.mutex, 0, "mutex before a request")
  t.equal(counts.heap, 1, "what `enter` keeps")
  lab:get("/")
  counts = check_counts(lab)
  t.check(counts.block >= 2 and counts.mutex >= 1 and counts.heap >= 2, "a request has made some")
  lab:go_to(2)
  counts = check_counts(lab)
  t.equal(counts.block + counts.mutex + counts.heap, 0, "a step that does nothing")
  lab:go_to(1)
  check_counts(lab)
  t.equal(lab:stop(), 0)
end)

-- Go allows one CPU profile at a time; here there may be several. A trace there
-- is one of, here too.
t.test("a profiler that is busy", function()
  local lab = t.start()
  -- The trace below may come first: then this one tries again.
  local busy = t.spawn("sh -c " .. t.quote(([[
until curl -sf -o /dev/null '%s%strace?seconds=2'; do sleep 0.1; done &
curl -s -o /dev/null '%s%sprofile?seconds=2'; wait]]):format(lab.url, P, lab.url, P)))
  local text = "Could not enable tracing: runtime error: tracing is already enabled"
  local answer = t.eventually(function()
    t.sleep(0.2)
    local tried = lab:get(P .. "trace?seconds=0.01")
    return tried.status == 500 and tried
  end)
  check(answer, pprof_error(500, text), "a second trace")
  t.equal(answer.body, text .. "\n")
  check(lab:get(P .. "profile?seconds=1"), file "profile", "a second CPU profile")
  t.equal(busy:wait(), 0)
  check(lab:get(P .. "trace?seconds=0.01"), trace, "a trace after it")
  t.equal(lab:stop(), 0)
end)

-- Addresses that a text profile shows can be looked up.
t.test("symbol names the functions of a profile", function()
  local lab = t.start("--memprofile-rate", "1", "--step", "4", "--param", "4.rounds=1")
  lab:get("/")
  local text = lab:get(P .. "heap?debug=1").body
  local address, name = text:match("#\t(0x%x+)\t(%S*allocateMemory)%+")
  t.check(address, "allocateMemory is in the heap profile")
  local want = "num_symbols: 1\n" .. address .. " " .. name .. "\n"
  t.equal(lab:get(P .. "symbol?" .. address .. "+0x1").body, want)
  t.equal(lab:post(P .. "symbol", "zzz+" .. address).body, want)
end)

t.test("several profiles at once, and clients that go away", function()
  local lab = t.start("--step", "4", "--param", "4.rounds=30")
  local dir = t.temp_dir()
  local gets = {}
  for i = 1, 3 do
    gets[i] = t.spawn(("curl -sSf -o %s/%d '%s%sprofile?seconds=2&hz=%d'"):format(dir, i, lab.url, P, 100 * i))
  end
  local left = lab:get(P .. "profile?seconds=600", "--max-time", "0.3")
  t.check(left.failure, "the client went away")
  lab:get(P .. "heap?seconds=600", "--max-time", "0.3")
  lab:get("/")
  for i, get in ipairs(gets) do
    t.equal(get:wait(), 0)
    t.equal(t.read(dir .. "/" .. i):sub(1, 2), "\x1f\x8b")
  end
  -- Nobody profiles any more: its thread is gone.
  t.eventually(function()
    return t.run(("cat /proc/%d/task/*/comm"):format(lab.pid)).out:find("profiler") == nil
  end)
  t.equal(lab:stop(), 0)
end)

t.finish()
