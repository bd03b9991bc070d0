---@meta lab
-- The scenario library, as LuaLS annotations: the one source of the reference.
-- Nothing here runs.
--
-- Units: seconds are floating-point numbers, sizes are whole numbers of bytes.
-- A number of seconds must not be negative.
--
-- Time limits: where a call that waits has an argument `seconds`, it waits no
-- longer than that. Then it returns nil, "timeout" (recv: nil, nil,
-- "timeout"), and has taken nothing and sent nothing: nobody else notices. 0
-- only looks: nothing parks, so it is possible anywhere (but join lets others
-- run first). With nil there is no limit. A call that only waits (lock, rlock,
-- send, wait of a WaitGroup) returns true otherwise; called without that
-- argument, it returns nothing. A limit is the least time: on a busy machine
-- it may take longer. Sockets have rules of their own: see lab.Socket.
--
-- Errors: a wrong argument raises an error, and so does a call at the wrong
-- time. An operation that can fail while the program runs (because of memory,
-- files, the network) returns nil, a message and an errno; here this is written
-- as `string? message, integer? errno`. assert(...) turns it into an error.
--
-- Blocking calls (sleep, join, lock, wait, send, recv, select, copy_n, burn,
-- files, sockets, requests, listen, spawn...) park the task: other requests
-- and every debug endpoint go on. (Files that were opened inline are the
-- exception.) A call can't park where a C function waits for it (in a
-- comparator of table.sort, in a callback of string.gsub): there copy_n, burn
-- and the calls on files do their work at once and hold up all other tasks,
-- and the others raise an error. If a task is cancelled while it waits, the
-- call raises an error and takes nothing: no lock, no value.
--
-- A name that doesn't exist raises an error, too: lab.chanel, c:sned(). So does a
-- name with a zero byte for a lock, a channel, a timer, a label, a region or the
-- like, which profiles and traces would cut there.
-- print(...) writes a line to the log.

---The library. Read-only.
---@class lab
lab = {}

---What scenario.lua returns. Unknown keys and wrong types are errors, with file
---and line.
---@class lab.Scenario
---@field params table<string, {[1]: number|string|boolean, [2]: string}>? name = { default, meaning }; in the functions self.params.NAME is the value
---@field limits {memory: string|integer?, fds: integer|string?}? memory: bytes or "1GiB", at most half of the machine's, 2 GiB if it isn't said; fds: descriptors open at a time (1 to 2^20), or the name of the param that says it
---@field enter fun(self: lab.Scenario)?    called by /goto, before the first request; may block
---@field request fun(self: lab.Scenario, req: lab.Request): string?, integer?, table<string,string>? a request of `/`. Returns the body ("hello world" if nil, 64 MiB at most), the status (200 to 599; 200 if nil) and headers (64 KiB at most); a header that HTTP does not allow is an error. An error is answered with 500
---@field routes table<string, fun(self: lab.Scenario, req: lab.Request): string?, integer?, table<string,string>?>? further paths of this step, 32 at most: "/report"
---@field leave fun(self: lab.Scenario)?    called by the next /goto; has 40 ms
---The keys of a lesson may stand here, too; what lesson.lua says is used instead.

---A request. A field that doesn't exist raises an error. headers (which are
---read-only) and remote_address must be asked for before the answer is given; after
---it, canceled() is true.
---@class lab.Request
---@field method string                 "GET"
---@field path string                   "/report": without the query
---@field raw_query string              what follows the ?; "" if there is none
---@field query table<string, string>   the parameters, decoded; of equal names the first
---@field body string                   "" if there is none
---@field id integer                    1, 2, ... since the lab started
---@field headers table<string, string> names in lower case; values of equal names are joined by ", "
---@field remote_address string         the client's: "127.0.0.1:51234"
---@field canceled fun(self: lab.Request): boolean has the client closed its connection, or its half of it?

---A growing byte buffer, like Go's bytes.Buffer. When it is full, its new
---capacity is twice the old one plus what is wanted. Its memory lies outside
---Lua's heap and is counted in MemStats. It is freed when the buffer is
---collected, or at the end of its block if it is a <close> variable.
---
---While copy_n fills a buffer, every other call on it raises "buffer is being
---filled by another task".
---@class lab.Buffer
---@operator len: integer
local Buffer = {}

---Appends s. Returns the length of s; nil, message, errno when there is no
---memory left.
---@param s string
---@return integer? n, string? message, integer? errno
function Buffer:write(s) end

---How many bytes are in the buffer; #b is the same.
---@return integer bytes
function Buffer:len() end

