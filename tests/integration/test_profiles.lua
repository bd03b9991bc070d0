-- SPDX-License-Identifier: MIT
-- needs: processor, time
-- CPU and heap profiles beyond the chapters of the handbook: what kinds of work
-- are told apart, several clients at once, and that every byte is what a strict
-- reader wants.
local t = require "harness"
local proto = require "proto"
local socket = require "socket"
local watch_cpu = require "cpu_watch"
local having = proto.having
t.need("go", "curl", "gzip")

local PPROF = "/debug/pprof/"
local scenarios = t.source .. "/tests/integration/scenarios"

local function in_cpu_step(...)
  return t.start_with({ scenarios, t.source .. "/scenarios" }, "--step", "70", ...)
end

-- A profile under way: fetch:wait() gives it, strictly checked. Until seconds=N have
-- passed since it was asked for, it has not ended for sure; its client ends later.
local function fetch(lab, path)
  local self = { file = t.temp_dir() .. "/profile.pb.gz" }
  local ends = t.now() + (path:match("seconds=(%d+)") or 0)
  local curl = t.spawn(("curl -sS --max-time 120 -w '%%{http_code}' -o %s '%s%s%s'")
    :format(self.file, lab.url, PPROF, path))
  self.client = curl
  function self.ended() return not curl:alive() end
  function self.goes_on() return t.now() < ends end
  function self.wait()
    t.equal(curl:wait(120), 0, "curl")
    t.equal(curl:out(), "200", t.read(self.file))
    return proto.read(self.file)
  end
  return self
end

-- A profile at HZ that has all of a request to PATH, its answer, and the file.
local function profile_of(lab, path, hz)
  local p, answer, file = t.enough(function(seconds)
    local profile = fetch(lab, ("profile?seconds=%d&hz=%d"):format(seconds, hz))
    lab:wait_profiler(profile.client)
    local answer = lab:get(path)
    t.equal(answer.status, 200, answer.body)
    local whole = profile.goes_on()
    return profile:wait(), tonumber(answer.body), profile.file, whole
  end, function(_, _, _, whole) return whole end, 2)
  return p, answer, file
end

-- The file's only line with TEXT.
local function line_with(file, text)
  local n = 0
  for line in io.lines(file) do
    n = n + 1
    if line:find(text, 1, true) then return n end
  end
  error("no line with " .. text)
end

-- NS of the samples whose innermost frame of function NAME is at each line.
local function lines_of(p, name)
  local lines = {}
  for _, s in ipairs(p.sample) do
    for _, id in ipairs(s.location_id) do
      local line = p.location[id].line[1]
      if p:text(p.function_[line.function_id].name) == name then
        lines[line.line] = (lines[line.line] or 0) + s.value[2]
        break
      end
    end
  end
  return lines
end

local function share_of_line(p, name, line)
  local lines, total = lines_of(p, name), 0
  for _, ns in pairs(lines) do total = total + ns end
  return (lines[line] or 0) / total
end

local cpu_lua = scenarios .. "/70-cpu/scenario.lua"

local function threads(lab)
  return t.run(("cat /proc/%d/task/*/comm"):format(lab.pid)).out
end

-- Whether nothing of the profiler is left: no timer with SIGPROF, no event of
-- perf, no thread.
local function profiler_is_gone(lab)
  local timers = t.read(("/proc/%d/timers"):format(lab.pid))
  local fds = t.run(("ls -l /proc/%d/fd"):format(lab.pid)).out
  return not timers:find("signal: 27/") and not fds:find("perf_event") and
    not threads(lab):find("profiler")
end

-- NS of the scenario's work.
local function all_of(p) return p:sum(2, having("main.routeHandler")) end

-- ---- kinds of work --------------------------------------------------------------

