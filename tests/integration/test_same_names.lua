-- SPDX-License-Identifier: MIT
-- needs: processor
-- Functions of one name, in one file and in files that a scenario includes: each has
-- its own rows, with its own numbers, in every kind of profile, dump and trace.
local t = require "harness"
local trace = require "trace"
t.need("go", "google-pprof", "curl")

-- Each file has functions of these names. In scenario.lua there are two of each.
local FILE = [[
local function work(units, gate)
  if gate then gate:recv() else lab.spin(units * 0.004) end
end
]]
local SCENARIO = [[
local tax, fee = lab.include "tax", lab.include "fee"
local first = work
local function work(units, gate)
  local run = { function() if gate then gate:recv() else lab.spin(units * 0.004) end end }
  run[1]()
end
local gate = lab.channel()
return {
  enter = function()
    for i, f in ipairs { first, work, tax, fee } do
      for _ = 1, i do lab.go(f, 0, gate) end
    end
  end,
  request = function()
    for i, f in ipairs { first, work, tax, fee } do f(i) end
    return "ok"
  end,
  routes = {
    ["/waits"] = function()
      local now, tasks = lab.channel(), {}
      for i, f in ipairs { first, work, tax, fee } do tasks[i] = lab.go(f, 0, now) end
      lab.sleep(0.01)
      for _ = 1, 4 do now:send(1) end
      for _, task in ipairs(tasks) do task:join() end
      return "ok"
    end,
  },
}]]
-- What each has to do, and how many tasks wait in it.
local UNITS = { ["twins.work"] = 1, ["twins.work#2"] = 2, ["twins.work#2.func1"] = 2, ["twins/tax.work"] = 3,
  ["twins/fee.work"] = 4 }

local function start()
  local dir = t.temp_dir()
  t.run("mkdir " .. dir .. "/90-twins")
  t.write(dir .. "/90-twins/scenario.lua", FILE .. SCENARIO)
  for _, name in ipairs { "tax", "fee" } do
    t.write(("%s/90-twins/%s.lua"):format(dir, name), FILE .. "return work\n")
  end
  return t.start_with({ dir }, "--step", "90")
end

local function has_all(names, in_what)
  for name in pairs(UNITS) do
    if not in_what(names, name) then return false end
  end
  return true
end

local function check_shares(top, what)
  for name, units in pairs(UNITS) do
    local row = t.check(top[name], what .. " has " .. name)
    t.near(row.cum / top["twins.request"].cum, units / 10, 0.05, what .. ": " .. name)
  end
end

for _, kind in ipairs { "profile", "wall" } do
  t.test("rows of go tool pprof: " .. kind, function()
    local lab = start()
    local flags = kind == "wall" and { "-tagfocus=state=running" } or {}
    local file
    local top = t.enough(function(seconds)
      file = lab:fetch_beside(("/debug/pprof/%s?hz=500&seconds=%d"):format(kind, seconds), "/")
      return t.pprof.top(file, table.unpack(flags))
    end, function(top)
      local all = top["twins.request"]
      return all and all.cum > 1 and (pcall(check_shares, top, kind) or not has_all(top, rawget))
    end, 2)
    check_shares(top, kind)
    if kind == "wall" then return t.equal(lab:stop(), 0) end
    -- Each with its own lines, and with its own callers.
    local list = t.pprof.run(file, "-list", "work$")
    t.match(list, "ROUTINE =+ twins/tax%.work in %S+/90%-twins/tax%.lua\n")
    t.match(list, "ROUTINE =+ twins/fee%.work in %S+/90%-twins/fee%.lua\n")
    local peek = t.pprof.run(file, "-peek", "^lab.spin$")
    for name in pairs(UNITS) do
      if name ~= "twins.work#2" then t.has(peek, "|   " .. name .. "\n") end
    end
    -- pprof shortens names in a graph; they differ there, too.
    local graph = t.pprof.run(file, "-dot")
    for _, short in ipairs { [["twins\nwork\n]], [["twins\nwork#2\n]], [["tax\nwork\n]], [["fee\nwork\n]] } do
      t.has(graph, "label=" .. short)
    end
    t.equal(lab:stop(), 0)
  end)
end

t.test("rows of google-pprof", function()
  local lab = start()
  local load = lab:keep_asking("/")
  local text = t.enough(function(seconds)
    local command = "PPROF_TMPDIR=%s google-pprof --text --seconds=%d %s/pprof/profile"
    return t.run(command:format(t.temp_dir(), seconds, lab.url)).out
  end, function(text) return (tonumber(text:match("Total: (%d+)")) or 0) > 200 end, 3)
  for name in pairs(UNITS) do t.has(text, " " .. name .. "\n") end
  load:signal("KILL")
  t.equal(lab:stop(), 0)
end)

t.test("tasks: goroutine profiles, dumps and collapsed stacks", function()
  local lab = start()
  local path = "/debug/pprof/goroutine"
  local top = t.pprof.top(lab.url .. path)
  local text, dump = lab:get(path .. "?debug=1").body, lab:get(path .. "?debug=2").body
  local folded = lab:get(path .. "?debug=collapsed").body
  for name, n in pairs(UNITS) do
    local plain = name:gsub("%p", "%%%0")
    t.equal(top[name] and top[name].cum, n, name)
    t.match(text, "\n" .. n .. " @[^\n]*\n[^@]*\t" .. plain .. "%+")
    t.equal(select(2, dump:gsub("\n" .. plain .. "%(%.%.%.%)", "")), n, name)
    t.match(folded, plain .. ";[^\n]* " .. n .. "\n")
  end
  t.equal(lab:stop(), 0)
end)

t.test("traces", function()
  local lab = start()
  local of = t.enough(function(seconds)
    return trace.profile(lab:fetch_beside("/debug/pprof/trace?seconds=" .. seconds, "/waits"), "sync")
  end, function(of) return of("twins.work") > 0 end)
  for name in pairs(UNITS) do t.check(of(name) > 0, name .. " waits") end
  t.equal(lab:stop(), 0)
end)

t.finish()