---How many bytes are allocated for it.
---@return integer bytes
function Buffer:cap() end

---Makes room for n more bytes. Returns the buffer; nil, message, errno when
---there is no memory left.
---@param n integer not negative
---@return lab.Buffer? self, string? message, integer? errno
function Buffer:grow(n) end

---Empties the buffer, but keeps its memory. Returns the buffer.
---@return lab.Buffer self
function Buffer:reset() end

---The bytes from i to j, counted as in string.sub: all of them without i and j.
---@param i integer? 1 if it is missing
---@param j integer? -1, the last byte, if it is missing
---@return string
function Buffer:string(i, j) end

---An empty buffer with room for cap bytes. In heap profiles this memory is
---charged to the caller, as that of make is in Go. Raises an error when there is
---no memory left.
---@param cap integer? 0 if it is missing; not negative
---@return lab.Buffer
function lab.buffer(cap) end

---A source of bytes for copy_n. It has no functions of its own.
---@class lab.Reader

---The kernel's random source, getrandom(2). Several tasks may read it at once.
---@type lab.Reader
lab.rand = nil

---A fast generator of random bytes (several GB/s). The same seed gives the same
---bytes. One copy_n at a time: a second one raises "reader is being read by
---another task".
---@param seed integer
---@return lab.Reader
function lab.prng(seed) end

---Copies n bytes from reader to the end of dst, on a worker thread. Works as
---Go's io.CopyN into a bytes.Buffer: before each read, also the last one, 512
---bytes must be free. So a buffer of capacity n that takes n bytes grows once
---more. Returns how many bytes were copied; nil, message, errno when it fails,
---for example because there is no memory left.
---@param dst lab.Buffer
---@param reader lab.Reader
---@param n integer not negative
---@return integer? copied, string? message, integer? errno
function lab.copy_n(dst, reader, n) end

---Uses the CPU for this many seconds of CPU time, on a worker thread. Returns
---how many seconds were used.
---@param seconds number 0 to 86400
---@return number used
function lab.burn(seconds) end

---Uses the CPU on the VM's own thread: nothing else of the application runs
---meanwhile (the debug endpoints do). Returns how many seconds of CPU time were
---used.
---@param seconds number 0 to 86400
---@return number used
function lab.spin(seconds) end

---A task, as lab.go returns it.
---@class lab.Task
local Task = {}

---Waits until the task has ended. Returns true and its results, or false and the
---message of its error (64 KiB of it) with its traceback. With seconds: returns nil, "timeout"
---if the task has not ended by then; 0 only looks. A task that joins itself gets
---an error.
---@param seconds number? without it there is no time limit
---@return boolean? ok, ...
function Task:join(seconds) end

---Ends the task with the error "task cancelled": where it waits, or at its next instruction.
function Task:cancel() end

---Calls fn(...) in a task of its own, and returns at once. If the task fails
---while no task waits for it in join, its error is written to the log; the same
---error ten times, and then how often it came, once a second.
---@param fn function
---@return lab.Task
function lab.go(fn, ...) end

---Parks the task for this long; 0 lets others run.
---@param seconds number
function lab.sleep(seconds) end

---A lock: one task at a time can have it. Tasks that wait get it in the order in
---which they came. Any task may unlock it. Neither the end of a task nor an error
---unlocks it: it stays locked until somebody unlocks it or the step is left.
---@class lab.Mutex
local Mutex = {}

---Waits until it is free, and takes it.
---@param seconds number? a time limit: see above
---@return true? ok, string? message
function Mutex:lock(seconds) end

---Takes it if it is free, without waiting.
---@return boolean locked whether it did
function Mutex:try_lock() end

---Gives it to the task that has waited longest, or makes it free. If it isn't
---locked: error "sync: unlock of unlocked mutex".
function Mutex:unlock() end

---A new mutex, unlocked.
---@param name string? shown by tostring, and in goroutine?debug=2 by those who wait
---@return lab.Mutex
function lab.mutex(name) end

---A lock for many readers or one writer. While a writer waits, new readers have
---to wait, too. When a writer is done, the readers that came meanwhile go before
---the next writer.
---@class lab.RWMutex
local Rwmutex = {}

---Waits until nobody has it, and takes it for writing. A writer that gives up
---lets in the readers that waited behind it.
---@param seconds number? a time limit: see above
---@return true? ok, string? message
function Rwmutex:lock(seconds) end

---Takes it for writing if it is free, without waiting. Returns whether it did.
---@return boolean locked
function Rwmutex:try_lock() end

---Ends writing. If it isn't locked for writing: error "sync: Unlock of unlocked
---RWMutex".
function Rwmutex:unlock() end

