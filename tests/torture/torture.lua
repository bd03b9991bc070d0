-- SPDX-License-Identifier: MIT
-- Runs unit tests again and again, each time with another allocation refused,
-- and looks at how they end. refuse.c does the refusing.
--
-- A run may end well: the test passes, or one of its expectations fails (the
-- code under test has reported the error), or the program says that its memory
-- is out (base/alloc.h) and aborts. Everything else is a fault of the code: a
-- crash, a hang, a failed LAB_ASSERT, a report of a sanitizer.
local HELP = [[
Usage: lua5.4 tests/torture/torture.lua [OPTIONS] [PROGRAM...]

Refuses the Nth allocation of each PROGRAM, for many N. PROGRAM is a unit test
in the build's folder tests/; by default all of them.

  --build DIR    the build (default: build/release)
  --all          every N. Of a program with more than 1,000 allocations, the
                 first N of each stack trace that allocates
  --every        every N, also of those; this takes days
  --sample K     K of these N for each program (default: 4)
  --seed S       choose another sample (default: 1)
  --first F      end each run at its Fth allocation or after 0.15 s of CPU time,
                 so N is at most F (default: %d; no limit with --all, --every
                 or --run)
  --run N        only the Nth allocation, or N+ for the Nth and the one after
  --jobs J       runs at the same time (default: 1)
  --timeout S    seconds of CPU time that a run may take (default: 5 times what
                 the program needs, 30 at least); waiting may take 3 times that
  --verbose      tell how each run ended
  --selftest     prove that each kind of fault is found, with planted ones
  --help         this text

Exit status: 0 if all runs ended well, 1 if one did not, 2 for a wrong option.]]

local FIRST = 1000 -- keeps the default run short
local EVERY_MAX = 1000 -- allocations of a program of which each is refused

local options = { build = "build/release", sample = 4, seed = 1, jobs = 1 }
local programs = {}
local dir -- of temporary files

-- ---- small helpers --------------------------------------------------------------

local function quote(s)
  return "'" .. s:gsub("'", "'\\''") .. "'"
end

local function read_file(path)
  local f = io.open(path, "rb")
  local text = f and f:read("a") or ""
  if f then
    f:close()
  end
  return text
end

local function read_command(command)
  local f = assert(io.popen(command))
  local text = f:read("a")
  f:close()
  return text
end

-- Seconds, of a clock that only goes forward.
local function read_clock()
  return tonumber(read_file("/proc/uptime"):match("^%S+"))
end

local on_terminal = os.execute("test -t 2")

local function show_progress(format, ...)
  if on_terminal then
    io.stderr:write("\r\27[K", (format:format(...):sub(1, 79)))
  end
end

-- ---- one run --------------------------------------------------------------------

-- What a reader types to repeat a run.
local function write_recipe(program, which)
  return ("LAB_REFUSE=%s CMOCKA_TEST_ABORT=1 %s"):format(which, program)
end

-- Starts PROGRAM without waiting for it. WHICH: "0", "7" or "7+".
local serial = 0
local function start_run(program, which, limits, settings)
  serial = serial + 1
  local base = ("%s/%d"):format(dir, serial)
  local run = { program = program, which = which, base = base, limits = limits, settings = settings }
  local command = ([[
    exec 2>/dev/null; : >%s.report; ulimit -c 0; ulimit -S -t %d
    env %s LAB_REFUSE_TO=%s.report %s timeout -s KILL %d %s >%s.out 2>&1 </dev/null
    echo $?]]):format(base, limits.cpu, settings or "",
    base, write_recipe("", which), limits.wall, quote(program), base)
  run.handle = assert(io.popen(command))
  return run
end

-- Waits for RUN: its status as a shell has it, output, and report.
local function finish_run(run)
  run.status = tonumber(run.handle:read("a"))
  run.handle:close()
  run.output = read_file(run.base .. ".out")
  local report = read_file(run.base .. ".report")
  run.made = tonumber(report:match("made (%d+)"))
  run.stopped = report:find("stopped", 1, true)
  run.aborted_by = report:match("aborted ([^\n]*)")
  run.refused = report:match("refused %d+ (%d+)")
  run.frames = report:match("refused %d+ %d+ at([^\n]*)")
  os.remove(run.base .. ".out")
  os.remove(run.base .. ".report")
  return run
