-- SPDX-License-Identifier: MIT
-- The page at /lab/ as curl sees it: a student's way through step 3 without
-- JavaScript, and the data behind the page.
local t = require "harness"
t.need("curl", "gzip")

local HTML = { "-H", "Accept: text/html,application/xhtml+xml,*/*;q=0.8" }
local JSON = { "-H", "Content-Type: application/json" }
local API = "/lab/api/"
local RIGHT, WRONG = "class=memory.retained&where=leakMemory&evidence=c1", "class=cpu.hot&where=leakMemory"

local function start(...) return t.start("--state", t.temp_dir(), ...) end

local function page_of(lab)
  local answer = lab:get("/lab/")
  t.equal(answer.status, 200)
  t.match(answer.headers["content-type"], "^text/html")
  return answer.body
end

-- The part of a page that belongs to the section ID.
local function section_of(page, id)
  return t.match(page, "<section id=" .. id .. " aria%-labelledby=[%w-]+>(.-)</section>", id)
end

-- On a busy machine a form for a step may say so, as lab:go_to knows.
local function send_form(lab, path, body, place)
  local answer
  for _ = 1, 10 do
    answer = lab:post(path, body, table.unpack(HTML))
    if not answer.body:find("the machine is too busy", 1, true) then break end
  end
  t.equal(answer.status, 303, path .. ": " .. answer.body)
  t.equal(answer.headers.location, "/lab/#" .. place)
end

local function send_answer(lab, body) return lab:post("/lab/answer", body, table.unpack(HTML)) end

local function make_folder(path) t.equal(t.run("mkdir " .. t.quote(path)).code, 0) end

local function url_part(text)
  return (text:gsub("%W", function(c) return ("%%%02X"):format(c:byte()) end))
end

-- What a curl in the background has got of the stream so far.
local function open_stream(lab)
  local file = t.temp_file()
  local program = t.spawn(t.command { "curl", "-sN", "-o", file, lab.url .. API .. "stream" })
  local function text() return t.read(file) or "" end
  t.eventually(function() return text():find("event: now", 1, true) end)
  return text, program
end

if start():get("/lab/").body:find("built without its page", 1, true) then
  t.skip("this build has no page (WEB_UI=OFF)")
end

-- ---- without JavaScript --------------------------------------------------------

t.test("a student solves step 3 with a browser that has no JavaScript", function()
  local state = t.temp_dir()
  local lab = t.start("--state", state)
  local page = page_of(lab)
  t.has(section_of(page, "now"), "Step 0: All is well")
  t.has(section_of(page, "steps"), 'data-step="3" data-state=new')
  t.has(section_of(page, "progress"), "Nothing was done yet")
  send_form(lab, "/lab/go", "step=3&p.rounds=1&p.size=", "now")
  page = page_of(lab)
  t.has(section_of(page, "now"), 'name="p.rounds" value="1"')
  t.has(section_of(page, "now"), 'name="p.size" value="10000000"', "an empty field is the default")
  t.has(section_of(page, "now"), "/goto?step=3&amp;rounds=1&amp;size=10000000", "the same as a command")
  t.has(section_of(page, "steps"), 'data-step="3" data-state=visited aria-current=true')
  send_form(lab, "/lab/request", "path=/%3Fa%3D1", "see")
  t.has(section_of(page_of(lab), "see"), "<code>GET /?a=1</code>: <strong>200</strong>")
  t.has(section_of(page_of(lab), "see"), "<pre class=body>hello world</pre>")
  lab:get("/debug/pprof/heap")
  t.has(section_of(page_of(lab), "capture"), '<a href="/lab/captures?id=c1" download>c1</a><td>heap')
  t.equal(select(2, section_of(page_of(lab), "say"):gsub("<li>", "")), 0, "no hint was told")
  send_form(lab, "/lab/hint", "n=1", "say")
  t.equal(select(2, section_of(page_of(lab), "say"):gsub("<li>", "")), 1)
  local early = lab:post("/lab/hint", "n=2", table.unpack(HTML))
  t.equal(early.status, 429)
  t.has(early.body, "Try first what hint 1 asks")
  local wrong = send_answer(lab, WRONG)
  t.equal(wrong.status, 200)
  t.has(wrong.body, 'data-kind=answer data-verdict="partial"')
  t.has(wrong.body, '<option value="cpu.hot" selected>', "the form keeps what was answered")
  t.has(wrong.body, 'name=where value="leakMemory"')
  t.equal(lab:get(API .. "solution").status, 403)
  local right = send_answer(lab, RIGHT)
  t.has(right.body, 'data-kind=answer data-verdict="solved"')
  t.has(section_of(right.body, "say"), 'href="/lab/api/solution"')
  t.has(section_of(right.body, "steps"), "Solved: memory")
  t.has(section_of(right.body, "steps"), 'data-step="3" data-state=solved')
  local solution = lab:get(API .. "solution")
  t.equal(solution.status, 200)
  t.has(solution.body, '"where": ["leakMemory"]')
  t.has(solution.body, '"number": {"question": "how much memory does each request keep?", "unit": "MB", "value": 10}')
  t.has(solution.body, "# Step 3, solved")
  t.has(solution.body, '"file": "fixed.lua"')
  local function say_done() -- solved, repaired
    return section_of(page_of(lab), "progress"):match("<td class=number>(%l+)<td class=number>(%l+)")
  end
  t.equal(table.concat({ say_done() }, " "), "yes no")
  local file = assert(io.open(state .. "/progress.jsonl", "a"))
  file:write('{"at": "2026-11-29T08:00:00Z", "seconds": 1796000000, "event": "repair", "step": 3, "attempt": "0", ' ..
    '"captures": 0, "verdict": "repaired"}\n') -- as `diaglab repair --check` notes it
  file:close()
  t.equal(table.concat({ say_done() }, " "), "yes yes")
  lab:get("/lab/progress", "-X", "DELETE")
  t.equal(lab:get(API .. "solution").status, 403, "the progress began anew")
  t.equal(lab:stop(), 0)
end)