---Waits until nobody writes or waits to write, and takes it for reading.
---@param seconds number? a time limit: see above
---@return true? ok, string? message
function Rwmutex:rlock(seconds) end

---Takes it for reading if that needs no waiting.
---@return boolean locked whether it did
function Rwmutex:try_rlock() end

---Ends reading. If nobody reads: error "sync: RUnlock of unlocked RWMutex".
function Rwmutex:runlock() end

---A new lock, unlocked.
---@param name string? as for lab.mutex
---@return lab.RWMutex
function lab.rwmutex(name) end

---A counter. Tasks can wait until it is 0.
---@class lab.WaitGroup
local Wait_group = {}

---Adds n. A counter below 0 is an error: "sync: negative WaitGroup counter".
---@param n integer? 1 if it is missing; may be negative
function Wait_group:add(n) end

---The same as add(-1).
function Wait_group:done() end

---Waits until the counter is 0. Several tasks may wait.
---@param seconds number? a time limit: see above
---@return true? ok, string? message
function Wait_group:wait(seconds) end

---A new counter, 0.
---@param name string? as for lab.mutex
---@return lab.WaitGroup
function lab.wait_group(name) end

---Hands values from task to task, as a Go channel. A sender waits until another
---task receives the value; a channel with a capacity stores this many values, and
---senders wait only while it is full. Any value may be sent, also nil (which ends
---a `range` loop).
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

---Sends a value; waits if it has to. If the channel is closed, or is closed while
---it waits: error "send on closed channel".
---@param value any
---@param seconds number? a time limit: see above
---@return true? ok, string? message
function Channel:send(value, seconds) end

---Waits for a value. Returns it and true. If the channel is closed and empty,
---returns nil, false. With a time limit: nil, nil, "timeout" when that is over;
---so ok is true only if there is a value, be it nil.
---
---    local job, ok, why = jobs:recv(0.5)
---    if ok then work(job) elseif why then checkHealth() else return end
---@param seconds number? a time limit: see above
---@return any value, boolean? ok, string? message
function Channel:recv(seconds) end

---For `for value in c:range() do`: receives until the channel is closed and
---empty, or until it receives nil.
---@return fun(channel: lab.Channel): any iterator, lab.Channel channel
function Channel:range() end

---Closes the channel for senders. Receivers get the values that it still stores,
---then nil, false. If it is closed already: error "close of closed channel".
function Channel:close() end

---@return integer stored how many values the channel stores now; #c is the same
function Channel:len() end

---@return integer capacity how many values it can store
function Channel:cap() end

---A new channel.
---@param capacity integer? values, 0 to 2^31 - 1; 0 if it is missing
---@param name string? as for lab.mutex
---@return lab.Channel
function lab.channel(capacity, name) end

---Waits until one of several channels is ready, and receives or sends there, as
---Go's select. A case is { channel, "recv" } or { channel, "send", value }; there
---may be up to 1000. A case whose channel is nil is never ready. If several are
---ready, one is chosen at random. Without any case it waits for ever.
---
---Returns the index of the case; for "recv" also value and ok, as recv does. With
---default = true it doesn't wait, and returns nil if no case is ready. With
---timeout = SECONDS it returns nil, "timeout" if none is ready by then. Sending
---to a closed channel is an error, as in send.
---
---    local i, job, ok = lab.select { { jobs, "recv" }, { quit, "recv" }, { log, "send", "idle" } }
---    if i == 1 and ok then work(job) elseif i == 2 then return end
---@param cases table
---@return integer? index, any value, boolean? ok
function lab.select(cases) end

---A function that will be called later, in a task of its own, which ends with its
---step. While it sleeps this task is listed like any other.
---@class lab.Timer
local Timer = {}

---Prevents further calls. Returns true if there would have been one. A call that
---has begun goes on.
---@return boolean stopped
function Timer:stop() end

---Calls fn() once, after this many seconds. An error in fn is written to the log.
---@param seconds number
---@param fn function
---@param name string? as for lab.mutex
---@return lab.Timer
function lab.after(seconds, fn, name) end

---Calls fn() again and again, each time after an interval of this many seconds.
---Intervals that end while fn still runs are left out. An error in fn is written
---to the log and ends the timer.
---@param seconds number more than 0
---@param fn function
---@param name string? as for lab.mutex
---@return lab.Timer
function lab.every(seconds, fn, name) end

---@return number seconds on a clock that never goes back: only differences mean something
function lab.now() end

---Seconds of CPU time that the VM's thread has used so far. With it you measure
---what a piece of Lua code costs, however busy the machine is.
---@return number
function lab.cpu_time() end

