---@meta lab
-- The scenario library, as LuaLS annotations: the one source of the reference.
-- Nothing here runs. Seconds are floating-point numbers, sizes are bytes.
--
-- Errors: a wrong argument, or a call at the wrong time, raises. What can fail
-- while the program runs (memory, files, network) returns nil, a
-- message and an errno.
--
-- Blocking calls (sleep, join, lock, recv, select, copy_n, burn...) park the
-- task: other requests and every debug endpoint go on. Where a C function waits
-- for the call (a comparator of table.sort, a callback of string.gsub) copy_n
-- and burn run on the spot, the others raise. Whoever waits when it is cancelled
-- gets an error, and in its place nothing is taken: no lock, no value.

---The library. Read-only.
---@class lab
lab = {}

---@class lab.Scenario               what scenario.lua returns
---@field title string?              shown to students at /steps: must not spoil
---@field symptom string?            what one can see from outside
---@field difficulty integer?        1 to 5
---@field minutes integer?           expected time
---@field params table<string, {[1]: number|string|boolean, [2]: string}>? name = { default, meaning }; in the functions self.params.NAME is the value
---@field limits {memory: string|integer?, fds: integer|string?}? memory: bytes or "1GiB"; fds: descriptors open at a time, or the name of the param that says it
---@field enter fun(self: lab.Scenario)?    on /goto, before the first request; may block
---@field request fun(self: lab.Scenario, req: lab.Request): string?, integer?, table<string,string>? a request of `/`: body ("hello world" if nil), status (200), headers
---@field routes table<string, fun(self: lab.Scenario, req: lab.Request): string?, integer?, table<string,string>?>? further paths of this step
---@field leave fun(self: lab.Scenario)?    on the next /goto; has 40 ms
---@field hints string[]?            a ladder, each a step nearer: /hint
---@field expect table?              what profiles show of the fault: see docs/authoring.md
---@field diagnosis {kind: string, where: string, accept: string[]?}? what a correct answer names

---@class lab.Request
---@field method string
---@field path string
---@field raw_query string
---@field query table<string, string>   decoded; the first of equal names
---@field body string
---@field id integer                    1, 2, ... since the lab started

---A growing byte buffer, like Go's bytes.Buffer: when it is full its new
---capacity is twice the old one plus what is wanted. Its memory lies outside
---Lua's heap, is counted in MemStats, and goes when the buffer is collected.
---@class lab.Buffer
local Buffer = {}

---Appends s. Returns its length, or nil, message, errno when memory is out.
---@param s string
---@return integer? n, string? message, integer? errno
function Buffer:write(s) end

---@return integer bytes
function Buffer:len() end

---@return integer bytes allocated
function Buffer:cap() end

---Makes room for n more bytes. Returns the buffer, or nil, message, errno.
---@param n integer
---@return lab.Buffer? self, string? message, integer? errno
function Buffer:grow(n) end

---Empties it; the memory stays.
---@return lab.Buffer self
function Buffer:reset() end

---The bytes from i to j, counted as in string.sub.
---@param i integer?
---@param j integer?
---@return string
function Buffer:string(i, j) end

---An empty buffer with room for cap bytes. What it allocates is charged to the
---caller in heap profiles, as make is in Go.
---@param cap integer?
---@return lab.Buffer
function lab.buffer(cap) end

---A source of bytes.
---@class lab.Reader

---The kernel's random source, getrandom(2).
---@type lab.Reader
lab.rand = nil

---A fast generator (several GB/s): the same seed gives the same bytes.
---@param seed integer
---@return lab.Reader
function lab.prng(seed) end

---Copies n bytes from reader to the end of dst, on a worker thread. Like Go's
---io.CopyN into a bytes.Buffer: before each read, also the last, 512 bytes must
---be free, so a buffer of capacity n that takes n bytes grows once more.
---@param dst lab.Buffer
---@param reader lab.Reader
---@param n integer
---@return integer? copied, string? message, integer? errno
function lab.copy_n(dst, reader, n) end

---Uses the CPU for so many seconds of CPU time, on a worker thread.
---@param seconds number
---@return number used
function lab.burn(seconds) end

---Uses the CPU on the VM's own thread: nothing else of the application runs
---meanwhile (the debug endpoints do).
---@param seconds number
---@return number used
function lab.spin(seconds) end

---@class lab.Task
local Task = {}

---Waits for the task's end: true and its results, or false and the message of
---its error with its traceback. With seconds: nil, "timeout" if it has not ended
---by then; 0 only looks.
---@param seconds number?
---@return boolean? ok, ...
function Task:join(seconds) end

---The task gets an error where it waits, or at its next instruction.
function Task:cancel() end

---Calls fn(...) in a task of its own. An error that nobody joins is logged; of
---equal ones the first ten, then a count once a second.
---@param fn function
---@return lab.Task
function lab.go(fn, ...) end

---Parks the task; 0 lets others run.
---@param seconds number
function lab.sleep(seconds) end