t.test("the collector's work is shown under the line that made garbage", function()
  local lab = in_cpu_step()
  local p = profile_of(lab, "/garbage?seconds=0.5", 500)
  local ns = p:sum(2, having("[lua gc]", "cpu.makeGarbage", "main.routeHandler"))
  t.between(ns / all_of(p), 0.2, 0.9, "share of [lua gc]")
  t.between(share_of_line(p, "cpu.makeGarbage", line_with(cpu_lua, "the line that makes garbage")),
    0.9, 1, "share of the line")
  t.equal(p:sum(2, having("__wrap_luaC_step")), 0, "frames of our own plumbing")
  t.equal(lab:stop(), 0)
end)

t.test("finalizers are shown as such", function()
  local lab = in_cpu_step()
  local p = profile_of(lab, "/finalizers?seconds=0.5", 400)
  -- They take turns with the request, and go on when it has ended.
  local all = p:sum(2, function() return true end)
  t.between(p:sum(2, having("[lua __gc finalizer]", "cpu.__gc")) / all, 0.25, 1, "share of finalizers")
  t.equal(p:sum(2, having("[lua __gc finalizer]", "cpu.untilCpu")), 0, "finalizers charged to the request")
  t.equal(lab:stop(), 0)
end)

t.test("a .. b is charged to its own line, as [lua concat]", function()
  local lab = in_cpu_step()
  local p = profile_of(lab, "/concat?seconds=1", 500)
  local line = line_with(cpu_lua, "the line that joins")
  -- Two of a hundred samples are taken when the string is just made, as the next
  -- line begins.
  t.between(share_of_line(p, "cpu.joinStrings", line), 0.95, 1, "share of the line")
  t.between(p:sum(2, having("[lua concat]", "cpu.joinStrings")) / all_of(p), 0.5, 1, "[lua concat]")
  t.between(p:sum(2, having("[lua __gc finalizer]")) / all_of(p), 0, 0.01, "finalizers where there are none")
  t.equal(lab:stop(), 0)
end)

t.test("180,000 frames deep at 2000 Hz: no livelock, nothing lost", function()
  local lab = in_cpu_step()
  local before, starved = 0, 0
  local p = t.enough(function(seconds)
    before = lab:thread_cpu("vm")
    local profile = fetch(lab, ("profile?seconds=%d&hz=2000"):format(seconds))
    lab:wait_profiler(profile.client)
    t.equal(lab:get("/deep?depth=180000&seconds=2").status, 200)
    starved = lab:starved("profiler")
    local whole = profile.goes_on()
    return profile:wait(), whole
  end, function(_, whole) return whole end, 4)
  local spent = lab:thread_cpu("vm") - before
  t.between(spent, 2, 4, "CPU seconds for two seconds of work")
  local work, lost = p:sum(2, having("cpu.arithmetic")) / 1e9, p:sum(2, having("[lost samples]")) / 1e9
  t.near(work + lost, spent, 0.1 * spent + 0.1, "seconds of the work")
  -- The buffers are full when the thread that empties them has no processor. While the
  -- calls are counted for the first time, tens of milliseconds, no sample is taken.
  t.between(lost, 0, 0.15 * spent + 0.1 + starved, "seconds that are lost")
  t.equal(lab:stop(), 0)
end)

t.measured("workers, and the control thread, are sampled too", function()
  t.need("wrk")
  local lab = in_cpu_step()
  -- Each of the two burns a second of its own CPU time.
  local p = profile_of(lab, "/burn?seconds=1", 200)
  t.near(p:sum(2, having("lab_burn")) / 1e9, 2, 0.2, "two workers")
  t.equal(lab:go_to(0).status, 200)
  local before
  p = t.enough(function(seconds)
    before = lab:thread_cpu("diaglab")
    local profile = fetch(lab, ("profile?seconds=%d&hz=2000"):format(seconds))
    lab:wait_profiler(profile.client)
    t.equal(t.run(("wrk -t1 -c16 -d1s %s/"):format(lab.url)).code, 0)
    local whole = profile.goes_on()
    return profile:wait(), whole
  end, function(got, whole) return whole and got:sum(2, having("main.helloWorldHandler")) > 0 end, 2)
  local control = p:sum(2, having("uv_run"))
  -- It worked some more until the time was read.
  local spent = lab:thread_cpu("diaglab") - before
  t.between(control / 1e9, 0.6 * spent, 1.05 * spent, "seconds of the control thread")
  t.check(p:sum(2, function(names)
    local all = table.concat(names, " ")
    return having("uv_run")(names)
      and (all:find("lab_http_") or all:find("lab_vm_collect") or all:find("on_loop_round"))
  end) > 0.3 * control, "our frames are there")
  t.equal(lab:stop(), 0)
end)