---Writes a line to the log, as tostring or string.format makes it: 256 KiB at most, 16 MiB in
---a second. Control characters become \x1b, and further lines of the text begin with a tab.
---@param format any
function lab.log(format, ...) end

---A number that only grows. It is in /metrics (as NAME_total) and in /debug/vars
---until the step is left, even if this object is collected. There it says what
---was added since the step had been entered, as diaglab_requests_total does: what
---`enter` adds shows only with ?since=start.
---@class lab.Counter
local Counter = {}

---Adds n. Does nothing when the step was left.
---@param n number? 1 if it is missing; not negative
function Counter:add(n) end

---A number that goes up and down. It is in /metrics and /debug/vars until the
---step is left, even if this object is collected.
---@class lab.Gauge
local Gauge = {}

---Sets the value. Does nothing when the step was left.
---@param value number
function Gauge:set(value) end

---Adds delta. Does nothing when the step was left.
---@param delta number may be negative
function Gauge:add(delta) end

---The step's counter of this name. The first call makes it, with value 0. A step
---may have 200 counters and gauges; one more is an error, and so is a name that
---a gauge has.
---@param name string like [a-zA-Z_:][a-zA-Z0-9_:]*, at most 128 bytes; must not begin with go_, process_, diaglab_ or scrape_, be cmdline, memstats or up, or end, before its _total, in what OpenMetrics keeps for parts of metrics: _total, _created, _bucket, _count, _sum, _gcount, _gsum, _info
---@return lab.Counter
function lab.counter(name) end

---The step's gauge of this name. The first call makes it, with value 0. The same
---limits as for counters.
---@param name string like a counter's, but it must not end in _total
---@return lab.Gauge
function lab.gauge(name) end

---A profile of the step's own, as Go's pprof.NewProfile makes them: the stacks that
---added something which was not removed yet. It is at /debug/pprof/NAME in all
---forms, in the index, and a capture of it is evidence, until the step is left;
---even if this object is collected.
---
---    local inUse = lab.profile("db.Connections")
---    local function acquire() local c = take() inUse:add(c) return c end
---    local function release(c) inUse:remove(c) give(c) end
---@class lab.Profile
local Profile = {}

---Adds the stack of the call, which begins with the function that calls add, and
---the task's labels. With skip = 1 it begins with the caller of that function, and
---so on. A key that is there already is an error: "pprof: Profile.Add of duplicate
---value". The profile keeps the key alive until it is removed. What it needs
---counts against limits.memory. Does nothing when the step was left.
---@param key any         any value but nil and NaN; tables and functions count as themselves
---@param skip integer?   0 if it is missing; 1000 at most
function Profile:add(key, skip) end

---Removes what was added with this key. Does nothing if there is no such key.
---@param key any
function Profile:remove(key) end

---How many keys there are.
---@return integer
function Profile:count() end

---The step's profile of this name. The first call makes it, empty. A step may have
---16; one more is an error. A name is two words or more with dots between them, of
---letters, digits, _ and -; it begins with a letter and has 63 bytes at most. Its
---first word must not be `lab` or the name of one of the lab's own profiles.
---@param name string such as "db.Connections"
---@return lab.Profile
function lab.profile(name) end

---Calls fn(...) and returns its results; an error in fn goes to the caller.
---Meanwhile profiles show what fn does, and what tasks that it starts do, with
---the label key=value, in addition to the labels that the task has already
---(`step` and `route` at first): see -tagfocus of pprof. Works as Go's pprof.Do.
---Use few different values: they are kept for ever. A task has at most 16 labels at
---a time, with those of the lab; one more is an error. A key that it has already
---gets the new value.
---@param key string      1 to 128 bytes; step, route, state (of `wall`) and bytes (of `heap`) are the lab's own
---@param value string    1 to 128 bytes (profiles have no empty ones); pprof treats numbers as ranges, so use words
---@param fn function
---@return any ...
function lab.label(key, value, fn, ...) end

---Calls fn(...) and returns its results; an error in fn goes to the caller. An
---execution trace shows the call as a region of this name, as with Go's
---trace.WithRegion.
---@param name string
---@param fn function
---@return any ...
function lab.region(name, fn, ...) end

---Calls fn(...) and returns its results; an error in fn goes to the caller. An
---execution trace shows the call as a user task of this name, as with Go's
---trace.NewTask. The regions in fn and the tasks that it starts belong to it.
---@param name string
---@param fn function
---@return any ...
function lab.task(name, fn, ...) end