---A lock: one task at a time has it. Tasks that wait get it in the order in
---which they came; any task may unlock it. A task that ends doesn't give it
---back, nor does an error: what is locked stays so until the step is left.
---@class lab.Mutex
local Mutex = {}

---Waits until it is free, and takes it.
function Mutex:lock() end

---Takes it if it is free.
---@return boolean locked
function Mutex:try_lock() end

---Hands it to who waits longest. "sync: unlock of unlocked mutex" is an error.
function Mutex:unlock() end

---@param name string? for tostring
---@return lab.Mutex
function lab.mutex(name) end

---Many readers or one writer. A writer that waits keeps new readers out; when
---it is done, the readers that came meanwhile go before the next writer.
---@class lab.RWMutex
local Rwmutex = {}

---For writing.
function Rwmutex:lock() end

---@return boolean locked
function Rwmutex:try_lock() end

---"sync: Unlock of unlocked RWMutex" is an error.
function Rwmutex:unlock() end

---For reading.
function Rwmutex:rlock() end

---@return boolean locked
function Rwmutex:try_rlock() end

---"sync: RUnlock of unlocked RWMutex" is an error.
function Rwmutex:runlock() end

---@param name string? for tostring
---@return lab.RWMutex
function lab.rwmutex(name) end

---A counter that tasks can wait for to become 0.
---@class lab.WaitGroup
local Wait_group = {}

---"sync: negative WaitGroup counter" is an error.
---@param n integer? 1 unless told; may be negative
function Wait_group:add(n) end

---The same as add(-1).
function Wait_group:done() end

---Waits until the counter is 0.
function Wait_group:wait() end

---@return lab.WaitGroup
function lab.wait_group() end

---Hands values from task to task, as a Go channel: without room for values a
---sender waits until somebody receives, with room only while it is full. Any
---value may be sent, also nil (which ends a `range` loop).
---
---    local jobs = lab.channel()
---    lab.go(function()
---      for i = 1, 10 do jobs:send(i) end
---      jobs:close()
---    end)
---    for job in jobs:range() do work(job) end
---@class lab.Channel
---@operator len: integer
local Channel = {}

---"send on closed channel" is an error, also when it is closed meanwhile.
---@param value any
function Channel:send(value) end

---Waits for a value. From a channel that is closed and empty: nil, false.
---@return any value, boolean ok
function Channel:recv() end

---For `for value in c:range() do`: receives until the channel is closed and
---empty, or a nil comes.
function Channel:range() end

---No more values: receivers get what is buffered, then nil, false. "close of
---closed channel" is an error.
function Channel:close() end

---Values that are buffered; #c is the same.
---@return integer
function Channel:len() end

---Values for which there is room.
---@return integer
function Channel:cap() end

---@param capacity integer? 0 unless told
---@return lab.Channel
function lab.channel(capacity) end

---Waits until one of several channels is ready, as Go's select. A case is
---{ channel, "recv" } or { channel, "send", value }; one whose channel is nil
---never comes about. If several are ready, one is chosen at random. With
---default = true it doesn't wait: nil if no case is ready. Without any case it
---waits for ever.
---
---    local i, job, ok = lab.select { { jobs, "recv" }, { quit, "recv" }, { log, "send", "idle" } }
---    if i == 1 and ok then work(job) elseif i == 2 then return end
---@param cases table
---@return integer? index, any value, boolean? ok value and ok as from recv
function lab.select(cases) end

---A function that will be called later, in a task of its own. That task is
---listed as any other (it sleeps), and ends with its step.
---@class lab.Timer
local Timer = {}

---No further call. True if there would have been one; a call that is under way
---goes on.
---@return boolean stopped
function Timer:stop() end

---Calls fn once, after so many seconds.
---@param seconds number
---@param fn function
---@return lab.Timer
function lab.after(seconds, fn) end

---Calls fn every so many seconds, for the first time after the first interval.
---Intervals that pass while fn runs are left out; an error ends the timer.
---@param seconds number more than 0
---@param fn function
---@return lab.Timer
function lab.every(seconds, fn) end

---Seconds on a clock that only goes forward.
---@return number
function lab.now() end

---Seconds of CPU time that the VM's thread has used: to measure what a piece of
---Lua code costs, however busy the machine is.
---@return number
function lab.cpu_time() end

---A line of the log; with more than one argument as string.format.
---@param format any
function lab.log(format, ...) end

---A number that only grows. It is in /metrics (as NAME_total) and in
---/debug/vars, until the step is left; it stays without this object, too.
---@class lab.Counter
local Counter = {}

---@param n number?  1 if nothing is given; not negative
function Counter:add(n) end

---A number that goes up and down. It is in /metrics and /debug/vars, until the
---step is left; it stays without this object, too.
---@class lab.Gauge
local Gauge = {}

---@param value number
function Gauge:set(value) end

---@param delta number
function Gauge:add(delta) end

---The step's counter of that name, which is made the first time with value 0.
---@param name string like [a-zA-Z_:][a-zA-Z0-9_:]*, not with go_, process_ or diaglab_ at its beginning
---@return lab.Counter
function lab.counter(name) end

