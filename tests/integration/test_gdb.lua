-- SPDX-License-Identifier: MIT
-- gdb's commands `lab ...` tell the truth about tasks whose places are known,
-- in a running process and in core files.
local t = require "harness"
t.need("curl", "gdb")

if not t.run("gdb --batch -ex 'python print(1 + 1)'").out:find("2") then
  t.skip("this gdb has no Python")
end

-- The lines are counted on below.
local SCENARIO = [[
local function wait(n)
  if n > 0 then
    return (wait(n - 1))
  end
  lab.sleep(1000)
end

local function keeper() wait(2) end

return {
  enter = function()
    for _ = 1, 3 do
      lab.go(keeper)
    end
    lab.go(function(a, b)
      return a, b, lab.sleep(1000)
    end, 1, 2)
  end,
  request = function()
    lab.burn(100)
  end,
  routes = {
    ["/spin"] = function()
      table.sort({ 2, 1 }, function(a, b)
        lab.spin(100)
        return a < b
      end)
    end,
  },
}
]]

-- The lab in step 50: tasks 2 to 5 sleep; 6 is on a worker, 7 spins in the VM.
local function start()
  local dir = t.temp_dir()
  t.run("mkdir " .. dir .. "/50-known")
  t.write(dir .. "/50-known/scenario.lua", SCENARIO)
  local lab = t.start_with({ dir, t.source .. "/scenarios" }, "--step", "50")
  lab.dir = dir
  for _, request in ipairs { { "/", "worker-" }, { "/spin", "vm" } } do
    t.spawn(("curl -s -o /dev/null %s%s"):format(lab.url, request[1]))
    lab:work(request[2], 0.05) -- it is at work there
  end
  return lab
end