---A file. read, write, sync and close park the task while a worker does the work;
---tasks have the state "syscall" meanwhile. There are as many workers as
---processors, at least two, so more calls than that wait for each other.
---A File that is collected is closed, and so is a <close> variable at the end of
---its block. What the step leaves open is closed with the step.
---@class lab.File
local File = {}

---Reads up to n bytes; fewer only at the end of the file. When nothing is left,
---returns nil, "EOF", 0.
---@param n integer 1 to 2^30
---@return string? bytes, string? message, integer? errno
function File:read(n) end

---Writes all of s. Returns how many bytes were written: the length of s.
---@param s string
---@return integer? written, string? message, integer? errno
function File:write(s) end

---Waits until what was written is on the disk. Returns true.
---@return boolean? ok, string? message, integer? errno
function File:sync() end

---Closes the file. Returns true. Calls of other tasks on it that have begun may
---finish. Afterwards every call fails with "file already closed".
---@return boolean? ok, string? message, integer? errno
function File:close() end

---The absolute path of the file.
---@return string
function File:path() end

---Options of lab.temp_dir. An unknown option is an error.
---@class lab.TempDirOptions
---@field latency number? seconds (0 to 60) that each read and each sync of a file in this folder takes longer

---Makes a new folder for temporary files, and returns its path. The folder is
---removed with everything in it when the step is left, also what child processes
---have made there. The log says what can't be removed, and why.
---
---With latency it seems to lie on a slow disk. The disk is in fact the same, so
---after each read and each sync the thread that made the call sleeps for this
---long: a worker, or the VM's thread if the file was opened inline. strace -f
---shows clock_nanosleep of this thread behind its read or fsync. Profiles show
---what they show with a slow disk: the time is in wall, at the caller's line,
---and not in cpu. This disk has no cache: what was just written is read as
---slowly. To write takes no longer, as on any disk: sync waits.
---@param options lab.TempDirOptions?
---@return string? path, string? message, integer? errno
function lab.temp_dir(options) end

---Options of lab.open and lab.temp_file. An unknown option is an error.
---@class lab.OpenOptions
---@field inline boolean? true: the VM's own thread makes all calls on this file, also the one that opens it

---Makes a new file, open for reading and writing. Its name is prefix and six
---random characters. It is removed when the step is left.
---@param dir string? a folder that temp_dir returned; without it, the folder in which temp_dir makes its folders
---@param prefix string? "file-" if it is missing; without /
---@param options lab.OpenOptions?
---@return lab.File? file, string? message, integer? errno
function lab.temp_file(dir, prefix, options) end

---Opens a regular file. Two places are possible: files of the scenario's folder
---can only be read; files in the step's temporary folders can be read and
---written. Anything else fails with "permission denied". A relative path begins
---in the scenario's folder.
---
---With inline = true the VM's own thread opens, reads, writes, syncs and closes, as
---in a program with one event loop. Nothing else of the application runs meanwhile:
---all routes wait (the debug endpoints go on, and /goto ends a call that sleeps).
---The task keeps the state "running"; wall has the time at the caller's line, below
---[running, off CPU] as far as nothing was computed. Other tasks are "runnable".
---@param path string
---@param mode "r"|"r+"|"w"|"w+"|"a"|"a+"|nil as for io.open; "r" if it is missing
---@param options lab.OpenOptions?
---@return lab.File? file, string? message, integer? errno
function lab.open(path, mode, options) end

---Requests to HTTP servers, which may be the lab itself. There is no TLS.
---Redirects are not followed: they are answers like any other.
---@class lab.http
lab.http = {}

---Options of lab.http.get. An unknown option is an error.
---@class lab.HttpOptions
---@field timeout number?                seconds for the whole request, more than 0; 30 if it is missing
---@field headers table<string, string>? further headers, 8 KiB at most; those below aren't possible
---@field method string?                 "GET" if it is missing
---@field body string?                   "" if it is missing; 1 GiB at most

---@class lab.HttpAnswer
---@field status integer                 200
---@field headers table<string, string>  names in lower case; values of equal names are joined by ", "
---@field body string                    64 MiB at most

---Sends a request and waits for its answer. Host, Content-Length, Transfer-Encoding
---and Connection are written for you: as headers they are an error (but a client's
---request may say `Connection: close`). Every answer counts as success,
---whatever its status; nil, message, errno means that there was none.
---@param url string "http://host:port/path", 8 KiB at most; a port is a number from 1 to 65535
---@param options lab.HttpOptions?
---@return lab.HttpAnswer? answer, string? message, integer? errno
function lab.http.get(url, options) end

