-- SPDX-License-Identifier: MIT
-- All numbers of what the application does have one basis: since the step was
-- entered. With since=start it is the process's life. What is kept as evidence has the
-- first one, whatever was asked for.
local t = require "harness"
t.need("go", "curl")

local scenarios = { t.source .. "/tests/integration/scenarios", t.source .. "/scenarios" }

local function ask(lab, path)
  local answer = lab:get(path)
  t.equal(answer.status, 200, path .. ": " .. answer.body)
  return answer.body
end

-- sample['name{labels}'] = number; of the text of /metrics or of a capture of it.
local function samples(text)
  local all = {}
  for key, value in text:gmatch("\n([^#\n]%S*.-) (%S+)%f[\n]") do all[key] = tonumber(value) end
  return all
end

local function metrics(lab, query) return samples("\n" .. ask(lab, "/metrics" .. (query or ""))) end
local function var(lab, name, query)
  return tonumber(ask(lab, "/debug/vars" .. (query or "")):match('"' .. name .. '": ([%d.e+]+)'))
end

local ANSWERED = 'diaglab_requests_total{step="%d",code="2xx"}'
local TOOK = 'diaglab_request_duration_seconds_count{step="%d"}'

t.test("counters and requests can be divided by one another", function()
  local lab = t.start_with(scenarios, "--step", "42")
  for _ = 1, 10 do ask(lab, "/") end
  local s = metrics(lab)
  t.equal(s.basis_orders_total / s[ANSWERED:format(42)], 2)
  t.equal(s[ANSWERED:format(42)], 10)
  t.equal(s[TOOK:format(42)], 10)
  t.equal(s.basis_entered_total, 0, "what enter does is no request's")
  t.equal(s.basis_level, 5, "a gauge is what it is")
  t.equal(var(lab, "basis_orders"), 20)
  t.equal(var(lab, "basis_entered"), 0)
  t.equal(var(lab, "basis_level"), 5)
  local whole = metrics(lab, "?since=start")
  t.equal(whole.basis_orders_total, 1120)
  t.equal(whole.basis_entered_total, 7)
  t.equal(whole.basis_level, 5)
  t.equal(whole[ANSWERED:format(42)], 10)
  t.equal(var(lab, "basis_orders", "?since=start"), 1120)
  t.equal(metrics(lab, "?since=step").basis_orders_total, 20)
  t.equal(metrics(lab, "?since=").basis_orders_total, 20)
  -- Names are the same in both.
  for name in pairs(s) do t.check(whole[name], name) end
  for name in pairs(whole) do t.check(s[name], name) end
  t.equal(lab:stop(), 0)
end)

t.test("a visit begins anew; a step that was left keeps what it had", function()
  local lab = t.start_with(scenarios, "--step", "42")
  for _ = 1, 4 do ask(lab, "/") end
  t.equal(lab:go_to(0).status, 200)
  ask(lab, "/")
  local s = metrics(lab)
  t.equal(s[ANSWERED:format(42)], 4)
  t.equal(s[ANSWERED:format(0)], 1)
  t.equal(lab:go_to(42).status, 200)
  s = metrics(lab)
  t.equal(s[ANSWERED:format(42)] or 0, 0, "before its first request, too")
  t.equal(s[TOOK:format(42)], 0)
  t.equal(s.basis_orders_total, 0)
  t.equal(s[ANSWERED:format(0)], 1, "of another step")
  for _ = 1, 3 do ask(lab, "/") end
  s = metrics(lab)
  t.equal(s[ANSWERED:format(42)], 3)
  t.equal(s[TOOK:format(42)], 3)
  t.equal(s.basis_orders_total, 6)
  local whole = metrics(lab, "?since=start")
  t.equal(whole[ANSWERED:format(42)], 7)
  t.equal(whole[TOOK:format(42)], 7)
  t.equal(whole[ANSWERED:format(0)], 1)
  t.equal(whole.basis_orders_total, 1106, "counters end with their step")
  -- A step that can't be entered, and a wrong parameter, change nothing or begin step 0 anew.
  t.equal(lab:go_to("42&nothing=1").status, 400)
  t.equal(metrics(lab)[ANSWERED:format(42)], 3)
  t.equal(lab:stop(), 0)
end)