end

-- ---- how it ended -----------------------------------------------------------------

local SIGNALS = { [132] = "SIGILL", [134] = "SIGABRT", [135] = "SIGBUS", [136] = "SIGFPE", [139] = "SIGSEGV" }

-- Traces of a fault in what a program prints, and the name of the fault.
local FAULTS = {
  { "ERROR: LeakSanitizer", "it leaks memory" },
  { "ERROR: AddressSanitizer", "AddressSanitizer found an error" },
  { "WARNING: ThreadSanitizer", "ThreadSanitizer found a race" },
  { ": runtime error: ", "UndefinedBehaviorSanitizer found an error" },
  { "Test failed with exception", "it crashed" },
  { ": this must hold: ", "a LAB_ASSERT failed" },
  { "Lua panic", "Lua had no protected call to return to" },
}

-- The lab's own words, and those of a plain Lua state in a test.
local function says_memory_is_out(output)
  return output:find("diaglab: out of memory: ", 1, true)
    or output:find("PANIC: unprotected error in call to Lua API (not enough memory)", 1, true)
end

-- The functions under which the allocation was refused, innermost first, each with
-- its place.
local function read_frames(run)
  local frames = {}
  if not run.frames or run.frames == "" then return frames end
  local lines = read_command(("addr2line -fse %s %s 2>/dev/null"):format(quote(run.program), run.frames))
  for name, place in lines:gmatch("([^\n]+)\n([^\n]+)\n") do
    if not place:find("^refuse%.c") then frames[#frames + 1] = { name, place } end
  end
  return frames
end

-- libuv aborts, and says nothing, where it can't make its own lists longer.
local function is_libuvs_own(run)
  local frames = read_frames(run)
  return frames[1] ~= nil and frames[1][1]:find("^uv__") ~= nil
end

-- How RUN ended well: "passed", "failed" (an expectation), "memory" (it ended
-- for want of memory); or nil and what is wrong.
local function judge_run(run)
  for _, fault in ipairs(FAULTS) do
    if run.output:find(fault[1], 1, true) then
      return nil, fault[2]
    end
  end
  if run.status == 0 then
    return "passed"
  elseif run.status == 137 then
    return nil, ("it hangs: no end after %d seconds"):format(run.limits.wall)
  elseif run.status == 152 then
    return nil, ("it hangs: no end after %d seconds of CPU time"):format(run.limits.cpu)
  elseif (run.status == 134 or run.status == 3) and says_memory_is_out(run.output) then
    return "memory"
  elseif run.status == 134 and run.aborted_by and run.aborted_by:find("libcmocka", 1, true) then
    return "failed"
  elseif run.status == 134 and is_libuvs_own(run) then
    return "memory"
  elseif run.status > 0 and run.status < 99 then
    return "failed"
  end
  return nil, ("it ended with %s"):format(SIGNALS[run.status] or "status " .. run.status)
end

-- ---- reports ----------------------------------------------------------------------

local function print_tail(text, lines)
  local all = {}
  for line in text:gmatch("[^\n]+") do
    all[#all + 1] = line
  end
  for i = math.max(1, #all - lines + 1), #all do
    print("    | " .. all[i]:sub(1, 160))
  end
end

local function print_place(run)
  for _, frame in ipairs(read_frames(run)) do print(("    %s (%s)"):format(frame[1], frame[2])) end
end

local function print_fault(run, total, what)
  show_progress("")
  local name = run.program:match("[^/]+$")
  print(("%s: allocation %s of %s: %s"):format(name, run.which, total, what))
  print(("  It asked for %s bytes here:"):format(run.refused or "?"))
  print_place(run)
  print("  The end of its output:")
  print_tail(run.output, 25)
  print("  To see it again: " .. write_recipe(run.program, run.which))
end

-- ---- one program --------------------------------------------------------------------

-- With --first a program isn't followed any further.
local function write_stop()
  return options.first and "LAB_REFUSE_CPU=150 LAB_REFUSE_STOP=" .. options.first or ""
end

-- Runs PROGRAM without a refusal: how much it allocates and how long it takes. The
-- stacks, which cost time, are wanted only where not each allocation may be refused.
local function survey_program(program)
  local stacks = dir .. "/stacks"
  local settings = write_stop()
  if not options.first or options.first > EVERY_MAX then
    settings = "LAB_REFUSE_STACKS=" .. stacks .. " " .. settings
  end
  local began = read_clock()
  local limits = { cpu = options.timeout or 600, wall = 3 * (options.timeout or 600) }
  local run = finish_run(start_run(program, "0", limits, settings))
  local known = { first_of_stack = {}, made = run.made, stopped = run.stopped, took = read_clock() - began }
  for n in read_file(stacks):gmatch("%d+") do
    known.first_of_stack[#known.first_of_stack + 1] = tonumber(n)
  end
  os.remove(stacks)
  if run.status ~= 0 or not run.made then
    print_fault(run, "none", "fails even if no allocation does")
    return nil
  end
  return known
end

-- The numbers to refuse, in ascending order.
local function choose_numbers(program, known)
  local numbers = {}
  if options.every or known.made <= EVERY_MAX then
    for n = 1, known.made do
      numbers[n] = n
    end
  else
    numbers = known.first_of_stack
  end
  if options.all or options.every or #numbers <= options.sample then
    return numbers
  end
  local salt = 0
  for byte in program:match("[^/]+$"):gmatch(".") do
    salt = (salt * 31 + byte:byte()) % 2147483647
  end
  math.randomseed(options.seed, salt)
  for i = 1, options.sample do
    local j = math.random(i, #numbers)
    numbers[i], numbers[j] = numbers[j], numbers[i]
  end
  numbers = table.move(numbers, 1, options.sample, 1, {})
  table.sort(numbers)
  return numbers
end

-- ---- all of them --------------------------------------------------------------------

local tally = { runs = 0, passed = 0, failed = 0, memory = 0, faults = 0, unreached = 0 }

-- A hang on a busy machine may be none: it gets a second chance, alone.
local function retry_hang(run)
  local limits = { cpu = run.limits.cpu, wall = 2 * run.limits.wall }
  return finish_run(start_run(run.program, run.which, limits, run.settings))
end

-- Returns "memory", "passed", ... as judge_run, or nil.
local function account_run(run, total)
  if run.status == 137 and not options.timeout then
    run = retry_hang(run)
  end
  local ending, fault = judge_run(run)
  tally.runs = tally.runs + 1
  if not ending then
    tally.faults = tally.faults + 1
    print_fault(run, total, fault)
    return nil
  end
  if not run.refused then
    ending = "unreached"
  end
  tally[ending] = tally[ending] + 1
  if options.verbose then
    print(("%s: allocation %s of %s: %s"):format(run.program:match("[^/]+$"), run.which, total, ending))
  end
  return ending
end

-- Where one refusal was got over, two may not be: Lua asks twice.
local function torture_program(program, at)
  local known = survey_program(program)
  if not known then
    tally.faults = tally.faults + 1
    return
  end
  local cpu = options.timeout or math.max(30, math.ceil(5 * known.took))
  local limits = { cpu = cpu, wall = 3 * cpu }
  local total = known.made .. (known.stopped and " or more" or "")
  local queue, running = {}, {}
  for i, n in ipairs(options.run and { options.run } or choose_numbers(program, known)) do
    queue[i] = tostring(n)
  end
  local next = 1
  while next <= #queue or #running > 0 do
    while next <= #queue and #running < options.jobs do
      show_progress("%s (%d of %d): allocation %s of %s", program:match("[^/]+$"), at, #programs, queue[next], total)
      running[#running + 1] = start_run(program, queue[next], limits, write_stop())
      next = next + 1
    end
    local run = finish_run(table.remove(running, 1))
    local ending = account_run(run, total)
    if (ending == "passed" or ending == "failed") and not options.run and not run.which:find("+", 1, true) then
      queue[#queue + 1] = run.which .. "+"
    end
  end
end

local function torture_all()
  for at, program in ipairs(programs) do
    torture_program(program, at)
  end
  show_progress("")
  print(("%d runs of %d programs (seed %s): %d passed, %d failed an expectation, %d ended for want of memory,"):format(
    tally.runs, #programs, (options.all or options.every) and "unused" or options.seed,
    tally.passed, tally.failed, tally.memory))
  print(("%d made fewer allocations than before, %d at fault"):format(tally.unreached, tally.faults))
  return tally.faults == 0
end

-- ---- planted faults -------------------------------------------------------------------

-- What planted.c does, what is to be said of it (false: nothing), and what
-- instead where sanitizers are on.
local UNDEFINED = "UndefinedBehaviorSanitizer found an error"
local PLANTED = {
  { "clean", false },
  { "memory", false },
  { "expectation", false },
  { "long_expectation", false },
  { "dereference", "it crashed", UNDEFINED },
  { "dereference_bare", "it ended with SIGSEGV", UNDEFINED },
  { "abort", "it ended with SIGABRT" },
  { "assertion", "a LAB_ASSERT failed" },
  { "spin", "of CPU time" },
  { "sleep", "it hangs: no end after" },
  { "leak", nil, "it leaks memory" },
  { "reuse", nil, "AddressSanitizer found an error" },
}

local function check_planted(what, expected)
  local program = ("%s/tests/planted_%s"):format(options.build, what)
  local known = assert(survey_program(program), "a planted program fails without a refusal")
  local limits = { cpu = 20, wall = 60 }
  if what == "spin" then
    limits.cpu = 1
  elseif what == "sleep" then
    limits.wall = 2
  end
  local n, fault, refused, _ = 0
  while n < known.made and not fault do
    n = n + 1
    local run = finish_run(start_run(program, tostring(n), limits))
    _, fault = judge_run(run)
    refused = refused or run.refused
  end
  local right = refused and (not expected and not fault
    or expected and fault and fault:find(expected, 1, true))
  print(("planted_%s: %s at %d of %d: %s")
    :format(what, fault or "no fault", n, known.made, right and "right" or "WRONG"))
  return right
end

local function check_all_planted()
  local sanitized = read_command(("nm %s/tests/planted_clean"):format(quote(options.build))):find("__asan_init")
  local right = true
  for _, case in ipairs(PLANTED) do
    local expected = case[2]
    if sanitized and case[3] then
      expected = case[3]
    end
    if expected ~= nil then
      right = check_planted(case[1], expected) and right
    end
  end
  return right
end

-- ---- options ----------------------------------------------------------------------------

local function fail_usage(format, ...)
  io.stderr:write("torture.lua: ", format:format(...), "; --help tells what there is\n")
  os.exit(2)
end

local FLAGS = { all = true, every = true, verbose = true, selftest = true, help = true }
local NUMBERS = { sample = true, seed = true, first = true, jobs = true, timeout = true }
local TEXTS = { build = true, run = true }

local function read_options()
  local i = 1
  while arg[i] do
    local name = arg[i]:match("^%-%-(%a+)$")
    if FLAGS[name] then
      options[name] = true
    elseif NUMBERS[name] or TEXTS[name] then
      i = i + 1
      local value = arg[i] or fail_usage("--%s needs a value", name)
      options[name] = TEXTS[name] and value or math.tointeger(tonumber(value))
        or fail_usage("--%s needs a number, not %s", name, value)
    elseif arg[i]:find("^%-") then
      fail_usage("there is no option %s", arg[i])
    else
      programs[#programs + 1] = arg[i]
    end
    i = i + 1
  end
  if options.run and not options.run:find("^[1-9]%d*%+?$") then
    fail_usage("--run needs N or N+, not %s", options.run)
  end
  if not (options.all or options.every or options.run or options.first) then
    options.first = FIRST
  end
end

local function find_programs()
  if #programs > 0 then
    return
  end
  local list = read_command(("ls -d %s/tests/test_*"):format(quote(options.build)))
  for path in list:gmatch("[^\n]+") do
    if not path:find("%.%w+$") then
      programs[#programs + 1] = path
    end
  end
  if #programs == 0 then
    fail_usage("there are no unit tests in %s/tests", options.build)
  end
end

read_options()
if options.help then
  print(HELP:format(FIRST))
  os.exit(0)
end
dir = read_command("mktemp -d"):match("[^\n]+")
local well
if options.selftest then
  well = check_all_planted()
else
  find_programs()
  well = torture_all()
end
os.execute("rm -rf " .. quote(dir))
os.exit(well and 0 or 1)