---Requests that share connections (HTTP/1.1 keep-alive): at most `size` to each
---host and port at a time. A request that finds none free waits for one; dumps of
---tasks show it as "pool wait", with the client's name and the tasks that have the
---connections. What the step leaves open is closed with the step.
---@class lab.HttpClient
local Http_client = {}

---Options of lab.http.client. An unknown option is an error.
---@class lab.HttpClientOptions
---@field size integer?        connections to each host and port, 1 to 10000; 10 if it is missing
---@field idle_timeout number? seconds after which an unused connection is closed; 90 if it is missing, 0: never
---@field name string?         as for lab.mutex; "127.0.0.1:8080", the place, if it is missing

---Options of a client's get: those of lab.http.get, and one more.
---@class lab.HttpClientGetOptions : lab.HttpOptions
---@field stream boolean? the answer is read bit by bit

---As lab.http.get. `timeout` includes the waiting for a connection. If the server
---closes a connection at the moment when it is used again, GET, HEAD, OPTIONS and
---TRACE are sent once more, on a new one.
---
---With stream = true it returns when the headers have come; the connection stays
---taken until the last byte was read, or the answer is closed. One that the script
---forgets keeps its connection, as in Go, until the client is closed or the step is
---left. `timeout` is then for the headers, and for each read.
---@param url string as for lab.http.get
---@param options lab.HttpClientGetOptions?
---@return lab.HttpAnswer|lab.HttpStream|nil answer, string? message, integer? errno
function Http_client:get(url, options) end

---Closes its connections, also those in use: requests and answers under way fail,
---and further requests do. Returns true.
---@return boolean ok
function Http_client:close() end

---A new client. It opens a connection when the first request needs one.
---@param options lab.HttpClientOptions?
---@return lab.HttpClient
function lab.http.client(options) end

---An answer that is read bit by bit.
---@class lab.HttpStream
---@field status integer                 200
---@field headers table<string, string>  as in lab.HttpAnswer
local Http_stream = {}

---Reads up to n bytes; fewer only at the end. When nothing is left, returns nil,
---"EOF", 0. Without n: all that is left, 64 MiB at most, "" if there is nothing. An
---answer without a body is at its end at once, and has no connection.
---@param n integer? 1 to 2^25
---@return string? bytes, string? message, integer? errno
function Http_stream:read(n) end

---Ends the reading. The connection is closed if anything was left to be read. Returns
---true. As a <close> variable it is closed at the end of its block.
---@return boolean ok
function Http_stream:close() end

---An HTTP server of the step, as lab.listen returns it. (A server of bare
---connections is a lab.Listener.) It serves until close is called or the step is
---left, even if this object is collected.
---@class lab.Server
local Server = {}

---Where it listens: "127.0.0.1:45678".
---@return string
function Server:address() end

---Stops the server and closes its connections. Returns true. Requests that have
---begun go on, but nobody gets their answer. A second close returns nil, a
---message and an errno.
---@return boolean? ok, string? message, integer? errno
function Server:close() end

---Options of lab.listen. An unknown option is an error.
---@class lab.ListenOptions
---@field idle_timeout number? seconds after which a connection without any request is closed; 120 if missing, 0: never

---Serves HTTP at address. (Connections without HTTP: lab.tcp.listen.) Each request
---calls fn(req) in a task of its own. The answer is what fn returns, as from a
---scenario's request; an error in fn is answered with 500.
---
---A client may send one request after the other by a connection, and be silent in
---between. After idle_timeout the server says 408 and closes it. When a client comes
---for whom the step has no descriptor left, the one that is silent for longest has to
---go, whatever its time-out.
---
---Only this machine can reach it: addresses that aren't loopback fail with EACCES.
---@param address string "127.0.0.1:PORT", "[::1]:PORT", "localhost:PORT" or ":PORT"; the last two mean 127.0.0.1. Port 0 is any free port
---@param fn fun(req: lab.Request): string?, integer?, table<string,string>?
---@param options lab.ListenOptions?
---@return lab.Server? server, string? message, integer? errno
function lab.listen(address, fn, options) end

---Bare TCP connections, without a protocol. (For HTTP there are lab.http.get and
---lab.listen.) Only loopback addresses are possible, written as for lab.listen;
---others fail with EACCES. Data that nobody reads stays in the kernel: so a peer
---that sends and sends can't fill the step's memory, and is stopped by the kernel.
---`ss -tnp` and `lsof` show these connections, with their states.
---@class lab.tcp
lab.tcp = {}

