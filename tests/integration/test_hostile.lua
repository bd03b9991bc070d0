-- SPDX-License-Identifier: MIT
-- Folders with scenarios that nobody selects, and that do the worst they can:
-- the lab answers as if they weren't there, and says of each what is wrong.
local t = require "harness"
local exercise = require "exercise"
t.need("curl", "mkfifo", "truncate")

local function write_scenario(dir, name, text)
  t.run("mkdir -p " .. dir .. "/" .. name)
  t.write(dir .. "/" .. name .. "/scenario.lua", text)
end

local ENDLESS = "it doesn't come to an end"
local REQUEST = " request = function() end }"
local KEY = "setmetatable({}, { __tostring = function() while true do end end })"

-- { slug, code, what the list says of it ("": any reason) }
local CODE = {
  { "load", "while true do end", ENDLESS },
  { "stubborn", "while true do pcall(function() while true do end end) end", ENDLESS },
  { "pattern", "local s = ('a'):rep(100000) s:find(('a-'):rep(20) .. 'b') return {" .. REQUEST, ENDLESS },
  { "patterns", "while true do pcall(string.find, ('a'):rep(30), ('a?'):rep(30) .. ('a'):rep(30) .. 'b') end",
    ENDLESS },
  { "concat", "local t = {} for i = 1, 1000 do t[i] = 'x' end while true do pcall(table.concat, t) end", ENDLESS },
  { "sort", "local t = {} for i = 1, 1e5 do t[i] = i % 7 end while true do table.sort(t) end", ENDLESS },
  { "finalizer", "setmetatable({}, { __gc = function() while true do end end }) return {" .. REQUEST, ENDLESS },
  { "finalizers", "local function again() return setmetatable({}, { __gc = again }) end again() "
    .. "while true do again() end", ENDLESS },
  { "pairs", "return { hints = setmetatable({ 'a' }, { __pairs = function(t) "
    .. "return function() return 1, 'a' end, t end })," .. REQUEST, "hints must be a list of strings" },
  { "index", "return { params = { n = setmetatable({}, { __index = function() while true do end end }) }," .. REQUEST,
    "params: n must be its default" },
  { "length", "return { hints = setmetatable({}, { __len = function() while true do end end })," .. REQUEST,
    "hints must be a list of strings" },
  { "key", "return { [" .. KEY .. "] = 1," .. REQUEST, "unknown key 'table'" },
  { "path", "return { routes = { [" .. KEY .. "] = print }," .. REQUEST, "routes: 'table' must be like '/report'" },
  { "parameter", "return { params = { [" .. KEY .. "] = 1 }," .. REQUEST, "params: 'table' can't be a name" },
  { "limit", "return { limits = { [" .. KEY .. "] = 1 }," .. REQUEST, "limits: unknown key 'table'" },
  { "strings", "getmetatable('').__index = nil return {" .. REQUEST, "scenario.lua:1: attempt to index" },
  { "memory", "local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1000000) .. i end", "scenario.lua: not enough memory" },
  { "brackets", "return " .. ("("):rep(300), "scenario.lua: C stack overflow" },
  { "binary", "\27Lua", "scenario.lua: attempt to load a binary chunk" },
  { "log", "while true do lab.log('x') end", "scenario.lua:1: it doesn't come to an end" },
  { "placeless", "error('no', 0)", "scenario.lua: no" },
  { "table", "local t = {} for i = 1, 1e9 do t[i] = i end", "" },
  { "rep", "return { title = ('x'):rep(1 << 40)," .. REQUEST, "" },
  { "title", "return { title = ('x'):rep(1 << 20)," .. REQUEST, "its texts are too long" },
  { "recursion", "local function f() return f() + 1 end f()", "" },
  { "handler", "local function h() error(h) end xpcall(error, h) error(setmetatable({}, { __tostring = h }))",
    "(error object is a table value)" },
}

