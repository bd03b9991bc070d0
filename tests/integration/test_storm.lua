-- SPDX-License-Identifier: MIT
-- needs: time
-- Everything at once: two clients scrape every endpoint each second, as
-- continuous profilers do, while steps switch at random and wrk loads `/`.
-- Nothing may fail but what a step means to fail, and all is given back.
-- STORM_SECONDS=120 makes it long.
local t = require "harness"
t.need("curl", "gzip", "wrk")

local SECONDS = tonumber(os.getenv("STORM_SECONDS") or 8)
local PPROF = "/debug/pprof/"

-- The paths that the index page links, and the pages beside it.
local function endpoints(lab)
  local list = { "/debug/vars", PPROF, PPROF .. "heap?gc=1", PPROF .. "profile?seconds=1&hz=997" }
  local kinds = {}
  for kind in lab:get(PPROF).body:gmatch("<a href='([%w.]+)%?debug=") do
    if kind ~= "profile" and kind ~= "trace" then kinds[#kinds + 1] = kind end
  end
  t.check(#kinds >= 2, "profiles in the index")
  for _, kind in ipairs(kinds) do
    for _, query in ipairs { "debug=0", "debug=1", "seconds=1" } do
      if kind == "wall" and query ~= "seconds=1" then query = query .. "&seconds=1" end -- else it takes 30 s
      local path = ("%s%s?%s"):format(PPROF, kind, query)
      local status = lab:get(path, "--max-time", "60").status
      if status == 200 then list[#list + 1] = path end
    end
  end
  for _, path in ipairs { "/metrics", "/status", PPROF .. "goroutine?debug=2", PPROF .. "trace?seconds=0.5",
    "/debug/fgprof?seconds=1" } do
    if lab:get(path).status == 200 then list[#list + 1] = path end
  end
  return list
end

-- A client that fetches LIST again and again, a second's pause in between. It
-- writes "status type path" lines; what says that it is gzip'ed must be.
local function scraper(lab, list)
  local words = {}
  for i, path in ipairs(list) do words[i] = t.quote(path) end
  local dir = t.temp_dir()
  t.write(dir .. "/scrape", ([[
end=$(($(date +%%s) + %d))
while [ $(date +%%s) -lt $end ]; do
  for path in %s; do
    got=$(curl -s --max-time 60 -o %s/body -w '%%{http_code} %%{content_type}' "%s$path")
    whole=
    case $got in *octet-stream*) case $path in *trace*) ;; *) gzip -t %s/body || whole=broken ;; esac ;; esac
    echo "$got $path $whole"
  done
  sleep 1
done]]):format(SECONDS, table.concat(words, " "), dir, lab.url, dir))
  return t.spawn("sh " .. dir .. "/scrape")
end

-- A script of wrk's that leaves processors to the others: a request of each client
-- each 4 ms.
local function pace()
  local file = t.temp_file()
  t.write(file, "function delay() return 4 end\n")
  return file
end

local function steps()
  local list = {}
  for name in t.run("ls " .. t.quote(t.source .. "/scenarios")).out:gmatch("(%d+)%-%S+") do
    list[#list + 1] = math.tointeger(tonumber(name))
  end
  return list
end

local function count(lab, command)
  return tonumber(t.run((command .. " | wc -l"):format(lab.pid)).out)
end

-- Files with symbols stay open: the program itself, libraries, debug files.
local function baseline(lab)
  return {
    fds = count(lab, "ls -l /proc/%d/fd | grep -v -e '/lib/.*\\.so' -e '\\.debug$' -e '/diaglab$'"),
    threads = count(lab, "ls /proc/%d/task"),
    heap = lab:vars()("HeapAlloc"),
  }
end

t.test("scraped, switched and loaded at once", function()
  local lab = t.start_with({ t.source .. "/scenarios" }, "--step", "0")
  local list = endpoints(lab)
  local before = baseline(lab)
  local scrapers = { scraper(lab, list), scraper(lab, list) }
  local wrk = t.spawn(("wrk -t1 -c6 -d%ds --timeout 30s -s %s %s/"):format(SECONDS, pace(), lab.url))
  local numbers, switches, refused = steps(), 0, 0
  local stop = t.now() + SECONDS
  while t.now() < stop do
    local number = numbers[math.random(#numbers)]
    local answer = lab:get("/goto?step=" .. number)
    t.check(answer.status == 200 or answer.status == 503,
      ("/goto?step=%d: %s %s"):format(number, answer.status, answer.failure or answer.body))
    switches = switches + 1
    if answer.status == 503 and not answer.body:find("the machine is too busy", 1, true) then refused = refused + 1 end
    t.sleep(math.random() * 0.7)
  end
  t.eventually(function() return lab:get("/goto?step=0").status == 200 end)
  t.check(refused <= switches // 4, refused .. " of " .. switches .. " switches were refused")

  t.check(wrk:wait(), "wrk ends")
  t.has(wrk:out(), "requests in")
  t.check(not wrk:out():find("Socket errors: connect [1-9]"), wrk:out())
  t.check(not wrk:out():find("Socket errors: connect %d+, read [1-9]"), wrk:out())
  local scraped = 0
  for _, client in ipairs(scrapers) do
    t.check(client:wait(120), "the scraper ends")
    for line in client:out():gmatch("[^\n]+") do
      if not line:find("^500 .* /debug/pprof/trace") then -- the other client has one
        t.match(line, "^200 ", "a scrape")
      end
      t.check(not line:find("broken", 1, true), line)
      scraped = scraped + 1
    end
  end
  t.check(scraped >= 2 * #list, "each path was scraped by both")
  print(("     %d switches (%d refused), %d scrapes of %d paths"):format(switches, refused, scraped, #list))

  local now
  local back = pcall(t.eventually, function()
    lab:get(PPROF .. "heap?gc=1")
    now = baseline(lab)
    return now.fds <= before.fds + 1 and now.threads <= before.threads and now.heap < before.heap + 2e6
  end)
  t.check(back, ("left behind: %d descriptors, %d threads, %d bytes"):format(now.fds - before.fds,
    now.threads - before.threads, now.heap - before.heap))
  t.check(lab:get("/").body == "hello world")
  t.check(not lab:log():find("Sanitizer", 1, true), "no sanitizer report")
  t.equal(lab:stop(), 0)
end)

t.finish()