-- ---- several clients --------------------------------------------------------------

-- Notes when each client of ASKED has ended. -> have all?
local function have_ended(asked)
  local n = 0
  for _, a in ipairs(asked) do
    if a.profile.ended() then a.ended, n = a.ended or t.now(), n + 1 end
  end
  return n == #asked
end

t.test("three clients of different rates and times all get everything", function()
  local lab = in_cpu_step()
  t.spawn(("curl -s '%s/?seconds=30'"):format(lab.url))
  lab:work("vm", 0.1)
  local began, began_at = t.now(), os.time()
  local asked = { { hz = 1000, seconds = 2 }, { hz = 250, seconds = 3 }, { hz = 100, seconds = 4 } }
  for _, a in ipairs(asked) do
    a.profile = fetch(lab, ("profile?seconds=%d&hz=%d"):format(a.seconds, a.hz))
  end
  local cpu_between = watch_cpu(lab, "vm", function() return have_ended(asked) end)
  for _, a in ipairs(asked) do
    local p, what = a.profile:wait(), a.hz .. " Hz"
    t.equal(p.period, 1000000000 // a.hz, "period at " .. what)
    -- On a busy machine its end is noticed late.
    t.between(p.duration_nanos / 1e9, a.seconds - 0.3, a.ended - began + 0.1, "duration at " .. what)
    local least, most = cpu_between(p.time_nanos, p.time_nanos + p.duration_nanos)
    t.between(p:sum(2, having("cpu.arithmetic")) / 1e9, 0.95 * least - 0.1, 1.05 * most + 0.1, "CPU time at " .. what)
    t.near(p:sum(1), p:sum(2) / p.period, 0.02 * p:sum(1) + #p.sample, "samples at " .. what)
    t.between(p.time_nanos / 1e9, began_at, os.time() - a.seconds + 1, "start at " .. what)
  end
  t.eventually(function() return profiler_is_gone(lab) end)
  t.equal(lab:stop(), 0)
end)

t.test("a client that goes away frees its share at once", function()
  local lab = in_cpu_step()
  t.check(profiler_is_gone(lab), "no profiler before")
  local leaves
  local p, spent = t.enough(function(seconds)
    local stays = fetch(lab, ("profile?seconds=%d&hz=100"):format(seconds))
    lab:wait_profiler(stays.client)
    leaves = t.spawn(("curl -s '%sprofile?seconds=600&hz=2000'"):format(lab.url .. PPROF))
    local before = lab:thread_cpu("vm")
    t.spawn(("curl -s '%s/?seconds=0.6'"):format(lab.url)) -- no longer than is looked at
    lab:work("vm", 0.3)
    local spent = lab:thread_cpu("vm") - before
    t.check(not profiler_is_gone(lab), "a profiler works")
    leaves:signal("KILL")
    local whole = stays.goes_on()
    return stays:wait(), spent, whole
  end, function(_, _, whole) return whole end, 3)
  t.check(p:sum(2) / 1e9 > 0.9 * spent, "the one that stayed has its profile")
  t.eventually(function() return profiler_is_gone(lab) end)
  leaves = t.spawn(("curl -s '%sprofile?seconds=600'"):format(lab.url .. PPROF))
  t.eventually(function() return not profiler_is_gone(lab) end)
  leaves:signal("KILL")
  t.eventually(function() return profiler_is_gone(lab) end)
  t.equal(lab:stop(), 0)
end)

t.test("what may be asked for", function()
  local lab = in_cpu_step()
  for _, query in ipairs { "hz=0", "hz=2001", "hz=-1", "hz=x", "seconds=601", "hz=1e3" } do
    local answer = lab:get(PPROF .. "profile?" .. query)
    t.equal(answer.status, 400, query)
    t.equal(answer.headers["x-go-pprof"], "1", query)
  end
  for _, query in ipairs { "seconds=600&hz=1", "seconds=600&hz=2000" } do
    t.has(lab:get(PPROF .. "profile?" .. query, "--max-time", "0.5").failure, "timed out", query)
  end
  t.equal(lab:get(PPROF .. "heap?seconds=601").status, 400)
  t.equal(lab:stop(), 0)
end)

-- ---- contents ------------------------------------------------------------------

-- Its request makes so many buffers of 10 MB, and fills them with random bytes.
local function in_step_4(rounds)
  return in_cpu_step("--step", "4", "--param", "4.rounds=" .. rounds)
end

local function labels_of(p, s)
  local labels = {}
  for _, l in ipairs(s.label) do labels[p:text(l.key)] = l.str ~= 0 and p:text(l.str) or l.num end
  return labels
end

-- Every view of go tool pprof.
local function check_views(file)
  local function view(...) return (t.pprof.run(file, ...)) end
  t.has(view("-tags"), "export")
  t.has(view("-top", "-tagfocus", "step=export"), "allocateMemory")
  t.check(not view("-top", "-tagfocus", "step=other"):find("allocateMemory"), "tagfocus selects")
  t.has(view("-tree"), "export.allocateMemory")
  t.has(view("-traces"), "main.doSomeBusinessLogic")
  t.has(view("-peek", "allocateMemory"), "export.request")
  t.has(view("-dot"), "allocateMemory")
  t.has(view("-lines", "-top"), "scenario.lua:")
  local list = view("-list", "allocateMemory$")
  t.has(list, "lab.copy_n")
  local source = view("-list", "^lab_random_read$")
  t.has(source, "ROUTINE ======================== lab_random_read in")
  t.has(source, "getrandom", "the C source")
  local page = t.temp_dir() .. "/list.html" -- else pprof wants a browser
  view("-weblist", "allocateMemory$", "-output", page)
  t.has(t.read(page), "lab.copy_n")
  if t.have("dot") then t.has(view("-svg"), "</svg>") end
end

t.test("types, labels, files and lines of a CPU profile, and every view of it", function()
  local lab = in_step_4(8)
  local p, _, file = profile_of(lab, "/", 100)
  local function type_is(v, want) t.equal(p:text(v.type) .. "/" .. p:text(v.unit), want) end
  t.equal(#p.sample_type, 2)
  type_is(p.sample_type[1], "samples/count")
  type_is(p.sample_type[2], "cpu/nanoseconds")
  type_is(p.period_type, "cpu/nanoseconds")
  t.equal(p.period, 10000000, "period")
  t.equal(p:text(p.default_sample_type), "")
  t.match(p:text(p.mapping[1].filename), "^/.*/diaglab$", "mapping 1")
  local id = t.run("file -L " .. t.quote(t.diaglab)).out:match("BuildID%[sha1%]=(%x+)")
  if id then t.equal(p:text(p.mapping[1].build_id), id, "build id") end
  local labelled = 0
  for _, s in ipairs(p.sample) do
    if having("main.doSomeBusinessLogic")(p:names(s)) then
      local labels = labels_of(p, s)
      t.equal(labels.step, "export")
      t.equal(labels.route, "/")
      labelled = labelled + 1
    end
  end
  t.check(labelled > 0, "samples of the scenario")
  local seen = {}
  for _, f in ipairs(p.function_) do
    seen[p:text(f.name)] = { file = p:text(f.filename), line = f.start_line }
  end
  local lua = seen["export.allocateMemory"]
  t.match(lua.file, "^/.*/scenarios/04%-export/scenario%.lua$")
  t.equal(lua.line, line_with(lua.file, "function allocateMemory"), "start_line of allocateMemory")
  t.match(seen["lab_random_read"].file, "^/.*/src/prim/[%w_]+%.c$")
  t.check(seen["lab_random_read"].line > 0, "start_line of a C function")
  check_views(file)
  t.equal(lab:stop(), 0)
end)

t.test("types and labels of heap and allocs; what strict readers check", function()
  local lab = in_step_4(2)
  for _ = 1, 2 do lab:get("/") end
  for name, default in pairs { heap = "", allocs = "alloc_space" } do
    local p = fetch(lab, name):wait()
    local types = {}
    for i, v in ipairs(p.sample_type) do types[i] = p:text(v.type) .. "/" .. p:text(v.unit) end
    t.equal(table.concat(types, " "),
      "alloc_objects/count alloc_space/bytes inuse_objects/count inuse_space/bytes")
    t.equal(p:text(p.period_type.type) .. "/" .. p:text(p.period_type.unit), "space/bytes")
    t.equal(p.period, 524288)
    t.equal(p:text(p.default_sample_type), default, name)
    t.check(#p.sample > 0, "samples in " .. name)
    for _, s in ipairs(p.sample) do
      local labels = labels_of(p, s)
      t.check(labels.bytes > 0, "the size of an object")
      t.near(s.value[2], s.value[1] * labels.bytes, labels.bytes / 2 + 1, "bytes = objects x size")
      t.equal(labels.step, "export")
    end
  end
  t.equal(lab:stop(), 0)
end)

t.test("an empty profile is a profile", function()
  local lab = in_cpu_step("--step", "0", "--memprofile-rate", "0")
  local p = fetch(lab, "heap"):wait()
  t.equal(#p.sample, 0)
  t.match(p:text(p.mapping[1].filename), "/diaglab$")
  t.has(t.pprof.run(lab.url .. PPROF .. "heap", "-top"), "Type: inuse_space")
  t.equal(lab:stop(), 0)
end)

-- ---- text forms ------------------------------------------------------------------

-- ADDRESSES and NAMES of the "#" lines of heap?debug=1.
local function places(text)
  local addresses, names = {}, {}
  for address, name in text:gmatch("\n#\t+(0x%x+)\t+(.-)%+0x%x+\t") do
    if not names[address] then -- then come those it is inlined in
      addresses[#addresses + 1] = address
      names[address] = name
    end
  end
  return addresses, names
end

t.test("symbol knows C and Lua addresses, by GET and POST", function()
  local lab = in_step_4(1)
  lab:get("/")
  local addresses, names = places(lab:get(PPROF .. "heap?debug=1").body)
  t.check(#addresses >= 4, "addresses in the text")
  local joined = table.concat(addresses, "+") .. "+0x1+zzz"
  local want = { "num_symbols: 1\n" }
  local lua, c = 0, 0
  for _, address in ipairs(addresses) do
    want[#want + 1] = ("%s %s\n"):format(address, names[address])
    if #address == 18 then lua = lua + 1 else c = c + 1 end
  end
  t.check(lua > 0 and c > 0, "both kinds")
  t.equal(lab:get(PPROF .. "symbol?" .. joined).body, table.concat(want))
  t.equal(lab:post(PPROF .. "symbol", joined).body, table.concat(want))
  t.equal(lab:stop(), 0)
end)

-- By name of the leaf: the four values of a heap profile, and its total.
local function by_leaf(raw)
  local sums, total = {}, { 0, 0, 0, 0 }
  for _, s in ipairs(raw.samples) do
    local name = s.stack[1].frames[1].name
    sums[name] = sums[name] or { 0, 0, 0, 0 }
    for i = 1, 4 do
      sums[name][i] = sums[name][i] + s.values[i]
      total[i] = total[i] + s.values[i]
    end
  end
  return sums, total
end

t.test("heap?debug=1 says what the binary form says", function()
  local lab = in_cpu_step("--step", "71")
  t.equal(lab:get("/grow").status, 200)
  t.equal(lab:get("/hold?n=300000").status, 200)
  t.equal(lab:get("/hold_buffers?n=20").status, 200)
  local binary = by_leaf(t.pprof.raw(lab.url .. PPROF .. "heap"))
  local text = by_leaf(t.pprof.raw(lab.url .. PPROF .. "heap?debug=1"))
  for name, values in pairs(binary) do
    for i = 1, 4 do
      -- pprof rounds each record to whole objects, and bytes apart from them.
      t.near(text[name] and text[name][i] or 0, values[i], 0.01 * values[i] + 100,
        name .. ", value " .. i)
    end
  end
  t.equal(lab:stop(), 0)
end)

t.test("tables are charged to the function that makes them", function()
  local lab = in_cpu_step("--step", "71", "--memprofile-rate", "1")
  t.equal(lab:get("/construct").status, 200)
  local bytes = 0
  for _, n in pairs(lines_of(fetch(lab, "heap"):wait(), "memory.construct")) do bytes = bytes + n end
  t.between(bytes, 140e3, 220e3, "alloc_space of both constructors")
  t.equal(lab:stop(), 0)
end)

-- ---- windows ----------------------------------------------------------------------

local function begin_of(p) return (p.time_nanos - p.duration_nanos) / 1e9 end

t.test("seconds=N of heap and allocs: what came in the window, and no more", function()
  local seconds, lab, heap, allocs, took
  t.enough(function(n)
    seconds = n
    local began = t.now()
    lab = in_cpu_step("--step", "71", "--memprofile-rate", "1")
    t.equal(lab:get("/hold_buffers?n=7").status, 200)
    heap, allocs = fetch(lab, "heap?seconds=" .. n), fetch(lab, "allocs?seconds=" .. n)
    t.sleep(n / 4)
    local asked = socket.gettime()
    t.equal(lab:get("/hold_buffers?n=5").status, 200)
    t.equal(lab:get("/buffers?n=3").status, 200)
    t.equal(lab:get("/gc").status, 200)
    local whole = heap.goes_on() and allocs.goes_on()
    heap, allocs = heap:wait(), allocs:wait()
    took = t.now() - began
    return whole and begin_of(heap) < asked and begin_of(allocs) < asked
  end, function(whole) return whole end, 2)
  for name, p in pairs { heap = heap, allocs = allocs } do
    local function sized(bytes)
      return function(_, s) return labels_of(p, s).bytes == bytes end
    end
    t.equal(p:sum(1, sized(1000000)), 5, name .. ": buffers made")
    t.equal(p:sum(4, sized(1000000)), 5000000, name .. ": bytes that stay")
    t.equal(p:sum(1, sized(10000000)), 3, name .. ": buffers made and dropped")
    t.equal(p:sum(4, sized(10000000)), 0, name .. ": bytes of those")
    t.between(p.duration_nanos / 1e9, 0.75 * seconds, took + 0.1, name .. ": duration")
  end
  t.equal(lab:get(PPROF .. "heap?seconds=1").headers["content-disposition"],
    'attachment; filename="heap-delta"')
  heap = t.enough(function(n)
    for _, path in ipairs { "/drop", "/gc", "/hold_buffers?n=12", "/gc" } do t.equal(lab:get(path).status, 200) end
    local window = fetch(lab, "heap?seconds=" .. n)
    t.sleep(n / 4)
    local freed = socket.gettime()
    t.equal(lab:get("/drop").status, 200)
    t.equal(lab:get("/gc").status, 200)
    local whole = window.goes_on()
    local p = window:wait()
    return p, whole and begin_of(p) < freed
  end, function(_, whole) return whole end, seconds)
  t.equal(heap:sum(4, function(_, s) return labels_of(heap, s).bytes == 1000000 end), -12000000,
    "freed in the window")
  t.equal(lab:stop(), 0)
end)

t.test("heap?gc=1 shows what is alive, not garbage", function()
  local lab = in_cpu_step("--step", "71", "--memprofile-rate", "1")
  lab:get("/hold_buffers?n=3")
  lab:get("/drop")
  local before = lab:vars()("NumForcedGC")
  local p = fetch(lab, "heap?gc=1"):wait()
  t.equal(p:sum(4, function(_, s) return labels_of(p, s).bytes == 1000000 end), 0, "dropped buffers")
  t.equal(lab:vars()("NumForcedGC"), before + 1, "a forced collection")
  t.equal(lab:stop(), 0)
end)

t.finish()