t.test("what a form can't do is told on the page, with its status", function()
  local lab = start()
  for _, case in ipairs {
    { "/lab/go", "step=99", 400, "Invalid step 99" },
    { "/lab/go", "step=3&p.rounds=x", 400, "rounds" },
    { "/lab/go", "", 400, "strconv.Atoi" },
    { "/lab/go", "step=3&p.rounds=5%", 400, "a field of the form can" },
    { "/lab/go", "step=3%00", 400, "strconv.Atoi" },
    { "/lab/request", "path=a%20b", 400, "A path begins with /" },
    { "/lab/request", "path=%2Fa%00b", 400, "A path begins with /" },
    { "/lab/request", "path=%2Fa%", 400, "A path begins with /" },
    { "/lab/request", "path=/%0d%0aX:1", 400, "A path begins with /" },
    { "/lab/request", "path=/" .. ("a"):rep(3000), 400, "A path begins with /" },
    { "/lab/hint", "n=x", 400, "must be a positive integer" },
    { "/lab/hint", "n=1%00", 400, "must be a positive integer" },
    { "/lab/hint", "n=" .. ("1"):rep(30), 400, "must be a positive integer" },
    { "/lab/hint", "n=3", 409, "hint 1 comes first" },
    { "/lab/answer", "class=cpu.cold&where=f", 400, "cpu.cold" },
    { "/lab/answer", "colour=red", 400, "unknown key" },
    { "/lab/api/load", "clients=0", 400, "clients: must be a number above 0" },
    { "/lab/api/load", "path=%2Fa%00b&requests=1", 400, "path has a zero byte" },
  } do
    local answer = lab:post(case[1], case[2], table.unpack(HTML))
    t.equal(answer.status, case[3], case[1] .. " " .. case[2])
    t.has(answer.body, "<div role=status class=happened", case[1])
    t.has(answer.body, case[4], case[1])
  end
  t.has(section_of(page_of(lab), "now"), "Step 0")
end)

-- ---- what must never be on it ---------------------------------------------------

local EVIL = "<script>alert(1)</script><img src=x onerror=\"a('b')\">"

local function write_evil_folder()
  local dir = t.temp_dir()
  make_folder(dir .. "/07-evil")
  t.write(dir .. "/07-evil/scenario.lua", ([[return {
    title = %q, symptom = %q, difficulty = 1, minutes = 5, hints = { %q, "second" },
    params = { [ "a" ] = { %q, "text" } },
    request = function() return "</pre>" .. %q end,
  }]]):format(EVIL .. "\27[2J", EVIL, EVIL, EVIL, EVIL))
  return dir