---The step's gauge of that name, which is made the first time with value 0.
---@param name string as a counter's, but not with _total at its end
---@return lab.Gauge
function lab.gauge(name) end

---Calls fn(...) and returns what it returns. Profiles show what it does, and
---what tasks that it starts do, under the label key=value, besides the labels
---it has already (`step` and `route` at first): see -tagfocus of pprof. As Go's
---pprof.Do. Values should be words, and few: they are kept for ever.
---@param key string      1 to 128 bytes
---@param value string    at most 128 bytes; pprof takes plain numbers for ranges
---@param fn function
---@return any ...
function lab.label(key, value, fn, ...) end

---Calls fn(...) and returns what it returns. An execution trace that is being
---taken shows it as a region of that name, as Go's trace.WithRegion.
---@param name string
---@param fn function
---@return any ...
function lab.region(name, fn, ...) end

---Calls fn(...) and returns what it returns. An execution trace that is being
---taken shows it as a user task of that name, to which the regions in it and
---the tasks it starts belong, as Go's trace.NewTask.
---@param name string
---@param fn function
---@return any ...
function lab.task(name, fn, ...) end

---A file. All calls park the task while a worker does them. One that is
---collected is closed; one that the step leaves open is closed with the step.
---@class lab.File
local File = {}

---Up to n bytes (1 to 2^30); fewer only at its end, and at its very end nil,
---"EOF", 0.
---@param n integer
---@return string? bytes, string? message, integer? errno
function File:read(n) end

---@param s string
---@return integer? written, string? message, integer? errno
function File:write(s) end

---Waits until it is on the disk.
---@return boolean? ok, string? message, integer? errno
function File:sync() end

---Calls of other tasks that are under way on it may finish. A second close
---fails with "file already closed".
---@return boolean? ok, string? message, integer? errno
function File:close() end

---@return string
function File:path() end

---A new folder for temporary files, which is removed with all that is in it when
---the step is left.
---@return string? path, string? message, integer? errno
function lab.temp_dir() end

---A new file, open for reading and writing, with a name that starts with
---prefix, in dir (from temp_dir) or beside such folders. Removed as those.
---@param dir string?
---@param prefix string?
---@return lab.File? file, string? message, integer? errno
function lab.temp_file(dir, prefix) end

---Opens a regular file: of the scenario's folder (relative paths start there),
---which may only be read, or of the step's temporary folders.
---@param path string
---@param mode "r"|"r+"|"w"|"w+"|"a"|"a+"|nil as io.open's; "r"
---@return lab.File? file, string? message, integer? errno
function lab.open(path, mode) end

---Requests to servers. The lab itself is one, too. No TLS; redirects are answers
---like any other.
---@class lab.http
lab.http = {}

---@class lab.HttpOptions
---@field timeout number?                seconds for everything, 30
---@field headers table<string, string>? further ones
---@field method string?                 "GET"
---@field body string?

---@class lab.HttpAnswer
---@field status integer
---@field headers table<string, string>  names in lower case
---@field body string                    64 MiB at most

---Sends a request and waits for its answer, which is one whatever its status.
---@param url string "http://host:port/path"
---@param options lab.HttpOptions?
---@return lab.HttpAnswer? answer, string? message, integer? errno
function lab.http.get(url, options) end

---An HTTP server of the step's own.
---@class lab.Server
local Server = {}

---Where it listens, "127.0.0.1:45678".
---@return string
function Server:address() end

---Stops it, and closes its connections. Requests under way go on, but nobody
---gets their answer.
---@return boolean? ok, string? message, integer? errno
function Server:close() end

---Serves HTTP at address: "host:port" in numbers, or ":port" for this machine
---only; port 0 is any free one. Each request calls fn(req) as a task of its own,
---and gets what that returns, as from a scenario's request.
---@param address string
---@param fn fun(req: lab.Request): string?, integer?, table<string,string>?
---@return lab.Server? server, string? message, integer? errno
function lab.listen(address, fn) end

---A child process. It is killed with what it started when the step is left.
---@class lab.Process
local Process = {}

---@return integer
function Process:pid() end

---Waits for its end: the exit code; or nil, "signal: killed" and the number of
---the signal that ended it.
---@return integer? code, string? message, integer? signal
function Process:wait() end

---@param signal "KILL"|"TERM"|"INT"|"HUP"|"QUIT"|"STOP"|"CONT"|"USR1"|"USR2"|nil KILL
---@return boolean? ok, string? message, integer? errno
function Process:kill(signal) end

---Starts a program, found as a shell finds it, with its arguments. It reads and
---writes /dev/null.
---@param argv string[]
---@return lab.Process? process, string? message, integer? errno
function lab.spawn(argv) end

---A full garbage collection, now.
function lab.gc() end

---A full collection, then idle memory goes back to the system.
---@return integer bytes given back
function lab.release() end

---Runs name.lua of the scenario's folder, once, and returns what it returned.
---@param name string letters, digits, _ and -
---@return any
function lab.include(name) end

return lab
