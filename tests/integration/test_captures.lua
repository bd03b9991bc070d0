-- SPDX-License-Identifier: MIT
-- What is answered to a student is kept as evidence: every kind and form of
-- profile, once, and nothing of what a collector asks for.
local t = require "harness"
t.need("curl")

local PPROF = "/debug/pprof/"

-- The captures as the lab lists them: { id, kind, step, bytes, requests, ... }.
local function captures(lab)
  local text = lab:get("/lab/captures?format=json").body
  local list = {}
  for object in text:match('"captures": (%[.*%])'):gmatch("{[^{}]*}") do
    local c = {}
    for key, value in object:gmatch('"(%w+)": "([^"]*)"') do c[key] = value end
    for key, value in object:gmatch('"([%w_]+)": (%-?[%d.e+-]+)') do c[key] = tonumber(value) end
    list[#list + 1] = c
  end
  return list
end

-- At once: the list waits for what is still being written.
local function count_captures(lab, n)
  local list = captures(lab)
  t.equal(#list, n, "captures")
  return list
end

-- The file of a saved profile, and its attempt as pprof prints it.
local function save(lab, path)
  local file = t.temp_file()
  t.equal(t.run(t.command { "curl", "-sS", "-o", file, lab.url .. path }).code, 0)
  return file
end

local function send(lab, file, query, ...)
  return t.http(lab.url .. "/lab/captures" .. (query or ""), "--data-binary", "@" .. file, ...)
end

t.test("the numbers of the visit's beginning name its step", function()
  local lab, text = t.start("--step", "4"), nil
  t.equal(lab:go_to(1).status, 200)
  t.eventually(function()
    text = lab:get("/lab/captures?format=json").body
    return text:find('"id": "b2"', 1, true)
  end)
  local slug = t.match(lab:get("/status").body, '"slug": "([^"]+)"')
  for id, kind in pairs { b1 = "metrics", b2 = "vars" } do
    t.has(text, ('{"id": "%s", "kind": "%s", "step": 1, "slug": "%s", '):format(id, kind, slug))
  end
  t.equal(lab:stop(), 0)
end)

t.test("each kind and form is kept, once", function()
  local lab = t.start("--step", "4")
  t.equal(#captures(lab), 0, "before anything was asked for")
  for _ = 1, 3 do lab:get("/") end
  local asked = { { "heap", "heap" }, { "heap?debug=1", "heap" }, { "allocs", "allocs" }, { "goroutine", "goroutine" },
    { "goroutine?debug=1", "goroutine" }, { "goroutine?debug=2", "goroutine" }, { "block", "block" },
    { "mutex?debug=1", "mutex" }, { "threadcreate", "threadcreate" }, { "lab.OpenFiles", "lab.OpenFiles" },
    { "profile?seconds=1", "cpu" }, { "wall?seconds=1", "wall" }, { "heap?seconds=1", "heap" },
    { "goroutineleak", "goroutineleak" } }
  for i, one in ipairs(asked) do
    t.equal(lab:get(PPROF .. one[1]).status, 200, one[1])
    local list = count_captures(lab, i)
    t.equal(list[i].kind, one[2], one[1])
    t.equal(list[i].step, 4)
    t.equal(list[i].requests, one[1]:find("seconds") and 0 or 3, one[1] .. ": requests")
  end
  local n = #asked
  for i, one in ipairs { { "/metrics", "metrics" }, { "/debug/vars", "vars" }, { "/pprof/heap", "heap" },
    { "/pprof/profile?seconds=1", "cpu" }, { "/debug/fgprof?seconds=1", "wall" } } do
    t.equal(lab:get(one[1]).status, 200, one[1])
    t.equal(count_captures(lab, n + i)[n + i].kind, one[2], one[1])
  end
  t.equal(lab:get(PPROF .. "nothing").status, 404)
  t.equal(lab:get(PPROF .. "heap", "--head").status, 200)
  t.equal(lab:get(PPROF .. "cmdline").status, 200)
  t.equal(#captures(lab), n + 5, "errors, HEAD and other pages aren't kept")
  t.equal(lab:get(PPROF .. "trace?seconds=0.2").status, 200)
  t.equal(count_captures(lab, n + 6)[n + 6].kind, "trace")
  t.equal(lab:stop(), 0)
end)

t.test("what was asked for during a visit tells how much work there was", function()
  local lab = t.start("--step", "5")
  lab:get("/")
  lab:go_to(4)
  lab:get(PPROF .. "heap")
  t.equal(captures(lab)[1].requests, 0, "requests of the visit")
  local load = t.spawn(("sh -c 'while curl -sf %s/ -o /dev/null; do :; done'"):format(lab.url))
  local cpu = t.enough(function(seconds)
    lab:get(PPROF .. "profile?seconds=" .. seconds)
    local list = captures(lab)
    return list[#list]
  end, function(cpu) return cpu.requests >= 1 end, 2) -- while it was recorded
  load:signal("TERM")
  t.equal(cpu.kind, "cpu")
  t.between(cpu.busy_seconds, 0.001, cpu.seconds)
  t.between(cpu.seconds, 1.9, 60, "seconds")
  t.equal(lab:stop(), 0)
end)

t.test("nothing is kept of collectors", function()
  local lab = t.start()
  for _, agent in ipairs { "Prometheus/2.45.0", "pyroscope/1.0", "Grafana/10", "diaglab-kit" } do
    t.equal(lab:get("/metrics", "-A", agent).status, 200)
    t.equal(lab:get(PPROF .. "heap?debug=1", "-A", agent).status, 200)
  end
  lab:get("/metrics", "-A", "curl/8")
  count_captures(lab, 1)
  t.equal(lab:stop(), 0)
end)

-- In one connection: the next request comes before the file is written that is kept.
t.test("whoever lists or forgets captures means also the text that came just before", function()
  local lab = t.start("--step", "5")
  for _ = 1, 4 do lab:get("/") end
  local list = lab.url .. "/lab/captures?format=json"
  for _, text in ipairs { PPROF .. "goroutine?debug=1", PPROF .. "goroutine?debug=2", "/pprof/heap" } do
    for _ = 1, 20 do
      local told = t.run(t.command { "curl", "-s", "-o", "/dev/null", lab.url .. text, "--next", "-s", list, "--next",
        "-s", "-o", "/dev/null", lab.url .. text, "--next", "-s", "-X", "DELETE", lab.url .. "/lab/captures" }).out
      t.equal(select(2, told:gsub('"id": "c', "")), 1, text)
      t.has(told, "all captures are forgotten\n")
      count_captures(lab, 0)
    end
  end
  t.equal(lab:stop(), 0)
end)

-- A dump of many tasks is sent in parts. Its client leaves in the midst of it.
t.test("a client that leaves its dump keeps nobody waiting", function()
  local lab = t.start("--step", "5", "--param", "5.goroutines=20000")
  lab:get("/")
  for _ = 1, 5 do
    t.run(("curl -s '%s%sgoroutine?debug=2' | head -c 1000"):format(lab.url, PPROF))
    t.equal(lab:get("/lab/captures", "--max-time", "60").status, 200)
  end
  t.eventually(function()
    local took = t.run(("curl -s -o /dev/null -w '%%{time_total}' %s/lab/captures"):format(lab.url)).out
    return tonumber(took) < 1
  end)
  t.equal(lab:stop(), 0)
end)

t.test("a saved profile can be sent back, and is known", function()
  local lab = t.start()
  local file = save(lab, PPROF .. "heap")
  local first = captures(lab)[1]
  local again = send(lab, file)
  t.equal(again.status, 200)
  t.equal(again.body, ("%s: heap profile of step 0, known already\n"):format(first.id))
  t.equal(lab:get("/lab/captures", "-X", "DELETE").body, "all captures are forgotten\n")
  t.equal(#captures(lab), 0)
  local raw = send(lab, file)
  t.equal(raw.status, 201)
  t.match(raw.body, "^c%d+: heap profile of step 0, kept\n$")
  local form = t.http(lab.url .. "/lab/captures", "-F", "profile=@" .. file)
  t.equal(form.status, 200, "the same in a form")
  local block = save(lab, PPROF .. "block")
  lab:get("/lab/captures", "-X", "DELETE")
  t.match(send(lab, block).body, "^This is no evidence:\nit may be a block or a mutex profile")
  t.equal(send(lab, block, "?kind=block").status, 201)
  t.equal(captures(lab)[1].kind, "block")
  t.equal(captures(lab)[1].origin, "sent")
  t.equal(lab:stop(), 0)
end)

t.test("what isn't of this visit is refused", function()
  local lab, other = t.start(), t.start()
  local foreign, old = save(other, PPROF .. "heap"), save(lab, PPROF .. "heap")
  local function refuses(file, why)
    local answer = send(lab, file)
    t.equal(answer.status, 422)
    t.has(answer.body, why)
    for line in answer.body:gmatch("[^\n]+") do t.check(#line <= 80, "at most 80 columns: " .. line) end
  end
  refuses(foreign, "of another lab process")
  lab:go_to(4)
  refuses(old, "of another visit")
  lab:leave()
  refuses(old, "of another visit")
  local text = t.temp_file()
  t.write(text, "hello")
  refuses(text, "This is no evidence:\nit can't be read as a profile (")
  local large = t.temp_file()
  t.equal(t.run(("head -c 50000000 /dev/zero > %s"):format(large)).code, 0)
  t.equal(send(lab, large).status, 413)
  t.equal(lab:post("/lab/captures", "").status, 422)
  t.equal(lab:get("/").status, 200, "the lab goes on")
  t.equal(lab:stop(), 0)
  t.equal(other:stop(), 0)
end)

t.test("an earlier visit's bytes are given back", function()
  local lab = t.start("--step", "4")
  local function kept()
    local text = lab:get("/metrics", "-A", "Prometheus").body
    return tonumber(t.match(text, "\ndiaglab_captures_bytes (%d+)"))
  end
  for _ = 1, 20 do lab:get(PPROF .. "heap") end
  local list, before = captures(lab), kept()
  t.equal(#list, 20)
  t.equal(#lab:get("/lab/captures?id=c7").body, list[7].bytes)
  lab:go_to(0)
  t.check(kept() < before / 2, ("%d bytes kept, %d before"):format(kept(), before))
  t.equal(#captures(lab), 20, "what is known of them stays")
  t.equal(captures(lab)[7].bytes, list[7].bytes)
  local gone = lab:get("/lab/captures?id=c7")
  t.equal(gone.status, 410)
  t.has(gone.body, "of an earlier visit")
  lab:get(PPROF .. "heap")
  t.equal(lab:get("/lab/captures?id=c21").status, 200)
  t.equal(lab:stop(), 0)
end)

t.test("the attempt is told by profiles, traces and vars", function()
  local lab = t.start()
  local function attempt_of_vars() return lab:get("/debug/vars").body:match('"diaglab_attempt": "(%x+)"') end
  local attempt = attempt_of_vars()
  t.match(attempt, "^%x+$")
  t.equal(#attempt, 16)
  local mark = "diaglab attempt " .. attempt
  for _, path in ipairs { "heap", "goroutine", "mutex", "profile?seconds=1", "wall?seconds=1", "lab.OpenFiles" } do
    local unpacked = t.run(("gzip -dc < %s"):format(save(lab, PPROF .. path))).out
    t.has(unpacked, mark, path)
  end
  t.has(lab:get(PPROF .. "trace?seconds=0.1").body, mark)
  t.has(lab:get(PPROF .. "trace?seconds=0.1&format=json").body, mark)
  t.equal(captures(lab)[1].attempt, attempt)
  lab:go_to(4)
  t.check(attempt_of_vars() ~= attempt, "another visit is another attempt")
  t.equal(lab:stop(), 0)
end)

t.test("who may change them, and how", function()
  local lab = t.start()
  lab:get("/metrics")
  for _, method in ipairs { "POST", "DELETE" } do
    local answer = lab:get("/lab/captures", "-X", method, "-H", "Origin: http://evil.example")
    t.equal(answer.status, 403, method)
  end
  t.equal(lab:get("/lab/captures", "-H", "Host: evil.example").status, 403)
  count_captures(lab, 1)
  local put = lab:get("/lab/captures", "-X", "PUT")
  t.equal(put.status, 405)
  t.equal(put.headers.allow, "GET, HEAD, POST, DELETE")
  t.equal(lab:get("/lab/captures?id=c1", "-X", "DELETE").body, "c1 is forgotten\n")
  for _, id in ipairs { "c1", "1", "c", "", "c1x", "c-1", "c99999999999999999999" } do
    t.equal(lab:get("/lab/captures?id=" .. id, "-X", "DELETE").status, 404, id)
  end
  local text = lab:get("/lab/captures").body
  for line in text:gmatch("[^\n]+") do t.check(#line <= 80, "at most 80 columns: " .. line) end
  t.equal(lab:stop(), 0)
end)

t.test("who mistypes which capture to forget doesn't forget all", function()
  local lab = t.start()
  lab:get("/metrics")
  for _, query in ipairs { "id=c1%", "id=c1;", "ID=c1", "ids=c1", "id=c1&x=1", "id=c1&", "id=c1%00", "%zz", "c1" } do
    local refused = lab:get("/lab/captures?" .. query, "-X", "DELETE")
    t.equal(refused.status, 400, query)
    t.has(refused.body, "id must be that of a capture")
  end
  for _, id in ipairs { "c1%", "c1;", "c1%00" } do
    t.equal(lab:get("/lab/captures?id=" .. id).status, 404, "not the list: " .. id)
  end
  count_captures(lab, 1)
  t.equal(lab:stop(), 0)
end)

-- A profile.proto without samples; its attempt is ATTEMPT. NAME: of its values.
local function write_profile(name, attempt, text)
  local function field(number, bytes) return string.pack("Bs1", number << 3 | 2, bytes) end
  local file = t.temp_file()
  t.write(file, field(6, "") .. field(6, name) .. field(6, "count") .. field(6, "diaglab attempt " .. attempt) ..
    field(6, text) .. field(1, "\x08\x01\x10\x02") .. "\x68\x03")
  return file
end

t.test("a file that is sent has a kind of the lab's, whatever it says", function()
  local lab = t.start("--step", "6")
  lab:get("/")
  local attempt = t.match(lab:get("/debug/vars").body, '"diaglab_attempt": "(%x+)"')
  for _, name in ipairs { "metrics", "vars", "trace", "\27]0;x\7", "db.\255", "samples" } do
    local answer = send(lab, write_profile(name, attempt, "\nprocess_open_fds 99999\n"))
    t.equal(answer.status, 422, name)
    t.equal(answer.body, "This is no evidence: no profile of the lab has such values\n")
  end
  count_captures(lab, 1)
  t.equal(send(lab, write_profile("db.Connections", attempt, "")).status, 201)
  t.equal(captures(lab)[2].kind, "db.Connections")
  t.equal(lab:stop(), 0)
end)

-- The values of this one are called "<ESC>[2J", and "goroutine".
t.test("what the lab says of a file that was sent is text", function()
  local lab = t.start()
  local attempt = t.match(lab:get("/debug/vars").body, '"diaglab_attempt": "(%x+)"')
  local file = write_profile("goroutine", attempt, "\27[2J\255")
  t.write(file, "\x0a\x04\x08\x04\x10\x02" .. t.read(file))
  local id = t.match(send(lab, file).body, "^(c%d+): goroutine profile")
  local refused = lab:get("/lab/captures?debug=collapsed&sample=x&id=" .. id)
  t.equal(refused.status, 400)
  t.has(refused.body, "there are: \\x1b[2J\\xff goroutine\n")
  t.equal(lab:stop(), 0)
end)

-- Each of these files takes the time of unpacking 64 MiB, until it is refused.
t.test("many large files at once: what is beyond 64 MiB is refused", function()
  local lab = t.start()
  local dir, clients, counts = t.temp_dir(), {}, {}
  t.run(("cd %s; head -c 7000000 /dev/zero | gzip -1 >file; for i in 1 2 3 4 5 6 7 8 9; do cat file file >two; " ..
    "mv two file; done"):format(dir))
  lab:signal("STOP") -- they come at once, however slowly they are started
  for i = 1, 8 do
    clients[i] = t.spawn(("curl -sv -o /dev/null -w '%%{http_code}' --data-binary @%s/file %s/lab/captures")
      :format(dir, lab.url))
  end
  for _, client in ipairs(clients) do lab:wait_sent(client) end
  lab:signal("CONT")
  for i, client in ipairs(clients) do
    t.check(client:wait(), "client " .. i .. " ends")
    local code = client:out()
    counts[code] = (counts[code] or 0) + 1
  end
  t.check((counts["422"] or 0) > 0, "one of them is read")
  t.check((counts["503"] or 0) > 0, "one of them is refused")
  local small = lab:post("/lab/captures", "no profile")
  t.equal(small.status, 422, "and one that comes later is read")
  t.equal(lab:stop(), 0)
end)

t.finish()
