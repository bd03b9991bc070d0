-- SPDX-License-Identifier: MIT
-- needs: processor
-- gperftools' paths, read by its own script: google-pprof.
local t = require "harness"
t.need("google-pprof", "curl", "go")

-- The script's table: rows[name] = { flat =, flat_percent =, cum =, cum_percent = }.
local function google_pprof(lab, path, ...)
  local words = { "google-pprof", "--text", ... }
  words[#words + 1] = lab.url .. path
  local result = t.run("PPROF_TMPDIR=" .. t.quote(t.temp_dir()) .. " " .. t.command(words))
  t.equal(result.code, 0, result.err)
  t.equal(result.err:match("Removing [^\n]*"), nil, "no frame is taken for a signal handler's")
  local rows = { total = tonumber((t.match(result.out, "Total: ([%d.]+)"))) }
  for line in result.out:gmatch("[^\n]+") do
    local flat, flat_percent, cum, cum_percent, name =
      line:match("^%s*([%d.]+)%s+([%d.]+)%%%s+[%d.]+%%%s+([%d.]+)%s+([%d.]+)%%%s+(.+)$")
    if flat then
      rows[name] = {
        flat = tonumber(flat), flat_percent = tonumber(flat_percent),
        cum = tonumber(cum), cum_percent = tonumber(cum_percent),
      }
    end
  end
  return rows
end

t.test("the CPU profile", function()
  local lab = t.start("--step", "4")
  local load = t.spawn(("sh -c 'while curl -sf %s/ -o /dev/null; do :; done'"):format(lab.url))
  local rows = t.enough(function(seconds)
    return google_pprof(lab, "/pprof/profile", "--seconds=" .. seconds)
  end, function(rows) return (rows.total or 0) > 50 end)
  for _, name in ipairs { "main.doSomeBusinessLogic", "export.allocateMemory", "lab.copy_n" } do
    t.check(rows[name], name .. " is in the profile")
    t.check(rows[name].cum_percent > 70, name .. " is in most of the samples")
  end
  t.check(rows["lab_random_read"].cum_percent > 40, "C functions, too")
  load:signal("KILL")
  t.equal(lab:stop(), 0)
end)

-- The script takes an address that is the second one of all stacks for a signal
-- handler's, and takes it out. So one stack has no second address.
t.test("a program that does one thing keeps its stacks", function()
  local lab = t.start("--step", "4")
  local load = t.spawn(("sh -c 'while curl -sf %s/ -o /dev/null; do :; done'"):format(lab.url))
  local words = t.enough(function(seconds)
    return lab:get("/pprof/profile?seconds=" .. seconds).body
  end, function(body) return #body > 1000 end)
  local samples, depth, address = string.unpack("<i8i8i8", words, 5 * 8 + 1)
  t.equal(samples, 0)
  t.equal(depth, 1)
  t.check(address ~= 0, "an address that isn't the end's")
  load:signal("KILL")
  t.equal(lab:stop(), 0)
end)

-- The numbers of the handbook: two thirds for the growth, one for the buffer.
t.test("the heap profile", function()
  local lab = t.start("--step", "4", "--param", "4.rounds=5")
  for _ = 1, 5 do lab:get("/") end
  local rows = google_pprof(lab, "/pprof/heap", "--alloc_space")
  t.near(rows["lab_buffer_grow"].flat_percent, 66.7, 2)
  t.near(rows["export.allocateMemory"].flat_percent, 33.3, 2)
  t.near(rows["export.allocateMemory"].cum_percent, 100, 1)
  -- The same as in the other form.
  local top = t.pprof.top(lab.url .. "/debug/pprof/allocs", "-sample_index=alloc_space")
  t.near(rows.total, top.total / 2 ^ 20, rows.total / 10)
  t.equal(lab:stop(), 0)
end)

t.test("what the script asks besides", function()
  local lab = t.start("--step", "0")
  t.equal(lab:get("/pprof/cmdline").body, t.diaglab .. "\0--listen\000127.0.0.1:0\0--step\0000")
  t.equal(lab:get("/pprof/symbol").body, "num_symbols: 1\n")
  t.equal(lab:get("/pprof/symbol", "-I").status, 200)
  t.equal(lab:post("/pprof/symbol", "0x0+zzz").body, "num_symbols: 1\n")
  t.equal(lab:get("/pprof/profile?seconds=1&hz=x").status, 400)
  t.equal(lab:get("/pprof/nothing").status, 404)
  local answer = lab:get("/pprof/heap")
  t.equal(answer.headers["content-type"], "text/plain; charset=utf-8")
  t.match(answer.body, "^heap profile: %d+: %d+ %[%d+: %d+%] @ heap_v2/524288\n")
  t.match(answer.body, "\nMAPPED_LIBRARIES:\n%x+%-%x+ ")
  answer = lab:get("/pprof/profile?seconds=1&hz=500")
  t.equal(answer.headers["content-type"], "application/octet-stream")
  t.equal(("<I8"):unpack(answer.body, 25), 2000, "microseconds between samples")
  t.equal(lab:stop(), 0)
end)

-- As many numbers as one request has room for: they cost little, and nothing stays.
t.test("addresses that are none", function()
  local lab = t.start("--step", "0")
  local function cpu_seconds()
    return tonumber(t.match(lab:get("/metrics").body, "\nprocess_cpu_seconds_total ([%d.e-]+)"))
  end
  local file, before = t.temp_file(), cpu_seconds()
  for round = 1, 10 do
    local numbers = {}
    for i = 1, 7000 do numbers[i] = 10000000 + 7000 * round + i end
    t.write(file, table.concat(numbers, "+"))
    t.equal(lab:get("/pprof/symbol", "--data-binary", "@" .. file).body, "num_symbols: 1\n")
  end
  t.between(cpu_seconds() - before, 0, 3, "seconds")
  t.equal(lab:stop(), 0)
end)

t.finish()