end

t.test("what scenarios and users say is text, never HTML", function()
  local dir = write_evil_folder()
  local lab = t.start_with({ dir, t.source .. "/scenarios" }, "--state", t.temp_dir())
  t.has(lab:get("/lab/").body, "&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=&quot;a(&#39;b&#39;)&quot;")
  send_form(lab, "/lab/go", "step=7", "now")
  send_form(lab, "/lab/request", "path=/", "see")
  send_form(lab, "/lab/hint", "", "say")
  local answer = send_answer(lab, "class=" .. url_part(EVIL) .. "&where=" .. url_part(EVIL) .. "&number=" ..
    url_part(EVIL)).body
  for _, page in ipairs { page_of(lab), answer } do
    t.equal(page:find("<script>", 1, true), nil)
    t.equal(page:find("<img", 1, true), nil)
    t.equal(page:find("\27", 1, true), nil)
    t.equal(select(2, page:gsub("<script ", "")), 1, "only that of the page")
  end
  t.has(page_of(lab), "&lt;/pre&gt;&lt;script&gt;")
end)

-- Few steps have two faults, and nobody is told which.
t.test("each step offers a second fault, in the same words", function()
  local lab = start()
  local offered = {}
  for i, step in ipairs { 0, 3, 63 } do
    lab:go_to(step)
    offered[i] = t.match(section_of(page_of(lab), "say"),
      "(<details class=more><summary>There is a second fault.-</details>)")
    t.equal(offered[i], offered[1], "step " .. step)
  end
  local page = send_answer(lab, "class=cpu.hot&where=a&class2=wait.lock&where2=%3Cb%3E").body
  local again = t.match(page, "<details class=more open><summary>There is a second fault.-</details>")
  t.has(again, '<option value="wait.lock" selected>')
  t.has(again, 'name=where2 value="&lt;b&gt;"')
  t.equal(send_answer(lab, "class=cpu.hot&where=a&class2=&where2=").body:find("details class=more open", 1, true), nil)
end)

t.test("the page doesn't give an answer away", function()
  local lab = start()
  for step, name in pairs { [1] = "countRequest", [2] = "eatCPU", [3] = "leakMemory", [5] = "startGoroutines" } do
    lab:go_to(step)
    local page = page_of(lab)
    t.equal(page:find(name, 1, true), nil, name)
    t.equal(page:find '<option value="[%w.]+" selected', nil)
    t.equal(lab:get(API .. "solution").status, 403)
  end
end)

-- ---- the guard and the policy ---------------------------------------------------

t.test("other sites can't use it, and its policy lets nothing else in", function()
  local lab = start()
  for _, path in ipairs { "/lab", "/lab/", "/lab/page/app.js", "/lab/page/nope.js", "/lab/api/load", "/lab/api/source",
    "/lab/api/solution", "/lab/api/progress", "/lab/api/repair", "/lab/nope", "/lab/captures", "/lab/progress",
    "/lab/classes", "/lab/answer" } do
    local policy = lab:get(path).headers["content-security-policy"]
    t.has(policy, "default-src 'none'; script-src 'self'; style-src 'self'", path)
    t.equal(policy:find("unsafe", 1, true), nil, path)
    t.equal(lab:get(path).headers["referrer-policy"], "same-origin", path)
    local foreign = lab:get(path, "-H", "Host: evil.example")
    t.equal(foreign.status, 403, path)
    t.has(foreign.headers["content-security-policy"], "default-src 'none'", path)
  end
  for _, path in ipairs { "/lab/go", "/lab/request", "/lab/hint", "/lab/answer", "/lab/api/load",
    "/lab/api/repair" } do
    for _, header in ipairs { "Origin: http://evil.example", "Sec-Fetch-Site: cross-site" } do
      t.equal(lab:post(path, "step=3", "-H", header).status, 403, path)
    end
  end
  local own = lab:post("/lab/go", "step=0", "-H", "Origin: " .. lab.url, "-H", "Sec-Fetch-Site: same-origin")
  t.equal(own.status, 303, "its own forms are allowed")
  t.equal(lab:get("/").headers["content-security-policy"], nil, "the application is what it is")
  t.equal(lab:get("/").body, "hello world", "still in step 0")
end)