-- What gdb prints for COMMANDS on TARGET (-p PID, or a core file).
local function gdb(target, ...)
  local words = { "gdb", "-q", "--batch", "-iex", "add-auto-load-safe-path " .. t.diaglab:match("^.*/"),
    "-ex", "set pagination off" }
  for _, command in ipairs { ... } do
    words[#words + 1] = "-ex"
    words[#words + 1] = "echo \\n"
    words[#words + 1] = "-ex"
    words[#words + 1] = command
  end
  return t.run(t.command(words) .. " " .. t.quote(t.diaglab) .. " " .. target).out
end

local function check_tasks(text)
  local sleeping = {}
  for id, entry, line in text:gmatch("\n%s*(%d+)  sleep +%d+  (%S+) +%S+/50%-known/scenario%.lua:(%d+)") do
    sleeping[#sleeping + 1] = ("%s %s %s"):format(id, entry, line)
  end
  t.equal(table.concat(sleeping, ", "), "2 known.keeper 5, 3 known.keeper 5, 4 known.keeper 5, "
    .. "5 known.enter.func1 16")
  t.match(text, "\n%s*6  syscall +%d+  main%.helloWorldHandler +%S+/scenario%.lua:20\n")
  t.match(text, "\n%s*7  running +%d+  main%.routeHandler +%S+/scenario%.lua:25\n")
  t.has(text, "\n6 tasks\n")
end

-- The Lua stack in TEXT, "function:line" each.
local function lua_stack(text)
  local levels = {}
  for line in text:gmatch("[^\n]+") do
    local name, place = line:match("^#%d+ +(%S+) *(%S*)$")
    if name then levels[#levels + 1] = name .. (place:match(":%d+$") or "") end
  end
  return table.concat(levels, " ")
end

local function stack_of(text, id)
  local part = text:match("\ntask " .. id .. " (.-)\n\n") .. "\n"
  return lua_stack(part), part
end

local KEEPER = "lab.sleep known.wait:5 known.wait:3 known.wait:3 known.keeper:8"

-- TEXT: of lab step, lab tasks, lab bt all, lab threads.
local function check(text)
  t.has(text, "\nstep 50 known, 6 tasks, 5 waiting\n")
  check_tasks(text)
  for id = 2, 4 do
    local stack, part = stack_of(text, id)
    t.equal(stack, KEEPER, "task " .. id)
    t.match(part, "created by known%.enter in task 1 +%S+/scenario%.lua:13\n")
  end
  t.equal(stack_of(text, 5), "lab.sleep known.enter.func1:16")
  local burning = text:match("\ntask 6 %[syscall[^%]]*%]:\n(.-)\n\n")
  t.match(burning, "#0 +lab%.burn *\n#1 +known%.request +%S+:20\n#2 +main%.doSomeBusinessLogic +%S+/lua/main%.lua:%d+\n"
    .. "#3 +main%.helloWorldHandler ")
  t.match(burning, "native stack, thread %d+ %(LWP %d+%):\n.* lab_burn .* lab_worker_run ")
  local spinning = text:match("\ntask 7 %[running[^%]]*%]:\n(.-)\n\n")
  t.match(spinning, "#0 +lab%.spin *\n#1 +known%.routes%S+ +%S+:25\n#2 +table%.sort *\n#3 +known%.routes%S+ +%S+:24\n"
    .. "#4 +main%.routeHandler ")
  t.match(spinning, "native stack, thread %d+ %(LWP %d+%):\n.* lab_spin .* lab_sched_run ")
  for _, name in ipairs { "control", "log", "vm", "worker%-1", "worker%-2" } do
    t.match(text, "\n +%d+ +LWP %d+ +" .. name .. "\n")
  end
end

local ALL = { "lab step", "lab tasks", "lab bt all", "lab threads" }

-- gdb must be allowed to look into a process that is not its child: the first
-- test finds out.
local may_attach

t.test("in a running process, which goes on", function()
  local lab = start()
  local commands = table.move({ "echo --\\n", "lab bt 3", "echo --\\n", "lab bt", "echo --\\n", "lab tasks 2" }, 1, 6,
    #ALL + 1, { table.unpack(ALL) })
  local out = gdb("-p " .. lab.pid, table.unpack(commands))
  may_attach = not out:find("there is no process", 1, true)
  if not may_attach then return end
  local text, one, current, few = t.match(out, "^(.-)\n%-%-\n(.-)\n%-%-\n(.-)\n%-%-\n(.*)$")
  check(text)
  t.match(one, "\ntask 3 %[sleep[^%]]*%]:\n")
  t.match(current, "\ntask 7 %[running[^%]]*%]:\n")
  t.match(few, "\n%.%.%. 4 more: lab tasks all\n6 tasks\n")
  t.equal(lab:go_to(0).body, "switched to step 0")
  t.equal(lab:get("/").body, "hello world")
  t.equal(lab:stop(), 0)
end)

t.test("in gcore's core file", function()
  if t.is_sanitized() or not t.have("gcore") or not may_attach then return end
  local lab = start()
  local made = t.run(("ulimit -f 4000000; gcore -o %s/core %d"):format(lab.dir, lab.pid))
  t.equal(made.code, 0, made.err)
  check(gdb(("%s/core.%d"):format(lab.dir, lab.pid), table.unpack(ALL)))
end)

t.test("without a process there is a sentence, no traceback", function()
  local text = t.run(t.command { "gdb", "-q", "--batch", "-iex",
    "add-auto-load-safe-path " .. t.diaglab:match("^.*/"), "-ex", "lab tasks", t.diaglab })
  t.has(text.out .. text.err, "the lab has not started, or it has ended")
  t.check(not (text.out .. text.err):find("Traceback"))
end)

-- The handbook's two lines.
t.test("a lab that is installed outside /usr", function()
  local prefix = t.temp_dir() .. "/prefix"
  local made = t.run(t.command { "cmake", "--install", t.diaglab:match("^(.*)/"), "--prefix", prefix })
  t.equal(made.code, 0, made.err)
  local scripts = prefix .. "/share/gdb/auto-load"
  local text = t.run("cd / && " .. t.command { "gdb", "-q", "--batch",
    "-iex", "add-auto-load-scripts-directory " .. scripts, "-iex", "add-auto-load-safe-path " .. scripts,
    "-ex", "help lab", prefix .. "/bin/diaglab" })
  t.has(text.out, "lab tasks --")
end)

t.test("the C sources are found from any folder", function()
  local text = t.run("cd / && " .. t.command { "gdb", "-q", "--batch", "-iex",
    "add-auto-load-safe-path " .. t.diaglab:match("^.*/"), "-ex", "list lab_unwind_init", t.diaglab })
  t.has(text.out, "int lab_unwind_init(void) {")
end)

t.finish()