---One end of a TCP connection. A Socket that is collected is closed, and so is a
---<close> variable at the end of its block. What the step leaves open is closed
---with the step.
---
---read and write take a time limit in seconds; 0 only tries. When it is over they
---return nil, "read tcp 127.0.0.1:4000->127.0.0.1:80: i/o timeout", 110, and the
---connection stays as it is. If several tasks read from one Socket, each waits for
---the one before, and gets what comes next; the same holds for writing, where the
---bytes of one write are never among those of another.
---@class lab.Socket
local Socket = {}

---Waits until something has come, and returns it: n bytes at most, and never more
---than 64 KiB at once. When the peer sends no more, returns nil, "EOF", 0; then the
---connection is in the state CLOSE_WAIT until it is closed here, too.
---@param n integer 1 to 2^30
---@param seconds number? without it there is no time limit
---@return string? bytes, string? message, integer? errno
function Socket:read(n, seconds) end

---Writes all of s; waits while the peer doesn't read. Returns the length of s. If
---it fails, a fourth value says how many bytes were written.
---@param s string
---@param seconds number? for the whole call; without it there is no time limit
---@return integer? written, string? message, integer? errno, integer? part
function Socket:write(s, seconds) end

---Tells the peer that nothing more will be written: its read returns "EOF". Reading
---goes on. Returns true.
---@return boolean? ok, string? message, integer? errno
function Socket:shutdown() end

---Closes the connection. Returns true. Calls of other tasks that wait for it fail,
---as every call afterwards, with "use of closed network connection".
---@return boolean? ok, string? message, integer? errno
function Socket:close() end