t.test("methods, and paths that aren't there", function()
  local lab = start()
  t.equal(lab:get("/lab").headers.location, "/lab/")
  t.equal(lab:get("/lab").status, 301)
  t.equal(lab:get("/lab/nope").status, 404)
  t.equal(lab:get("/lab/page/").status, 404)
  t.equal(lab:get("/lab/page/../../../etc/passwd", "--path-as-is").status, 404)
  t.equal(lab:get("/lab/go").status, 405)
  t.equal(lab:get("/lab/go").headers.allow, "POST")
  t.equal(lab:post("/lab/", "").status, 405)
  t.equal(lab:get("/lab/api/load", "-X", "PUT").status, 405)
  for _, path in ipairs { "/lab/", "/lab/api/load", "/lab/page/app.js", "/lab/api/stream" } do
    t.equal(lab:get(path, "-I").status, 200, path)
  end
  t.has(lab:get("/debug/pprof/").body, '<a href="/lab/">')
  t.equal(lab:get("/", "-I").headers.link, '</lab/>; rel="help"')
  t.equal(lab:get("/").headers.link, nil, "the exercise is what it is")
  t.match(lab:log(), "The page for students is at http://127.0.0.1:%d+/lab/")
end)

-- ---- files ----------------------------------------------------------------------

t.test("files come packed or not, and once", function()
  local lab = start()
  local types = { js = "text/javascript; charset=utf-8", css = "text/css; charset=utf-8" }
  local n = 0
  for _, name in ipairs(t.names(t.source .. "/src/page/www")) do
    local path, file = "/lab/page/" .. name, t.source .. "/src/page/www/" .. name
    local plain = lab:get(path)
    local packed = lab:get(path, "-H", "Accept-Encoding: br, gzip;q=0.8")
    n = n + 1
    t.equal(plain.body, t.read(file), name)
    t.equal(plain.headers["content-encoding"], nil, name)
    t.equal(packed.headers["content-encoding"], "gzip", name)
    local copy = t.temp_file()
    t.write(copy, packed.body)
    t.equal(t.run("gzip -dc < " .. t.quote(copy)).out, plain.body, name)
    t.equal(plain.headers["content-type"], types[name:match "%.(%w+)$"] or plain.headers["content-type"], name)
    t.equal(plain.headers["cache-control"], "no-cache", name)
    for _, answer in ipairs { plain, packed } do
      local coding = answer == packed and "gzip" or "gzip;q=0"
      local again = lab:get(path, "-H", "Accept-Encoding: " .. coding, "-H",
        'If-None-Match: "x", W/' .. answer.headers.etag)
      t.equal(again.status, 304, name)
      t.equal(again.body, "", name)
    end
    t.check(plain.headers.etag ~= packed.headers.etag, "two forms, two tags")
  end
  t.check(n >= 2, "there are files")
end)

-- ---- the stream -----------------------------------------------------------------

