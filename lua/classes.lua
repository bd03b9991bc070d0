-- SPDX-License-Identifier: MIT
-- The vocabulary: what can be wrong with a program, in words that lessons and
-- answers share. It is closed, so that an answer can be compared; a word that is
-- not in it is told with the nearest ones.
--
-- classes.lua(wrap) -> classes     without wrap.lua's result there is no text
-- classes.list: { { name, meaning, how it shows } ... } in the order of the families
-- classes.known: name -> true; classes.family(name) -> "wait" for "wait.lock"
-- classes.text([list]) -> for a terminal; classes.objects([list]) -> { { class,
--   meaning, shows } }

local wrap = ...
local classes = {}

classes.list = {
  { "cpu.hot", "one function computes more than it should",
    "CPU profile: most samples are under it, in every request" },
  { "cpu.quadratic", "the work grows with the square of the input",
    "twice the input, four times the CPU time; copying or searching leads the profile" },
  { "cpu.backtrack", "a pattern tries all ways to match before it gives up",
    "one input takes nearly all CPU time, in a function that matches patterns" },
  { "cpu.syscall", "the time goes into the kernel, in too many or too dear calls",
    "system time in /metrics, system calls as leaves of the CPU profile; strace -c. Or that of many children: \z
    diaglab_children_started_total in /metrics; strace -f" },
  { "memory.retained", "memory that is no longer needed is kept, more with every request",
    "heap inuse_space grows with the requests and doesn't shrink after a collection" },
  { "memory.churn", "much is allocated, and freed at once",
    "heap alloc_space per request is large while inuse_space stays small" },
  { "memory.pinned", "something small that is still needed keeps something large alive that isn't",
    "inuse_space has few large blocks; who holds them is elsewhere than who made them" },
  { "memory.fragmented", "what is in use lies scattered, and the freed memory between can't be given back",
    "RSS and HeapInuse stay high while HeapAlloc and inuse_space are small, also after a collection" },
  { "memory.faults", "fresh pages are touched again and again",
    "minor page faults with every request, in /metrics or by ps -o min_flt; system time" },
  { "gc.pressure", "the collector works because so much garbage is made",
    "[lua gc] has a large share of the CPU profile; NumGC grows with the requests" },
  { "wait.lock", "others wait because somebody holds a lock for long",
    "mutex profile: who held it; block profile: who waited" },
  { "wait.convoy", "many queue at a lock that each holds only briefly",
    "many contentions with short holding times; throughput doesn't grow with clients" },
  { "wait.deadlock", "tasks wait for each other, for ever",
    "goroutine?debug=2: waiters and the holders of their locks form a circle" },
  { "wait.channel", "a task waits for a message that nobody sends, or sends what nobody receives",
    "goroutine profile: chan send or chan receive, for long" },
  { "wait.dependency", "the answer of something else is waited for, too long or too often",
    "wall profile: IO wait under one caller; calls per request" },
  { "wait.pool", "all members of a pool are taken, and some don't come back",
    "wall, block and goroutine profile: pool wait, or waiting where a pool gives; it grows, and doesn't recover" },
  { "wait.loop", "one piece of work keeps everybody else from running",
    "tasks that are runnable and don't run; every route is slow meanwhile" },
  { "leak.task", "tasks are started and never end",
    "goroutine profile: one stack more with every request" },
  { "leak.timer", "timers are started and never stopped",
    "goroutine profile: sleeping tasks of one creator; work while nobody asks" },
  { "leak.file", "files are opened and not closed",
    "lab.OpenFiles; process_open_fds grows; lsof" },
  { "leak.socket", "connections are opened and not closed",
    "lab.OpenFiles; lsof shows sockets, often in CLOSE_WAIT" },
  { "leak.child", "child processes are started and never waited for",
    "ps shows more children with every request, perhaps as zombies" },
  { "io.tiny", "reading or writing is done in tiny pieces",
    "many system calls for few bytes; strace -c" },
  { "io.sync", "each write waits until the disk has it",
    "fsync leads the CPU, wall or system call profile" },
  { "io.log", "writing the log is the work",
    "formatting and writing log lines lead the CPU profile; the log grows by megabytes" },
  { "net.nagle", "small packets wait for an acknowledgement",
    "about 40 ms per exchange with nothing to do; tcpdump, strace -r" },
  { "net.idle", "connections that nobody uses stay open",
    "lsof: ESTABLISHED connections without traffic" },
  { "net.retry", "failed calls are repeated without a pause, which makes more of them fail",
    "calls per request rise with the load; most answers are errors" },
  { "tail.slow_path", "few requests are much slower than all others",
    "p99 is many times p50; a label or the slow requests' profile says which" },
  { "none", "all is well, so no function is named", "what looks like a fault is explained by what was asked for" },
}

classes.known = {} -- name -> its place in the list
for i, class in ipairs(classes.list) do classes.known[class[1]] = i end

-- "wait.lock" -> "wait"
function classes.family(name) return name:match("^(%a+)") end

-- The classes of which WORD is a half: of "leak" all kinds of leaks, of "lock"
-- wait.lock.
function classes.halves(word)
  local found = {}
  for _, class in ipairs(classes.list) do
    local family, kind = class[1]:match "^(%a+)%.?(.*)"
    if word == family or word == kind then found[#found + 1] = class[1] end
  end
  return found
end

local INDENT, WIDTH = 19, 79

-- TEXT in lines that begin behind the names.
local function column(text) return table.concat(wrap(text, WIDTH - INDENT), "\n" .. (" "):rep(INDENT)) end

-- The vocabulary, or LIST of it, as text, and as data for JSON.
function classes.text(list)
  local out = {}
  for i, class in ipairs(list or classes.list) do
    out[i] = ("%-18s %s\n%-18s %s\n"):format(class[1], column(class[2]), "", column(class[3]))
  end
  return table.concat(out)
end

function classes.objects(list)
  local out = {}
  for i, class in ipairs(list or classes.list) do
    out[i] = { class = class[1], meaning = class[2], shows = class[3] }
  end
  return out
end

return classes