---true: small writes are sent at once (TCP_NODELAY). false, as at first: a small
---write waits in the kernel while the peer has not acknowledged the one before
---(Nagle's algorithm), which takes the peer up to 40 ms. Returns true.
---@param on boolean
---@return boolean? ok, string? message, integer? errno
function Socket:set_nodelay(on) end

---@return string address of this end: "127.0.0.1:45678"
function Socket:local_address() end

---@return string address of the peer
function Socket:remote_address() end

---Accepts connections. A Listener that is collected is closed, and so is a <close>
---variable at the end of its block. What the step leaves open is closed with the step.
---@class lab.Listener
local Listener = {}

---Waits for the next connection. With seconds: returns nil, "accept tcp
---127.0.0.1:80: i/o timeout", 110 if there is none by then; 0 only looks. If the step
---may have no more descriptors, it fails with "too many open files" at once, and the
---connection waits in the kernel. In lab.OpenFiles the caller has the descriptor.
---@param seconds number? without it there is no time limit
---@return lab.Socket? socket, string? message, integer? errno
function Listener:accept(seconds) end

---Where it listens: "127.0.0.1:45678".
---@return string
function Listener:address() end

---Stops listening. Returns true. Connections that were not accepted yet are reset;
---those that were go on. A second close returns nil, a message and an errno.
---@return boolean? ok, string? message, integer? errno
function Listener:close() end

---Options of lab.tcp.connect. An unknown option is an error.
---@class lab.TcpConnectOptions
---@field timeout number?  seconds; without it the kernel gives up after two minutes
---@field nodelay boolean? as Socket:set_nodelay; false if it is missing

---Connects to address, and waits until that is done. It is done when the kernel of
---the peer says so: the peer itself may not have accepted yet.
---@param address string as for lab.listen
---@param options lab.TcpConnectOptions?
---@return lab.Socket? socket, string? message, integer? errno
function lab.tcp.connect(address, options) end

---Options of lab.tcp.listen. An unknown option is an error.
---@class lab.TcpListenOptions
---@field backlog integer? connections that the kernel keeps until they are accepted, 1 to 65535; 128 if it is missing
---@field nodelay boolean? what the Sockets that are accepted have at first; false if it is missing

---Listens at address: the kernel answers peers that connect, and accept returns
---their connections. (An HTTP server: lab.listen.) While `backlog` of them have not
---been accepted, further peers have to wait. A server is a loop:
---
---    local listener = assert(lab.tcp.listen("127.0.0.1:0"))
---    lab.go(function()
---      while true do
---        local socket = assert(listener:accept())
---        lab.go(serve, socket)
---      end
---    end)
---@param address string as for lab.listen; port 0 is any free port
---@param options lab.TcpListenOptions?
---@return lab.Listener? listener, string? message, integer? errno
function lab.tcp.listen(address, options) end

---A child process. It is killed when the step is left. When it ends, what it has
---started is killed, too, but for processes in a session of their own (setsid).
---
---What lab.spawn was asked for as a pipe can be written and read here. A task that
---has to wait has the state "IO wait". A pipe is one of the step's descriptors,
---and in lab.OpenFiles at the line that called lab.spawn. It is closed by its
---close function, when it was read to its end, when the Process is collected, and
---with the step; not by the end of the child. A pipe that wasn't asked for is an
---error.
---@class lab.Process
local Process = {}

---Its process number. It stays the same when the process has ended.
---@return integer
function Process:pid() end

---Waits until the process has ended. Returns its exit code; or nil, "signal:
---killed" and the number of the signal that ended it. Several tasks may wait, also
---after its end.
---@param seconds number? a time limit: see above
---@return integer? code, string? message, integer? signal
function Process:wait(seconds) end

---Sends the process a signal, and returns true without waiting for the effect. The
---same signal is sent once if the process could not get the first one meanwhile. If
---the process has ended: nil, "os: process already finished" and an errno.
---@param signal "KILL"|"TERM"|"INT"|"HUP"|"QUIT"|"STOP"|"CONT"|"USR1"|"USR2"|nil KILL if it is missing
---@return boolean? ok, string? message, integer? errno
function Process:kill(signal) end

---Writes all of s to the process's standard input; waits while the pipe is full
---(64 KiB) and while another task writes. Returns how many bytes were written: the
---length of s. Nobody reads any more: nil, "write stdin: broken pipe" and an errno.
---@param s string
---@return integer? written, string? message, integer? errno
function Process:write(s) end

---Reads from the process's standard output: waits until there is something, and
---returns n bytes of it at most. When nothing is left, and nobody can write any
---more, returns nil, "EOF", 0. Nothing is read before it is asked for: a process
---whose output nobody reads has to wait when the pipe is full (64 KiB).
---@param n integer 1 to 2^30; 65536 is all that a pipe holds
---@return string? bytes, string? message, integer? errno
function Process:read(n) end

---The same, from its standard error.
---@param n integer
---@return string? bytes, string? message, integer? errno
function Process:read_stderr(n) end

---Closes this end of the pipe to its standard input: the process reads what is in
---the pipe, then its end. Returns true. Tasks that write get "file already closed".
---@return boolean? ok, string? message, integer? errno
function Process:close_stdin() end

---Closes this end of the pipe from its standard output. Returns true. A process
---that writes to it gets SIGPIPE, which ends most programs.
---@return boolean? ok, string? message, integer? errno
function Process:close_stdout() end

---The same, for its standard error.
---@return boolean? ok, string? message, integer? errno
function Process:close_stderr() end

---Options of lab.spawn. An unknown option is an error.
---
---With reap = false the process stays a zombie when it has ended (ps shows state Z
---and <defunct>), until a task calls wait or the step is left. A step may have 1000
---such children at a time, running or not; then lab.spawn fails with EAGAIN.
---@class lab.SpawnOptions
---@field stdin "pipe"?           for Process:write; /dev/null if it is missing, as for the next two
---@field stdout "pipe"?          for Process:read
---@field stderr "pipe"|"stdout"? for Process:read_stderr; "stdout": it goes where standard output goes
---@field input string?           instead of stdin: what the process reads, through a pipe that is closed then
---@field reap boolean?           false: see above; true if it is missing

---Starts a program with its arguments. A name without / is searched for in PATH,
---as a shell does. It leads a session; its descriptors are 0 to 2: pipes, if the
---options say so, else /dev/null.
---
---    local process = assert(lab.spawn({ "sort" }, { stdin = "pipe", stdout = "pipe" }))
---    process:write("b\na\n")
---    process:close_stdin()
---    local first = process:read(65536)
---@param argv string[] 1 to 1000 strings: the program, then its arguments
---@param options lab.SpawnOptions?
---@return lab.Process? process, string? message, integer? errno
function lab.spawn(argv, options) end

---Collects all garbage, now.
function lab.gc() end

---Collects all garbage, then gives idle memory back to the system. Returns how
---many bytes were given back.
---@return integer bytes
function lab.release() end

---Runs name.lua of the scenario's folder, and returns what it returns (true if
---that is nil). Further calls return the same value without running it again. A
---task that calls it while another one runs the file waits for that.
---Raises an error if there is no such file.
---@param name string letters, digits, _ and -
---@return any
function lab.include(name) end

---The functions of a primitive: C code from outside the lab, which was loaded with
---`--primitive FILE`. What they do is said where the primitive comes from;
---docs/primitive.md says how one is written. If the lab has no primitive of that
---name, this is an error, and the list of steps says so of this step.
---
---    local mandel = lab.primitive "mandel"
---    local picture = mandel.render(300, 300, 255)
---@param name string
---@return table functions which can't be changed
function lab.primitive(name) end

return lab
