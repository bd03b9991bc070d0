-- SPDX-License-Identifier: MIT
-- needs: time
-- /metrics, /status and the scenario's metrics in /debug/vars, judged by
-- Prometheus' own tools where they are installed.
local t = require "harness"
t.need("curl")

local scenarios = { t.source .. "/tests/integration/scenarios" }
local OPEN = { "-H", "Accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5" }

-- The samples of an exposition: sample['name{labels}'] = number.
local function samples(text)
  local all = {}
  for line in text:gmatch("[^\n]+") do
    if line:sub(1, 1) ~= "#" then
      local key, value = line:match("^(.*) (%S+)$")
      t.check(key and not all[key], "a sample of its own: " .. line)
      all[key] = tonumber(value) or value
    end
  end
  return all
end

local function scrape(lab, ...)
  local answer = lab:get("/metrics", ...)
  t.equal(answer.status, 200)
  return samples(answer.body), answer
end

-- JSON, read strictly: raises if it isn't.
local function json(text)
  local at = 1
  local function skip() at = text:match("^[ \n\r\t]*()", at) end
  local value
  local function take(pattern)
    local found, after = text:match("^(" .. pattern .. ")()", at)
    if found then at = after end
    return found
  end
  local function list(close, item)
    skip()
    if take(close) then return end
    repeat
      item()
      skip()
    until not take(",")
    t.check(take(close), "no " .. close .. " at " .. at)
  end
  local function str()
    t.check(take('"'), "no string at " .. at)
    local parts = {}
    while true do
      local plain = take('[^"\\\0-\31]+')
      if plain then
        parts[#parts + 1] = plain
      elseif take('"') then
        return table.concat(parts)
      else
        local escape = t.check(take('\\u%x%x%x%x') or take('\\["\\/bfnrt]'), "a bad string at " .. at)
        local code = escape:match("u(%x+)")
        parts[#parts + 1] = code and utf8.char(tonumber(code, 16)) or escape:sub(2)
      end
    end
  end
  function value()
    skip()
    local result
    if take("{") then
      result = {}
      list("}", function()
        skip()
        local key = str()
        skip()
        t.check(take(":"), "no colon at " .. at)
        t.check(result[key] == nil, key .. " is there twice")
        result[key] = value()
      end)
    elseif take("%[") then
      result = {}
      list("%]", function() result[#result + 1] = value() end)
    elseif text:sub(at, at) == '"' then
      result = str()
    else
      local word = take("%-?%d+%.?%d*[eE]?[+-]?%d*") or take("%l+")
      local words = { ["true"] = true, ["false"] = false, null = "null" }
      result = tonumber(word)
      if result == nil then result = words[word] end
      t.check(result ~= nil, "no value at " .. at)
    end
    return result
  end
  local result = value()
  skip()
  t.equal(at, #text + 1, "the end of the JSON text")
  return result
end

-- ---- /metrics ----------------------------------------------------------------

t.test("the numbers of Go's dashboards, and what they mean", function()
  local lab = t.start("--step", "4", "--param", "4.rounds=1")
  for _ = 1, 5 do lab:get("/") end
  local s, answer = scrape(lab)
  t.equal(answer.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8")
  for name in ([[go_goroutines go_threads go_memstats_alloc_bytes
    go_memstats_alloc_bytes_total go_memstats_sys_bytes go_memstats_lookups_total
    go_memstats_mallocs_total go_memstats_frees_total go_memstats_heap_alloc_bytes
    go_memstats_heap_sys_bytes go_memstats_heap_idle_bytes go_memstats_heap_inuse_bytes
    go_memstats_heap_released_bytes go_memstats_heap_objects go_memstats_stack_inuse_bytes
    go_memstats_stack_sys_bytes go_memstats_mspan_inuse_bytes go_memstats_mspan_sys_bytes
    go_memstats_mcache_inuse_bytes go_memstats_mcache_sys_bytes
    go_memstats_buck_hash_sys_bytes go_memstats_gc_sys_bytes go_memstats_other_sys_bytes
    go_memstats_next_gc_bytes go_memstats_last_gc_time_seconds go_memstats_gc_cpu_fraction
    go_gc_duration_seconds_sum go_gc_duration_seconds_count
    go_gc_gogc_percent go_gc_gomemlimit_bytes go_sched_gomaxprocs_threads process_cpu_seconds_total
    process_open_fds process_max_fds process_resident_memory_bytes
    process_virtual_memory_bytes process_virtual_memory_max_bytes
    process_start_time_seconds diaglab_step]]):gmatch("%S+") do
    t.check(type(s[name]) == "number", name .. " is missing")
  end
  local stat = t.read("/proc/" .. lab.pid .. "/status")
  t.near(s.process_resident_memory_bytes, lab:rss(), 8e6)
  t.near(s.process_virtual_memory_bytes, tonumber(stat:match("VmSize:%s*(%d+)")) * 1024, 1e8)
  t.near(s.go_threads, tonumber(stat:match("Threads:%s*(%d+)")), 1)
  local fds = t.run("ls /proc/" .. lab.pid .. "/fd | wc -l").out
  t.near(s.process_open_fds, tonumber(fds), 1) -- a connection more or less
  t.near(s.process_start_time_seconds, os.time(), 120)
  t.near(s.go_memstats_alloc_bytes, lab:vars()("Alloc"), 4e6)
  t.equal(s["go_memstats_heap_sys_bytes"], s["go_memstats_heap_idle_bytes"] + s["go_memstats_heap_inuse_bytes"])
  t.between(s['go_gc_duration_seconds{quantile="1"}'], s['go_gc_duration_seconds{quantile="0"}'], 1)
  t.check(s.go_memstats_alloc_bytes_total > 5 * 10e6, "5 requests allocate 10 MB each")
  -- Our own.
  local used = s['diaglab_cpu_seconds_total{mode="user"}'] + s['diaglab_cpu_seconds_total{mode="system"}']
  t.near(used, s.process_cpu_seconds_total, 0.1)
  t.check(s['diaglab_page_faults_total{kind="minor"}'] > 1000, "pages of a process with some megabytes")
  t.equal(type(s['diaglab_page_faults_total{kind="major"}']), "number")
  local io = t.read("/proc/" .. lab.pid .. "/io")
  local calls = s['diaglab_io_calls_total{call="read"}']
  t.between(calls, 1, tonumber(io:match("syscr: (%d+)")))
  t.between(s['diaglab_io_bytes_total{call="write"}'], 1, tonumber(io:match("wchar: (%d+)")))
  t.check(scrape(lab)['diaglab_io_calls_total{call="read"}'] > calls, "to ask is to read")
  t.equal(s.diaglab_step, 4)
  t.equal(s['diaglab_step_info{slug="export"}'], 1)
  t.equal(s['diaglab_requests_total{step="4",code="2xx"}'], 5)
  t.equal(s['diaglab_request_duration_seconds_count{step="4"}'], 5)
  t.equal(s['diaglab_request_duration_seconds_bucket{step="4",le="+Inf"}'], 5)
  t.check(s['diaglab_loop_lag_seconds_count'] > 5, "turns of the loop")
  t.equal(s.diaglab_requests_in_flight, 0)
  t.equal(s.diaglab_log_dropped_lines_total, 0)
  t.equal(lab:stop(), 0)
end)

t.test("what the collector and the scheduler are told", function()
  local lab = t.start_with(scenarios, "--step", "71", "--workers", "3")
  local s = scrape(lab)
  t.equal(s.go_gc_gomemlimit_bytes, 256 << 20, "the step's limits.memory")
  t.equal(s.go_sched_gomaxprocs_threads, 3 + 1, "the workers and the VM's thread")
  -- Garbage is collected when as much was allocated as GOGC says of what is live.
  local held, made = 60e6, 2000e6
  lab:get("/hold_buffers?n=60")
  lab:get("/debug/pprof/heap?gc=1")
  local before = scrape(lab).go_gc_duration_seconds_count
  lab:get("/buffers?n=200")
  s = scrape(lab)
  local collections = s.go_gc_duration_seconds_count - before
  t.between(collections * held * s.go_gc_gogc_percent / 100, 0.6 * made, 1.4 * made, "allocated between collections")
  lab:go_to(0)
  s = scrape(lab)
  local machine = tonumber(t.read("/proc/meminfo"):match("MemTotal:%s*(%d+)")) * 1024
  t.between(s.go_gc_gomemlimit_bytes, 1e6, machine, "without a limit of its own: a part of the machine's memory")
  t.equal(lab:stop(), 0)
end)

t.test("two formats with the same samples", function()
  local lab = t.start_with(scenarios, "--step", "82")
  lab:get("/count")
  local plain, first = scrape(lab)
  local open, second = scrape(lab, table.unpack(OPEN))
  t.equal(first.headers.vary, "Accept, Accept-Encoding")
  t.equal(second.headers["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8")
  t.match(second.body, "\n# EOF\n$")
  t.check(not first.body:find("# EOF", 1, true))
  t.has(second.body, "# TYPE shop_requests counter\n")
  t.has(first.body, "# TYPE shop_requests_total counter\n")
  -- As client_golang: whole numbers in these labels have a point in OpenMetrics only.
  local function in_open(key)
    return (key:gsub('le="(%d+)"', 'le="%1.0"'):gsub('quantile="(%d+)"', 'quantile="%1.0"'))
  end
  local known = {}
  for key in pairs(plain) do
    known[in_open(key)] = true
    t.check(open[in_open(key)], in_open(key) .. " is missing in OpenMetrics")
  end
  for key in pairs(open) do t.check(known[key], key .. " is missing in 0.0.4") end
  -- OpenMetrics: no family twice, and none that another's samples would be in.
  local families = {}
  for name, kind in second.body:gmatch("# TYPE (%S+) (%S+)\n") do
    t.check(not families[name], name .. " is there twice")
    families[name] = kind
  end
  for name, kind in pairs(families) do
    local suffixes = { counter = { "_total" }, histogram = { "_bucket", "_count", "_sum" }, summary = { "_count", "_sum" } }
    for _, suffix in ipairs(suffixes[kind] or {}) do
      t.check(not families[name .. suffix], name .. suffix .. " is two things")
    end
  end
  t.equal(lab:get("/metrics", "-I").status, 200)
  t.equal(lab:get("/metrics/").status, 404)
  t.equal(lab:stop(), 0)
end)

t.test("requests by step and status, and those that wait", function()
  local lab = t.start_with(scenarios, "--step", "82")
  lab:get("/")
  t.equal(lab:get("/fail").status, 500)
  -- One computes, and two wait for it, if they come in time.
  local tries, seconds = 0, nil
  t.enough(function(spins)
    tries, seconds = tries + 1, spins
    local spin = t.spawn(("curl -s '%s/spin?seconds=%d'"):format(lab.url, spins))
    lab:work("vm", 0.02)
    local waiting = t.spawn(("sh -c 'curl -s %s/ & curl -s %s/; wait'"):format(lab.url, lab.url))
    local seen
    t.eventually(function()
      local now = scrape(lab)
      seen = seen or now.diaglab_requests_queued == 2 and now
      return seen or not spin:alive()
    end)
    t.equal(spin:wait(), 0)
    t.equal(waiting:wait(), 0)
    return seen
  end, function(seen)
    if seen then t.equal(seen['diaglab_tasks{state="running"}'], 1) end
    return seen
  end)
  lab:get("/park")
  local s = t.eventually(function()
    local now = scrape(lab)
    return now['diaglab_tasks{state="sleep"}'] == 7 and now
  end)
  t.equal(s.go_goroutines, 7)
  t.equal(s.diaglab_requests_queued, 0)
  local good = 2 + 3 * tries
  t.equal(s['diaglab_requests_total{step="82",code="2xx"}'], good)
  t.equal(s['diaglab_requests_total{step="82",code="5xx"}'], 1)
  -- One of each try spun; those that waited for it, waited a part of that.
  local sum = s['diaglab_request_duration_seconds_sum{step="82"}']
  t.check(sum >= seconds, "seconds of all")
  t.between(s['diaglab_request_duration_seconds_bucket{step="82",le="0.5"}'], good + 1 - 2 * sum, good + 1 - tries)
  lab:go_to(0)
  lab:get("/")
  s = scrape(lab)
  t.equal(s['diaglab_requests_total{step="0",code="2xx"}'], 1)
  t.equal(s['diaglab_requests_total{step="82",code="2xx"}'], good)
  t.equal(lab:stop(), 0)
end)

-- ---- the scenario's ------------------------------------------------------------

t.test("lab.counter and lab.gauge", function()
  local lab = t.start_with(scenarios, "--step", "82")
  t.equal(lab:get("/count").status, 200)
  lab:get("/count")
  local s = scrape(lab)
  t.equal(s.shop_requests_total, 5)
  t.equal(s.shop_orders_total, 6, "it stays without its object")
  t.equal(s.shop_level, 7.5)
  local vars = json(lab:get("/debug/vars").body)
  t.equal(vars.shop_requests, 5)
  t.equal(vars.shop_level, 7.5)
  t.check(vars.memstats and vars.cmdline)
  lab:get("/odd")
  local body = lab:get("/debug/vars").body
  vars = json(body)
  t.equal(vars.shop_nan, "null", "JSON has no NaN")
  t.equal(vars.d_between, -1e300)
  local last = ""
  for key in body:gmatch('\n"([^"]+)": ') do
    t.check(last < key, key .. " is in order")
    last = key
  end
  local _, answer = scrape(lab)
  t.has(answer.body, "\nshop_nan NaN\n")
  t.has(answer.body, "\nshop_inf +Inf\n")
  t.equal(lab:get("/many").status, 500)
  lab:wait_log("a step may have 200 metrics")
  -- They go with their step; the same step begins anew.
  lab:go_to(0)
  t.eventually(function() return scrape(lab).shop_requests_total == nil end)
  t.check(not lab:get("/debug/vars").body:find("shop"))
  lab:go_to(82)
  lab:go_to(82)
  t.equal(scrape(lab).shop_requests_total, 0)
  t.check(not lab:log():find("left behind"), "they are no leak")
  t.equal(lab:stop(), 0)
end)

t.test("what a metric may not be", function()
  local lab = t.start_with(scenarios, "--step", "82")
  local shape = "bad argument #1 to 'counter' (a metric's name is like [a-zA-Z_:][a-zA-Z0-9_:]*)"
  local taken = "(names that begin with go_, process_ or diaglab_, cmdline and memstats are the lab's own)"
  local gauge = "bad argument #1 to 'gauge' "
  t.equal(lab:get("/wrong").body, table.concat({
    shape, shape, (shape:gsub("counter", "gauge")), (shape:gsub("counter", "gauge")), shape,
    "bad argument #1 to 'counter' " .. taken, gauge .. taken, gauge .. taken,
    gauge .. "(a gauge's name doesn't end in _total)",
    "metric 'shop_requests' would be the same as counter 'shop_requests'",
    "metric 'shop_requests_total' would be the same as counter 'shop_requests'",
    "metric 'shop_level_total' would be the same as gauge 'shop_level'",
    "bad argument #1 to 'add' (counter cannot decrease in value)",
    "bad argument #1 to 'add' (counter cannot decrease in value)",
    "bad argument #1 to 'add' (counter would be larger than any number)",
    "bad argument #1 to 'add' (lab.Counter expected, got lab.Gauge)",
    "bad argument #1 to 'set' (number expected, got string)",
  }, "\n"))
  t.equal(lab:stop(), 0)
end)

t.test("names that OpenMetrics would take for parts of others", function()
  local lab = t.start_with(scenarios, "--step", "82")
  local answer = lab:get("/endings")
  t.equal(answer.status, 200)
  local n = 0
  for line in answer.body:gmatch("[^\n]+") do
    n = n + 1
    local name, why = line:match("^%a+ (%S+): (.*)$")
    if name:find("^up$") or name:find("^scrape_") then
      t.has(why, "are Prometheus' own")
    elseif line:find("^gauge %a+_total:") then
      t.has(why, "a gauge's name doesn't end in _total")
    elseif name:gsub("_total$", "") ~= "free" and name ~= "q_total" then
      t.match(why, "a metric's name doesn't end in _%a+, which OpenMetrics keeps for parts of metrics")
    end
  end
  t.equal(n, 2 * 23 + 2)
  t.equal(lab:get("/good").status, 200)
  lab:get("/count")
  -- As strict readers do: no sample's name belongs to two families.
  local _, open = scrape(lab, table.unpack(OPEN))
  local parts = {
    counter = { "", "_total", "_created" }, summary = { "", "_count", "_sum", "_created" },
    histogram = { "", "_count", "_sum", "_bucket", "_created" },
  }
  local owner = {}
  for family, kind in open.body:gmatch("# TYPE (%S+) (%S+)\n") do
    for _, ending in ipairs(parts[kind] or { "" }) do
      local name = family .. ending
      t.check(not owner[name], ("%s: of %s and of %s"):format(name, owner[name], family))
      owner[name] = family
    end
  end
  if t.have("promtool") then
    local check = t.run(("curl -s %s/metrics | promtool check metrics"):format(lab.url))
    t.equal(check.out .. check.err, "")
  end
  t.equal(lab:stop(), 0)
end)

-- ---- /status -------------------------------------------------------------------

t.test("/status says what is so", function()
  local lab = t.start_with(scenarios, "--step", "82")
  local answer = lab:get("/status")
  t.equal(answer.status, 200)
  t.equal(answer.headers["content-type"], "application/json; charset=utf-8")
  local s = json(answer.body)
  t.equal(s.step, 82)
  t.equal(s.slug, "metrics")
  t.equal(s.title, 'A "shop"\n\\ in C:\\')
  t.equal(s.params.n, 3)
  t.equal(s.params.x, 0.5)
  t.equal(s.params.on, true)
  t.equal(s.params.text, 'say "hi"\n')
  t.match(s.since, "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ$")
  t.equal(s.pid, lab.pid)
  t.has(t.run(t.diaglab .. " --version").out, s.version)
  t.equal(s.tasks.total, 0)
  lab:get("/park")
  s = json(lab:get("/status").body)
  t.equal(s.tasks.total, 7)
  t.equal(s.tasks.waiting.sleep, 7)
  t.near(s.rss_bytes, lab:rss(), 8e6)
  t.equal(s.limits.fds, tonumber((t.read("/proc/" .. lab.pid .. "/limits"):match("Max open files%s+(%d+)"))))
  t.check(s.limits.memory_bytes > 1e6)
  lab:go_to("82&n=5&on=false")
  local again = json(lab:get("/status").body)
  t.equal(again.params.n, 5)
  t.equal(again.params.on, false)
  t.check(again.since > s.since, "a new visit")
  t.between(again.seconds_in_step, 0, again.uptime_seconds)
  lab:go_to(0)
  s = json(lab:get("/status").body)
  t.equal(s.step, 0)
  t.equal(next(s.params), nil)
  t.equal(lab:get("/status", "-I").status, 200)
  -- While a scenario has the VM for itself it answers, too.
  lab:go_to(82)
  t.enough(function(seconds)
    local spin = t.spawn(("curl -s '%s/spin?seconds=%d'"):format(lab.url, seconds))
    lab:work("vm", 0.02)
    local was_seen = json(lab:get("/status").body).tasks.running == 1
    lab:in_time(0.5, "/status", function() return lab:get("/status") end, 3)
    local was_busy = spin:alive()
    if was_busy then t.check(was_seen, "a task is running") end
    spin:wait()
    return was_busy
  end, function(was_busy) return was_busy end)
  t.equal(lab:stop(), 0)
end)

-- ---- Prometheus ----------------------------------------------------------------

t.test("promtool check metrics", function()
  if not t.have("promtool") then return print("     (there is no promtool)") end
  local lab = t.start_with(scenarios, "--step", "82")
  lab:get("/count")
  lab:get("/fail")
  local check = t.run(("curl -s %s/metrics | promtool check metrics"):format(lab.url))
  t.equal(check.out .. check.err, "")
  t.equal(check.code, 0)
  t.equal(lab:stop(), 0)
end)

-- Fetches seven profiles, two of them for 30 seconds, and reads them all.
t.test("promtool debug pprof", function()
  if not t.have("promtool") then return print("     (there is no promtool)") end
  local lab = t.start("--step", "4", "--param", "4.rounds=1")
  t.equal(lab:get("/").status, 200) -- the heap profile may be the first that it fetches
  local load = t.spawn(("sh -c 'while curl -sf %s/ -o /dev/null; do sleep 2; done'"):format(lab.url))
  local dir = t.temp_dir()
  local result = t.run(("cd %s && promtool debug pprof %s"):format(dir, lab.url))
  t.equal(result.code, 0, result.err)
  local list = t.run(("cd %s && tar -tzf debug.tar.gz && tar -xzf debug.tar.gz"):format(dir)).out
  for _, name in ipairs { "cpu.pb", "heap.pb", "goroutine.pb", "threadcreate.pb", "block.pb", "mutex.pb", "trace.pb" } do
    t.has(list, name)
  end
  load:signal("KILL")
  if t.have("go") then -- what it has packed is what we have sent
    t.has(t.pprof.run(dir .. "/cpu.pb", "-top"), "export.allocateMemory")
    t.has(t.pprof.run(dir .. "/heap.pb", "-top", "-sample_index=alloc_space"), "lab_buffer_grow")
  end
  t.equal(lab:stop(), 0)
end)

t.test("Prometheus scrapes it", function()
  if not t.have("prometheus") then return print("     (there is no prometheus)") end
  local lab = t.start_with(scenarios, "--step", "82")
  lab:get("/count")
  local dir, port = t.temp_dir(), t.free_port()
  t.write(dir .. "/prometheus.yml", ([[
global: { scrape_interval: 1s }
scrape_configs:
  - job_name: diaglab
    static_configs: [ { targets: [ "127.0.0.1:%s" ] } ]
]]):format(lab.port))
  local prometheus = t.spawn(("prometheus --config.file=%s/prometheus.yml --storage.tsdb.path=%s/data "
    .. "--web.listen-address=127.0.0.1:%s --log.level=warn"):format(dir, dir, port))
  local api = "http://127.0.0.1:" .. port .. "/api/v1/"
  local function query(expression)
    local answer = t.http(api .. "query", "-G", "--data-urlencode", "query=" .. expression)
    local value = answer.body:match('"value":%[[%d.]+,"([^"]*)"%]')
    return tonumber(value), answer.body
  end
  -- On a busy machine a scrape takes longer than Prometheus waits, which is a second;
  -- then there are no values until the next one.
  for expression, value in pairs { ['up{job="diaglab"}'] = 1, go_goroutines = 0, shop_requests_total = 2.5,
    diaglab_step = 82, ['diaglab_requests_total{step="82",code="2xx"}'] = 1 } do
    t.eventually(function() return query(expression) == value end)
  end
  local longest = t.eventually(function()
    return query("histogram_quantile(1, diaglab_request_duration_seconds_bucket)")
  end)
  t.between(longest, 0, 10)
  t.eventually(function()
    local targets = t.http(api .. "targets").body
    return targets:find('"lastError":""', 1, true) and targets:find('"health":"up"', 1, true)
  end)
  -- Types and texts arrived as well.
  t.eventually(function()
    local metadata = t.http(api .. "targets/metadata?metric=go_gc_duration_seconds").body
    return metadata:find('"type":"summary"', 1, true)
  end)
  prometheus:signal("TERM")
  prometheus:wait()
  t.equal(lab:stop(), 0)
end)

t.finish()
