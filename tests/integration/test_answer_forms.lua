-- SPDX-License-Identifier: MIT
-- How answers travel: packed with gzip where the client takes that and it helps, not at
-- all where the client has them (ETag), and with where their time has gone
-- (Server-Timing).
local t = require "harness"
t.need("curl", "gzip")

local scenarios = { t.source .. "/tests/integration/scenarios" }
local PACKED = { "-H", "Accept-Encoding: gzip" }

local function ask(lab, path, ...) return lab:get(path, ...) end

local function unpack(body)
  local file = t.temp_file()
  t.write(file, body)
  local run = t.run("gzip -dc < " .. t.quote(file))
  t.equal(run.code, 0, run.err)
  return run.out
end

t.test("long texts are packed for who takes that", function()
  local lab = t.start_with(scenarios, "--step", "82")
  lab:get("/park")
  local texts = { ["/metrics"] = "diaglab_step 82", ["/metrics?since=start"] = "diaglab_step 82",
    ["/debug/vars"] = '"HeapAlloc"', ["/debug/vars?since=start"] = '"HeapAlloc"',
    ["/debug/pprof/heap?debug=1"] = "heap profile:", ["/debug/pprof/goroutine?debug=2"] = "goroutine ",
    ["/debug/pprof/trace?seconds=0.1&format=json"] = "traceEvents" }
  for path, word in pairs(texts) do
    local plain = ask(lab, path)
    t.equal(plain.headers["content-encoding"], nil, path)
    t.has(plain.headers.vary, "Accept-Encoding", path)
    t.has(plain.body, word, path)
    local packed = ask(lab, path, table.unpack(PACKED))
    t.equal(packed.headers["content-encoding"], "gzip", path)
    t.has(packed.headers.vary, "Accept-Encoding", path)
    t.equal(packed.headers["content-type"], plain.headers["content-type"], path)
    local text = unpack(packed.body)
    t.has(text, word, path)
    t.check(#packed.body < 0.6 * #text, path .. " is shorter")
    t.equal(ask(lab, path, "-I", table.unpack(PACKED)).status, 200, path)
  end
  t.equal(lab:stop(), 0)
end)

t.test("who doesn't take gzip, doesn't get it; nor does what is gzip, or short", function()
  local lab = t.start_with(scenarios, "--step", "82")
  for header, is_packed in pairs { ["gzip;q=0"] = false, ["br, deflate"] = false, ["identity"] = false,
    ["gzip;q=0, *"] = false, ["*;q=0"] = false, ["*"] = true, ["br, GZIP;q=0.1"] = true, ["gzip ; q=1"] = true,
    ["xgzip"] = false, [""] = false } do
    local answer = ask(lab, "/metrics", "-H", "Accept-Encoding: " .. header)
    t.equal(answer.headers["content-encoding"], is_packed and "gzip" or nil, header)
  end
  for _, path in ipairs { "/debug/pprof/heap", "/debug/pprof/profile?seconds=1", "/debug/pprof/trace?seconds=0.1",
    "/debug/pprof/cmdline", "/steps", "/status", "/" } do
    t.equal(ask(lab, path, table.unpack(PACKED)).headers["content-encoding"], nil, path)
  end
  t.equal(ask(lab, "/debug/pprof/heap", table.unpack(PACKED)).body:sub(1, 2), "\x1f\x8b", "once")
  t.equal(lab:stop(), 0)
end)

t.test("what is packed on its way is kept as it is", function()
  local lab = t.start_with(scenarios, "--step", "82")
  local text = unpack(ask(lab, "/metrics", table.unpack(PACKED)).body)
  ask(lab, "/debug/pprof/heap?debug=1", table.unpack(PACKED))
  ask(lab, "/debug/pprof/goroutine?debug=2", table.unpack(PACKED))
  t.equal(ask(lab, "/lab/captures?id=c1").body, text)
  local list = ask(lab, "/lab/captures").body
  t.match(list, "c%d +goroutine ")
  local heap = ask(lab, "/lab/captures?id=" .. t.match(list, "(c%d) +heap ")).body
  t.equal(heap:sub(1, 2), "\x1f\x8b", "the profile, not its text")
  t.equal(lab:stop(), 0)
end)

-- A dump is sent in parts; of many tasks it has many.
t.test("a long dump, packed", function()
  local lab = t.start_with(scenarios, "--step", "58", "--param", "58.tasks=20000")
  t.equal(ask(lab, "/").status, 200)
  local packed = ask(lab, "/debug/pprof/goroutine?debug=2", table.unpack(PACKED))
  local text = unpack(packed.body)
  local _, n = text:gsub("goroutine %d+ %[", "")
  t.check(n >= 20000, n .. " tasks")
  t.check(#packed.body * 10 < #text, "a tenth")
  -- One that is given up leaves nothing behind: a sanitizer would tell.
  local url = lab.url .. "/debug/pprof/goroutine?debug=2"
  t.run(("curl -s --max-time 0.05 -H 'Accept-Encoding: gzip' '%s' -o /dev/null"):format(url))
  t.equal(lab:stop(), 0)
end)

t.test("a capture that the client has isn't sent again", function()
  local lab = t.start()
  ask(lab, "/debug/pprof/heap")
  ask(lab, "/debug/pprof/goroutine")
  t.eventually(function() -- what there was at the beginning, as soon as the machine has time for that
    return ask(lab, "/lab/captures?id=b1").status == 200 and ask(lab, "/lab/captures?id=b2").status == 200
  end)
  local tags = {}
  for _, id in ipairs { "c1", "c2", "b1", "b2" } do
    local path = "/lab/captures?id=" .. id
    local first = ask(lab, path)
    local tag = t.match(first.headers.etag, '^"[%w-]+"$', id)
    t.check(not tags[tag], "each its own")
    tags[tag] = true
    for _, known in ipairs { tag, "W/" .. tag, '"x", ' .. tag, "*" } do
      local again = ask(lab, path, "-H", "If-None-Match: " .. known)
      t.equal(again.status, 304, known)
      t.equal(again.headers.etag, tag)
      t.equal(again.body, "")
    end
    t.equal(ask(lab, path, "-H", 'If-None-Match: "x"').body, first.body)
  end
  -- Another visit has other captures of the same names.
  local before = ask(lab, "/lab/captures?id=b1").headers.etag
  lab:go_to(0)
  t.eventually(function()
    return ask(lab, "/lab/captures?id=b1", "-H", "If-None-Match: " .. before).status == 200
  end)
  t.equal(ask(lab, "/lab/captures?id=c1", "-H", "If-None-Match: *").status, 410)
  local other = t.start()
  ask(other, "/debug/pprof/heap")
  t.check(not tags[ask(other, "/lab/captures?id=c1").headers.etag], "nor has another lab the same tag")
  t.equal(other:stop(), 0)
  t.equal(lab:stop(), 0)
end)

-- ---- Server-Timing -------------------------------------------------------------

-- Seconds by part.
local function timing(answer)
  local parts, sum = {}, 0
  for name, ms in t.check(answer.headers["server-timing"], "Server-Timing"):gmatch("(%l+);dur=([%d.]+)") do
    parts[name] = tonumber(ms) / 1e3
    sum = sum + parts[name]
  end
  return parts, sum
end

t.test("the parts of a recording", function()
  local lab = t.start("--step", "4", "--param", "4.rounds=1")
  for path, seconds in pairs { ["/debug/pprof/profile?seconds=1"] = 1, ["/debug/pprof/wall?seconds=1"] = 1,
    ["/pprof/profile?seconds=2"] = 2, ["/debug/pprof/allocs?seconds=1"] = 1 } do
    local answer = ask(lab, path)
    t.equal(answer.status, 200, path)
    local parts, sum = timing(answer)
    t.check(parts.record >= seconds - 0.01, path .. ": it is recorded for so long")
    t.check(parts.encode > 0, path .. ": it is written")
    t.check(sum <= answer.seconds, path .. ": the parts are of the client's time")
  end
  for _, path in ipairs { "/debug/pprof/heap", "/debug/pprof/heap?debug=1", "/debug/pprof/block", "/pprof/heap",
    "/debug/pprof/goroutine?debug=2" } do
    local parts, sum = timing(ask(lab, path))
    t.equal(parts.record, nil, path)
    t.check(parts.collect and sum > 0, path) -- in whole microseconds: it may be none
  end
  t.equal(lab:stop(), 0)
end)

-- The pool's threads do nothing else meanwhile: what they compute is the parts.
t.test("the parts are what the threads have done", function()
  local lab = t.start_with(scenarios, "--step", "71")
  ask(lab, "/hold?n=300000")
  local function measure(path, prefix)
    local before = lab:thread_cpu(prefix)
    local answer = ask(lab, path)
    local used = lab:thread_cpu(prefix) - before
    local parts, sum = timing(answer)
    t.check(sum <= answer.seconds, path)
    return parts, used
  end
  -- With gc=1 the VM's thread works, and that is collecting.
  local parts, used = measure("/debug/pprof/heap?gc=1", "vm")
  t.check(used > 0.005, "a collection takes CPU time")
  t.check(parts.collect >= 0.8 * used, ("collect %.4f s of %.4f s"):format(parts.collect, used))
  t.equal(lab:stop(), 0)
end)

t.finish()