-- { slug, a shell command with the scenario's file as $f and its folder as $d, ... }
local FILES = {
  { "fifo", "mkfifo $f", "it is a named pipe; a regular file is wanted" },
  { "zero", "ln -s /dev/zero $f", "it is a device; a regular file is wanted" },
  { "tty", "ln -s /dev/tty $f", "it is a device; a regular file is wanted" },
  { "kmsg", "ln -s /proc/kmsg $f", "" },
  { "huge", "truncate -s 100M $f", "it has 104857600 bytes; 1048576 are the most" },
  { "folder", "mkdir $f", "Is a directory" },
  { "loop", "ln -s scenario.lua $f", "Too many levels of symbolic links" },
  { "nothing", "ln -s /nonexistent $f", "No such file or directory" },
  { "self", "rmdir $d; ln -s $(basename $d) $d", "Too many levels of symbolic links" },
}
local FIRST = 900
local PATIENCE = t.is_sanitized() and "300" or "60" -- seconds: they may compute, each until its limit

-- A folder with all of them; and the list of { number, slug, wanted reason }.
local function make_hostile_folder()
  local dir, all = t.temp_dir(), {}
  local function add(kind)
    local number = FIRST + #all
    all[#all + 1] = { number = number, slug = kind[1], reason = kind[3] }
    return ("%d-%s"):format(number, kind[1])
  end
  for _, kind in ipairs(CODE) do write_scenario(dir, add(kind), kind[2]) end
  for _, kind in ipairs(FILES) do
    local folder = dir .. "/" .. add(kind)
    t.equal(t.run(("mkdir %s; d=%s f=%s/scenario.lua; %s"):format(folder, folder, folder, kind[2])).code, 0, kind[1])
  end
  return dir, all
end

-- The part of LIST that is about step NUMBER, in one line.
local function entry_of(list, number)
  local from = t.check(list:find("[ >] step " .. number .. ":"), "step " .. number .. " is listed")
  local to = list:find("\n\n", from, true)
  return (list:sub(from, to):gsub("%s+", " "))
end

local function check_list(list, all)
  for number in exercise.numbers():gmatch("%d+") do t.match(entry_of(list, number), "difficulty %d of 5") end
  for _, hostile in ipairs(all) do
    local entry = entry_of(list, hostile.number)
    t.has(entry, "It can't be selected: ", hostile.slug)
    if not t.is_sanitized() then t.has(entry, hostile.reason, hostile.slug) end -- some other limit comes first
  end
end

-- Whether a process reads a scenario of DIR.
local function has_reader(dir)
  return t.run("ps -ww -eo args").out:find("diaglab-reader " .. dir, 1, true) ~= nil
end

t.test("twenty of them harm neither the list nor anything else, and are read once", function()
  local dir, all = make_hostile_folder()
  local lab = t.start_with({ dir, t.source .. "/scenarios" }, "--step", "1")
  t.sleep(0.1) -- a file that was just written might change once more unseen
  local rss, began = lab:rss(), t.now()
  for _ = 1, 6 do t.spawn("curl -s --max-time " .. PATIENCE .. " " .. lab.url .. "/steps") end
  -- Meanwhile:
  for _ = 1, 3 do
    t.equal(lab:get("/status", "--max-time", PATIENCE).status, 200)
    t.match(lab:get("/hint", "--max-time", PATIENCE).body, "^hint 1: ")
  end
  t.equal(lab:go_to(5, "--max-time", PATIENCE).body, "switched to step 5")
  local list = lab:get("/steps", "--max-time", PATIENCE)
  t.equal(list.status, 200)
  local took = t.now() - began
  check_list(list.body, all)
  t.eventually(function() return not has_reader(dir) end)
  t.check(lab:rss() < rss + (32 << 20), "nothing of them is in the lab's memory")
  -- What was read isn't read again until it changes.
  local best = math.huge
  for _ = 1, 3 do
    local seconds, again = lab:seconds_of(function() return lab:get("/steps") end)
    t.equal(again.body, list.body)
    best = math.min(best, seconds)
  end
  t.check(best < took / 4, ("%g s, then %g s"):format(took, best))
  write_scenario(dir, FIRST .. "-load", "return { title = lab.include 'title',".. REQUEST)
  t.has(entry_of(lab:get("/steps").body, FIRST), "title.lua: No such file or directory")
  t.write(dir .. "/" .. FIRST .. "-load/title.lua", "return 'one'")
  t.has(entry_of(lab:get("/steps").body, FIRST), "step 900: one")
  t.write(dir .. "/" .. FIRST .. "-load/title.lua", "return 'two'")
  t.has(entry_of(lab:get("/steps").body, FIRST), "step 900: two")
  t.equal(lab:stop(), 0)
end)

t.test("a key whose name is code is told by its type, at once", function()
  local dir = t.temp_dir()
  local wanted = {}
  for i, kind in ipairs(CODE) do
    if kind[2]:find(KEY, 1, true) then
      write_scenario(dir, FIRST + i .. "-" .. kind[1], kind[2])
      wanted[FIRST + i] = kind[3]
    end
  end
  t.check(next(wanted), "there are some")
  local lab = t.start_with { dir }
  for number, text in pairs(wanted) do
    local answer = lab:in_time(1, "/goto", function() return lab:go_to(number, "--max-time", "20") end)
    t.equal(answer.status, 500)
    t.has(answer.body, text)
  end
  t.equal(lab:get("/", "--max-time", "20").body, "hello world")
  t.equal(lab:stop(), 0)
end)

t.test("the lab stops at once while they are read", function()
  local dir = t.temp_dir()
  for i = 1, 60 do write_scenario(dir, (FIRST + i) .. "-load", "while true do end") end
  local lab = t.start_with { dir }
  t.spawn("curl -s " .. lab.url .. "/steps")
  t.eventually(function() return has_reader(dir) end)
  t.equal(lab:end_in(5), 0)
  t.check(not lab:log():find("leaving it", 1, true), "nothing was left behind")
end)

t.test("/goto refuses what is no regular file, and goes on", function()
  local dir, all = make_hostile_folder()
  write_scenario(dir, "800-includes", "return { request = lab.include 'part' }")
  t.run("mkfifo " .. dir .. "/800-includes/part.lua")
  local lab = t.start_with { dir, t.source .. "/scenarios" }
  for _, hostile in ipairs(all) do
    if hostile.number >= FIRST + #CODE then
      local answer = lab:go_to(hostile.number, "--max-time", PATIENCE)
      t.equal(answer.status, 500, hostile.slug)
      t.has(answer.body, hostile.reason, hostile.slug)
    end
  end
  t.has(lab:go_to(800, "--max-time", PATIENCE).body, "part.lua: it is a named pipe")
  t.equal(lab:go_to(5).body, "switched to step 5")
  t.equal(lab:stop(), 0)
end)

t.test("--list says what is wrong, and exits with 1", function()
  local dir, all = make_hostile_folder()
  local printed = t.run(t.command { "timeout", "60", t.diaglab, "--list", "--scenarios", dir,
    "--scenarios", t.source .. "/scenarios" })
  t.equal(printed.code, 1)
  check_list(printed.out, all)
  t.equal(printed.err, ("diaglab: %d of these steps are broken\n"):format(#all))
  printed = t.run(t.command { t.diaglab, "--list" })
  t.equal(printed.code, 0)
  t.equal(printed.err, "")
end)

t.test("--list ends when it is told to", function()
  local dir = t.temp_dir()
  for i = 1, 100 do write_scenario(dir, (FIRST + i) .. "-load", "while true do end") end
  local list = t.spawn(t.command { t.diaglab, "--list", "--scenarios", dir })
  t.eventually(function() return has_reader(dir) end)
  list:signal("TERM")
  t.check((list:wait() or 0) ~= 0, "it was ended")
  t.eventually(function() return not has_reader(dir) end)
end)

t.finish()