t.test("a request counts in the visit that has served it", function()
  local lab = t.start_with(scenarios, "--step", "42")
  local slow = t.spawn(t.command { "curl", "-s", "-o", "/dev/null", lab.url .. "/slow" })
  lab:wait_tasks("sleep", 1)
  t.equal(lab:go_to(42).status, 200)
  ask(lab, "/")
  t.equal(slow:wait(), 0)
  local s
  t.eventually(function()
    local whole = metrics(lab, "?since=start")
    s = metrics(lab)
    return (whole[ANSWERED:format(42)] or 0) + (whole[('diaglab_requests_total{step="42",code="5xx"}')] or 0) == 2
  end)
  t.equal(s[ANSWERED:format(42)], 1)
  t.equal(s.basis_orders_total, 2, "nor do its counters")
  t.equal(lab:stop(), 0)
end)

t.test("only words that are known", function()
  local lab = t.start_with(scenarios, "--step", "42")
  for _, path in ipairs { "/metrics", "/debug/vars" } do
    for _, since in ipairs { "yesterday", "0", "start%00", "startstartstart" } do
      local answer = lab:get(path .. "?since=" .. since)
      t.equal(answer.status, 400, path .. since)
      t.equal(answer.body, 'invalid value for "since" - must be "step" or "start"\n')
    end
    t.equal(lab:get(path, "-d", "since=start").status, 200)
  end
  t.equal(lab:stop(), 0)
end)

-- ---- captures --------------------------------------------------------------------

local function captures(lab)
  local list = {}
  for id, kind in ask(lab, "/lab/captures?format=json"):gmatch('"id": "(c%d+)", "kind": "([^"]+)"') do
    list[#list + 1] = { id = id, kind = kind, bytes = lab:get("/lab/captures?id=" .. id).body }
  end
  return list
end

t.test("what is kept has the basis of what is judged", function()
  local lab = t.start_with(scenarios, "--step", "42", "--memprofile-rate", "1")
  ask(lab, "/") ask(lab, "/allocate")
  t.equal(lab:go_to(42).status, 200)
  for _ = 1, 3 do ask(lab, "/") end
  ask(lab, "/allocate")
  ask(lab, "/metrics?since=start")
  ask(lab, "/debug/vars?since=start")
  ask(lab, "/debug/pprof/allocs?since=start")
  ask(lab, "/debug/pprof/allocs?since=start&debug=1")
  ask(lab, "/debug/pprof/goroutine?since=start")
  local list = t.eventually(function()
    local all = captures(lab)
    return #all == 5 and all
  end)
  local of = {}
  for _, c in ipairs(list) do of[c.kind] = of[c.kind] or c.bytes end
  local s = samples("\n" .. of.metrics)
  t.equal(s.basis_orders_total, 6)
  t.equal(s[ANSWERED:format(42)], 4)
  t.equal(tonumber(of.vars:match('"basis_orders": (%d+)')), 6)
  -- One buffer in this visit, two in both.
  local function buffers(bytes)
    local file = t.temp_dir() .. "/profile"
    t.write(file, bytes)
    local n = 0
    for _, sample in ipairs(t.pprof.raw(file).samples) do
      if sample.values[2] == sample.values[1] * 5000000 then n = n + sample.values[1] end
    end
    return n
  end
  t.equal(buffers(lab:get("/debug/pprof/allocs?since=start").body), 2)
  for _, c in ipairs(list) do
    if c.kind == "allocs" then t.equal(buffers(c.bytes), 1, c.id) end
  end
  t.equal(lab:stop(), 0)
end)

t.finish()