t.test("the stream tells what happens, in small events", function()
  local lab = start("--hints", "0")
  local text, program = open_stream(lab)
  t.match(text(), '\nevent: hello\ndata: {"format":"diaglab%-stream/1","step":0,"slug":"baseline","params":{}')
  lab:go_to(3, "rounds=1")
  lab:get("/")
  lab:get("/debug/pprof/heap")
  lab:get("/hint")
  lab:post("/lab/request", "path=/")
  lab:post("/lab/answer", RIGHT)
  for _, mark in ipairs { '"kind":"goto","text":"step 3"', '"kind":"capture","text":"c1 heap"',
    '"kind":"hint","text":"hint 1"', '"kind":"request","text":"answer 200"',
    '"kind":"answer","text":"solved, 90 of 100"' } do
    t.eventually(function() return text():find(mark, 1, true) end)
  end
  t.eventually(function() return text():find('"step":3,"rss":%d+.-"requests":2,"gc":%d+,"captures":1') end)
  t.eventually(function() return text():find("Starting processing request", 1, true) end)
  for event in text():gmatch "(.-)\n\n" do t.between(#event, 1, 1000, event) end
  local second = open_stream(lab)
  t.match(second(), '"step":3,.-"baseline":{"rss":%[%d+,%d+%],', "what step 0 had")
  t.equal(lab:stop(), 0)
  t.equal(program:wait(), 0, "it has ended, and not been cut")
end)

t.test("a flood of log lines is cut, and counted", function()
  local lab = start()
  local text = open_stream(lab)
  t.eventually(function()
    lab:post(API .. "load", "requests=200&clients=8") -- 409 while the one before goes on
    local dropped = 0
    for n in text():gmatch '"dropped":(%d+)' do dropped = dropped + n end
    return dropped > 0
  end)
  for event in text():gmatch "(.-)\n\n" do t.between(#event, 1, 1000, event) end
end)

t.test("a hundred pages look, and /status answers", function()
  local lab = start()
  local urls = {}
  for i = 1, 100 do urls[i] = "-o /dev/null " .. lab.url .. API .. "stream" end
  t.spawn("curl -sN --parallel --parallel-immediate --parallel-max 100 " .. table.concat(urls, " "))
  t.eventually(function() return tonumber(lab:get("/metrics").body:match "\ndiaglab_connections (%d+)") >= 100 end)
  lab:in_time(0.1, "/status", function() return lab:get("/status") end, 3)
  t.equal(lab:stop(), 0)
end)

t.measured("nothing is measured while nobody looks", function()
  local lab = start()
  local function pool() return lab:thread_cpu("libuv-worker") end
  t.sleep(1.5)
  local before = pool()
  t.sleep(2.5)
  -- The scavenger looks once a second: that is all.
  local idle = pool() - before
  local text, program = open_stream(lab)
  before = pool()
  local seen = select(2, text():gsub("event: now", ""))
  t.sleep(2.5)
  t.eventually(function() return select(2, text():gsub("event: now", "")) >= seen + 3 end)
  t.check(pool() - before > idle, "the numbers are read on the pool")
  program:signal("TERM")
  t.eventually(function() return tonumber(lab:get("/metrics").body:match "\ndiaglab_connections (%d+)") <= 1 end)
end)

-- ---- the load -------------------------------------------------------------------

t.test("a load begins, is told, and ends", function()
  local lab = start("--step", "5")
  t.has(lab:get(API .. "load").body, '"running":false,"begun":false')
  local begun = lab:post(API .. "load", "")
  t.equal(begun.status, 202)
  t.has(begun.body, '"running":true')
  t.eventually(function() return lab:get(API .. "load").body:find('"running":false', 1, true) end)
  local state = lab:get(API .. "load").body
  t.has(state, '"sent":100,"status":{"2xx":100},"answered":100,"timeouts":0,"errors":0', "the lesson's load")
  t.match(state, '"histogram":%[%[[%d.]+,%d+%]')
  local sum = 0
  for count in state:match('"histogram":%[(.*)%]'):gmatch "%[[%d.]+,(%d+)%]" do sum = sum + count end
  t.equal(sum, 100, "each is in the histogram")
  t.equal(lab:get("/").body, "hello world")
end)

t.test("one load at a time; DELETE ends it, a switch doesn't", function()
  local lab = start("--step", "0")
  local body = '{"seconds": 100, "rate": 50, "clients": 2, "path": "/?n={n}"}'
  t.equal(lab:post(API .. "load", body, table.unpack(JSON)).status, 202)
  local second = lab:post(API .. "load", "seconds=1")
  t.equal(second.status, 409)
  t.has(second.body, "a load runs already")
  t.eventually(function() return lab:get(API .. "load").body:find '"answered":%d%d' end)
  lab:go_to(3, "rounds=1", "size=1000")
  t.has(lab:get(API .. "load").body, '"running":true')
  t.equal(lab:get(API .. "load", "-X", "DELETE").status, 200)
  t.eventually(function()
    return lab:get(API .. "load").body:find('"running":false,"begun":true,"stopped":true', 1, true)
  end)
  t.equal(lab:post(API .. "load", "requests=3").status, 202, "another one")
  t.eventually(function() return lab:get(API .. "load").body:find('"running":false', 1, true) end)
  t.equal(lab:post(API .. "load", "seconds=100").status, 202)
  t.equal(lab:stop(), 0, "the lab ends, and the load with it")
end)

t.test("a load at a rate that is hardly any ends, too", function()
  local lab = start("--step", "0")
  t.equal(lab:post(API .. "load", '{"seconds": 0.2, "rate": 1e-300}', table.unpack(JSON)).status, 202)
  t.eventually(function() return lab:get(API .. "load").body:find('"running":false,"begun":true', 1, true) end)
  t.has(lab:get(API .. "load").body, '"sent":1,')
end)

t.test("no load begins while a step is being entered: it would be the other step's", function()
  local dir = t.temp_dir()
  make_folder(dir .. "/40-slow")
  t.write(dir .. "/40-slow/scenario.lua", [[
return { title = "t", symptom = "s", load = { requests = 7 }, request = function() end,
  enter = function() while not lab.open "gate" do lab.sleep(0.01) end end }
]])
  local lab = t.start_with({ dir, t.source .. "/scenarios" }, "--state", t.temp_dir(), "--step", "5")
  local switch = t.spawn(("curl -s '%s/goto?step=40'"):format(lab.url))
  t.eventually(function() return lab:get("/status").body:find('"entering": {"step": 40', 1, true) end)
  local refused = lab:post(API .. "load", "")
  t.equal(refused.status, 409)
  t.equal(refused.body, "another step is being entered; begin the load when /goto has answered\n")
  t.has(lab:get(API .. "load").body, '"begun":false')
  t.write(dir .. "/40-slow/gate", "")
  t.equal(switch:wait(), 0)
  t.equal(lab:post(API .. "load", "").status, 202)
  t.eventually(function() return lab:get(API .. "load").body:find('"running":false,"begun":true', 1, true) end)
  t.has(lab:get(API .. "load").body, '"sent":7,', "the new step's load")
end)

t.test("a load that is no load is refused with a sentence", function()
  local lab = start()
  for body, text in pairs {
    ["clients=x"] = "clients: must be a number above 0, and at most 1000",
    ["clients=0x8"] = "clients: must be a number above 0, and at most 1000",
    ["clients=1.5"] = "clients: must be a whole number",
    ["rate=-1"] = "rate: must be a number above 0",
    ["seconds=1e9"] = "seconds: must be a number above 0, and at most 3600",
    ["requests=nan"] = "requests: must be a number above 0",
    ["client=2"] = "unknown key 'client'; did you mean 'clients'?",
    ["seconds=1&path=x"] = "path: ",
  } do
    local answer = lab:post(API .. "load", body)
    t.equal(answer.status, 400, body)
    t.has(answer.body, text, body)
  end
  for _, body in ipairs { "{", "[1]x", '"a"', '{"clients": {}}', '{"clients": null' } do
    t.equal(lab:post(API .. "load", body, table.unpack(JSON)).status, 400, body)
  end
end)

t.test("the profilers don't see the load", function()
  local lab = start()
  lab:post(API .. "load", "seconds=100&clients=4")
  t.eventually(function() return lab:has_thread("load") end)
  local file = t.temp_file()
  local names = t.enough(function(seconds)
    t.write(file, lab:get("/debug/pprof/profile?hz=1000&seconds=" .. seconds).body)
    return t.run("gzip -dc < " .. t.quote(file)).out
  end, function(bytes) return bytes:find("helloWorldHandler", 1, true) end)
  t.equal(names:find("run_page_load", 1, true), nil)
  lab:get(API .. "load", "-X", "DELETE")
end)

-- In step 1 no request is answered: the form waits.
t.test("the lab ends while its page is used", function()
  local lab = start("--step", "1")
  lab:get("/", "--max-time", "0.2")
  local out = t.temp_file()
  local function in_flight()
    return tonumber(lab:get("/metrics").body:match "\ndiaglab_requests_in_flight (%d+)")
  end
  local before = in_flight()
  local form = t.spawn(t.command { "curl", "-s", "-o", out, "-d", "path=/", lab.url .. "/lab/request" })
  t.eventually(function() return in_flight() > before end)
  local pages = {}
  for i = 1, 20 do pages[i] = "-o /dev/null " .. lab.url .. "/lab/" end
  open_stream(lab)
  t.equal(lab:post(API .. "load", "seconds=100&clients=8").status, 202)
  t.spawn("curl -s --parallel --parallel-max 20 " .. table.concat(pages, " "))
  t.eventually(function() return in_flight() >= 9 end)
  t.equal(lab:stop(), 0)
  t.equal(form:wait(), 0)
  t.equal(t.read(out), "the lab is stopping\n")
end)

t.finish()
