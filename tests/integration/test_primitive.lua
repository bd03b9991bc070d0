-- SPDX-License-Identifier: MIT
-- C primitives from outside the tree (include/diaglab/primitive.h): the example in
-- tests/primitive is compiled as its users compile theirs, and is seen in each
-- profile by its own names.
local pprof = require "pprof"
local t = require "harness"
t.need("cc", "curl", "go", "pkg-config", "readelf", "strip")

local FOLDER = t.source .. "/tests/primitive"
local DIR = t.temp_dir() -- of the test that runs

-- Compiles FILE, or a text, to NAME.so. Returns its path.
local function compile(name, source, ...)
  local file = source
  if not source:find("^/") then
    file = ("%s/%s.c"):format(DIR, name)
    t.write(file, source)
  end
  local out = ("%s/%s.so"):format(DIR, name)
  local flags = "-shared -fPIC -O2 -g -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -I" .. t.source .. "/include"
  local built = t.run(("cc %s $(pkg-config --cflags lua5.4) -o %s %s %s"):format(flags, out, file,
    table.concat({ ... }, " ")))
  t.equal(built.code, 0, built.err)
  return out
end

local MANDEL = compile("mandel", FOLDER .. "/mandel.c")
local MANDEL_BYTES = t.read(MANDEL)

local function test(name, body)
  t.test(name, function()
    DIR = t.temp_dir()
    MANDEL = DIR .. "/mandel.so"
    t.write(MANDEL, MANDEL_BYTES)
    body()
  end)
end

local function start(...)
  return t.start_with({ FOLDER .. "/scenarios" }, "--primitive", MANDEL, "--step", "91", ...)
end

local function ask(lab, path) return t.spawn(("curl -s '%s%s'"):format(lab.url, path)) end

-- ---- the document --------------------------------------------------------------

-- The first block of docs/primitive.md in LANGUAGE.
local function block_of(language)
  return t.match(t.read(t.source .. "/docs/primitive.md"), "\n```" .. language .. "\n(.-)\n```\n")
end

test("the smallest one is compiled and called as the document says", function()
  t.run("mkdir " .. DIR .. "/41-sums")
  t.write(DIR .. "/41-sums/scenario.lua", block_of "lua")
  local lab = t.start_with({ DIR }, "--primitive", compile("sums", block_of "c"), "--step", "41")
  t.equal(lab:get("/").body, "3.0")
  t.equal(lab:stop(), 0)
end)

-- `cc` as TEXT has it, on a line of its own. The header is the clone's, where Debian's
-- folder of headers is the package's.
test("the commands that are written down compile", function()
  local folder = t.temp_dir()
  t.write(folder .. "/sums.c", block_of "c")
  t.run(t.command { "cp", FOLDER .. "/mandel.c", folder })
  for _, file in ipairs { "/docs/primitive.md", "/include/diaglab/primitive.h", "/tests/primitive/mandel.c" } do
    local command, name = t.match(t.read(t.source .. file), "\n[ *]+(cc %-shared [^\n]* (%l+)%.c)\n")
    local built = t.run(("cd %s && CPATH=%s/include %s"):format(t.quote(folder), t.source, command))
    t.equal(built.code, 0, file .. ": " .. built.err)
    t.equal(t.run(t.command { "test", "-s", ("%s/%s.so"):format(folder, name) }).code, 0, file)
    t.run(("rm %s/%s.so"):format(folder, name))
  end
end)

-- ---- profiles ------------------------------------------------------------------

-- A CPU profile beside the request PATH, which is ended by leaving the step.
local function profile_beside(lab, path, name)
  local file = DIR .. "/cpu"
  return t.enough(function(seconds)
    local request = ask(lab, path)
    t.equal(t.run(("curl -s -o %s '%s/debug/pprof/profile?seconds=%d'"):format(file, lab.url, seconds)).code, 0)
    t.equal(lab:go_to(91).status, 200)
    request:wait()
    return pprof.top(file), pprof.raw(file), file
  end, function(top) return top[name] and top[name].cum >= 0.2 end)
end

test("a job's CPU time is at the line that has called it, with all C functions below", function()
  local lab = start()
  local top, raw, file = profile_beside(lab, "/long", "mandel.render")
  t.equal(top.rows[1].name, "count_rounds", "a static function")
  t.check(top["mandel.render"].cum >= 0.9 * top.total, "mandel.render")
  t.check(not top["lab_primitive_run"] and not top["run_work"], "machinery")
  local seen = {}
  for _, sample in ipairs(raw.samples) do
    local stack = table.concat(pprof.names(sample), " ")
    if stack:find("^count_rounds ") then
      t.match(stack, "^count_rounds draw_row [%a_ ]-mandel%.render preview%.routes%[\"/long\"%] ")
      local _, times = stack:gsub("mandel%.render", "")
      t.equal(times, 1, stack)
      seen[#seen + 1] = sample.stack[1].frames[1]
    end
  end
  t.check(#seen > 0, "samples")
  t.match(seen[1].file, "/mandel%.c$")
  t.check(seen[1].line > 1, "a line")
  -- The file is a mapping with its build id, so that pprof finds its source and code.
  local id = t.match(t.run("readelf -n " .. MANDEL).out, "Build ID: (%x+)")
  local _, mappings = table.concat(raw.mappings, "\n"):gsub("mandel%.so " .. id, "")
  t.equal(mappings, 1)
  local tree = pprof.run(file, "-tree")
  t.match(tree, "|   mandel%.render\n[^|]-| run_drawing\n")
  t.match(tree, "|   draw_row\n[^|]-| count_rounds\n")
  t.equal(lab:stop(), 0)
end)

test("so is that of a function on the VM's thread", function()
  local lab = start()
  local _, raw = profile_beside(lab, "/scan?times=100000000", "mandel.scan")
  local found = 0
  for _, sample in ipairs(raw.samples) do
    local stack = table.concat(pprof.names(sample), " ")
    if stack:find("^count_rounds ") then
      t.match(stack, "^count_rounds mandel%.scan preview%.routes")
      found = found + 1
    end
  end
  t.check(found > 0, "samples")
  t.equal(lab:stop(), 0)
end)

test("a file that was stripped has the names by which scripts call, each once", function()
  local stripped = DIR .. "/stripped.so"
  t.equal(t.run(("strip -o %s %s"):format(stripped, MANDEL)).code, 0)
  local lab = t.start_with({ FOLDER .. "/scenarios" }, "--primitive", stripped, "--step", "91")
  local top, raw = profile_beside(lab, "/scan?times=100000000", "mandel.scan")
  t.check(top["[stripped.so]"].flat >= 0.5 * top.total, "code without a name")
  for _, sample in ipairs(raw.samples) do
    local _, times = table.concat(pprof.names(sample), " "):gsub("mandel%.scan", "")
    t.check(times <= 1, "mandel.scan twice")
  end
  t.equal(lab:stop(), 0)
end)

test("memory counts, is charged to the script's line, and comes back", function()
  local lab = start("--memprofile-rate", "1")
  local url = lab.url .. "/debug/pprof/heap?gc=1"
  local function inuse()
    local top = pprof.top(url, "-sample_index=inuse_space")
    return top["mandel.render"] and top["mandel.render"].cum or 0, top
  end
  lab:get("/keep")
  lab:get("/keep?height=2000")
  local bytes, top = inuse()
  t.near(bytes, 3000000, 30000)
  t.check(top["run_drawing"].flat == top["run_drawing"].cum, "no allocator below it")
  t.near(top['preview.routes["/keep"]'].cum, bytes, 30000)
  -- 64 MiB are the step's limit.
  local refused = lab:get("/keep?height=100000")
  t.equal(refused.status, 500)
  t.match(lab:details(refused),
    "scenario%.lua:%d+: not enough memory for a picture of 100000000 bytes: the step has 64 MiB %(limits%.memory%)")
  t.equal(lab:get("/drop").body, "0")
  t.check(inuse() < 10000, "given back")
  -- What a cancelled job has allocated goes with it.
  local before = lab:vars()("HeapAlloc")
  local request = ask(lab, "/long")
  lab:wait_tasks("syscall", 1)
  t.eventually(function() return lab:vars()("HeapAlloc") > before + 15000000 end)
  t.equal(lab:go_to(91).status, 200)
  request:wait()
  t.eventually(function() return lab:vars()("HeapAlloc") < before + 1000000 end)
  t.equal(lab:stop(), 0)
end)

-- ---- tasks -------------------------------------------------------------------

local function dump(lab) return lab:get("/debug/pprof/goroutine?debug=2").body end

test("tasks that wait for a primitive say so, and are cancelled", function()
  local lab = start()
  local cases = {
    { "/long", "syscall", "render" },
    { "/knock?ms=600000&limit=-1", "primitive wait", "knock" },
    { "/knock?ms=600000&limit=600", "primitive wait", "knock" },
  }
  for _, case in ipairs(cases) do
    local request = ask(lab, case[1])
    lab:wait_tasks(case[2], 1)
    t.match(dump(lab), ("goroutine %%d+ %%[%s%%]:\nmandel%%.%s%%(%%.%%.%%.%%)\n\t%%S-/mandel%%.c:%%d+ .-\npreview%%.")
      :format(case[2], case[3]))
    t.match(lab:get("/metrics").body, ('diaglab_tasks{state="%s"} 1\n'):format(case[2]))
    local answer = lab:in_time(1, "leaving", function() return lab:go_to(91) end)
    t.equal(answer.status, 200, answer.body)
    request:wait()
    t.equal(request:out(), "the step was left\n")
  end
  -- A function that looks around ends, too, at once.
  local request = ask(lab, "/scan?times=100000000")
  lab:work("vm", 0.1)
  local answer = lab:in_time(1, "leaving", function() return lab:go_to(91) end)
  t.equal(answer.status, 200, answer.body)
  request:wait()
  -- And so has the job: no worker works any more.
  t.eventually(function()
    local cpu = lab:thread_cpu("worker")
    t.run("sleep 0.2")
    return lab:thread_cpu("worker") - cpu < 0.02
  end)
  t.equal(lab:stop(), 0)
end)

test("a task is woken by another thread, or its time is over", function()
  local lab = start()
  t.equal(lab:get("/knock?ms=1&limit=600").body, "true")
  t.equal(lab:get("/knock?ms=1").body, "true")
  t.equal(lab:get("/knock?ms=2000&limit=0.01").body, "false")
  t.equal(lab:get("/knock?ms=2000&limit=0").body, "false")
  -- Who knocks may come when the task has been cancelled, or the lab has ended.
  local requests = {}
  for i = 1, 20 do requests[i] = ask(lab, ("/knock?ms=%d"):format(20 * i)) end
  t.eventually(function() return dump(lab):find("[primitive wait]", 1, true) end)
  t.equal(lab:go_to(91).status, 200)
  for _, request in ipairs(requests) do request:wait() end
  t.equal(lab:get("/knock?ms=500").body, "true")
  for i = 1, 40 do ask(lab, ("/knock?ms=%d"):format(50 * i)) end
  t.eventually(function() return dump(lab):find("[primitive wait]", 1, true) end)
  t.equal(lab:stop(), 0)
end)

test("where a task can't be parked a job is run at once, and waiting is an error", function()
  local lab = start()
  t.equal(lab:get("/sort").body, "1 2 3")
  t.equal(lab:stop(), 0)
end)

-- ---- what scripts see --------------------------------------------------------

local SCRIPT = [[return { title = "t", symptom = "s", request = function()
  %s
end }]]

-- What a scenario of this body answers, or says when it fails.
local function answer_of(body, ...)
  local dir = t.temp_dir()
  t.run("mkdir " .. dir .. "/2-x")
  t.write(dir .. "/2-x/scenario.lua", SCRIPT:format(body))
  local lab = t.start_with({ dir }, "--step", "2", "--primitive", ...)
  local answer = lab:get("/")
  local text = answer.status == 200 and answer.body or lab:details(answer)
  t.equal(lab:stop(), 0)
  return text
end

test("a primitive is a table that can't be changed", function()
  t.equal(answer_of('return tostring(lab.primitive "mandel".MOST)', MANDEL), "255")
  t.has(answer_of('lab.primitive "mandel".MOST = 1', MANDEL), "mandel is read-only")
  t.has(answer_of('return lab.primitive "mandel".rendr', MANDEL), "mandel has no 'rendr'; did you mean 'render'?")
  t.has(answer_of('return lab.primitive "mandle"', MANDEL),
    "there is no primitive 'mandle'; did you mean 'mandel'? (--primitive names the file of one)")
  t.has(answer_of('return lab.primitive(1)', MANDEL), "primitive: a name is wanted")
  t.has(answer_of('return lab.primitive "mandel".render(1, 1)', MANDEL), "bad argument #3 to 'render'")
end)

test("a step whose primitive is missing is broken, and says why", function()
  local reason = "there is no primitive 'mandel' (--primitive names the file of one)"
  local function flat(text) return (text:gsub("%s+", " ")) end
  local folder = FOLDER .. "/scenarios"
  local list = t.run(("%s --list --scenarios %s"):format(t.diaglab, folder))
  t.equal(list.code, 1)
  t.has(flat(list.out), reason)
  local whole = t.run(("%s --list --scenarios %s --primitive %s"):format(t.diaglab, folder, MANDEL))
  t.equal(whole.code, 0, whole.err)
  t.has(whole.out, "step 91: Pictures that nobody looks at\n")
  local lab = t.start_with({ folder, t.source .. "/scenarios" })
  t.has(flat(lab:get("/steps").body), reason)
  local answer = lab:go_to(91)
  t.check(answer.status ~= 200, "it can't be selected")
  t.has(flat(answer.body), reason)
  t.equal(lab:stop(), 0)
  -- The verbs for authors know them, too.
  local check = t.run(("%s check --json %s/91-preview"):format(t.diaglab, folder))
  t.has(check.out, reason)
  check = t.run(("%s check --json --primitive %s %s/91-preview"):format(t.diaglab, MANDEL, folder))
  t.check(not check.out:find("no primitive", 1, true), check.out)
  local refused = t.run(("%s test --primitive %s/none.so %s"):format(t.diaglab, DIR, folder))
  t.equal(refused.code, 2)
  t.has(refused.err, "none.so: No such file or directory")
end)

-- ---- files that are no good ----------------------------------------------------

local HEAD = [[#include <diaglab/primitive.h>
#include <lauxlib.h>
static int f(lua_State *L) { return luaL_error(L, "no licence"); }
]]

local function compile_entry(name, rest, ...) return compile(name, HEAD .. rest, ...) end

test("a file that is no good is refused, and says why", function()
  local function copy(name, bytes)
    local file = DIR .. "/" .. name
    t.write(file, t.read(MANDEL):sub(1, bytes))
    return file
  end
  local functions = "static const lab_primitive_function list[] = {%s, {NULL, NULL, false}};\n"
  local entry = "LAB_PRIMITIVE_ENTRY = {%s, %s, list, NULL};"
  local good, two = functions:format '{"f", f, false}', functions:format '{"f", f, false}, {"f", f, false}'
  t.run("mkfifo " .. DIR .. "/pipe.so")
  t.write(DIR .. "/text.so", "#!/bin/sh\n")
  t.write(DIR .. "/empty.so", "")
  local wrong_machine = t.read(MANDEL)
  t.write(DIR .. "/machine.so", wrong_machine:sub(1, 18) .. "\8\0" .. wrong_machine:sub(21))
  local cases = {
    { DIR .. "/nothing.so", "No such file or directory" },
    { "", "No such file or directory" },
    { DIR, "it is not a file" },
    { DIR .. "/pipe.so", "it is not a file" },
    { DIR .. "/empty.so", "the file is empty" },
    { DIR .. "/text.so", "it is not a shared object" },
    { DIR .. "/machine.so", "it is for another kind of processor" },
    { copy("half.so", 9000), "the file is cut off" },
    { copy("head.so", 64), "the file is cut off" },
    { copy("byte.so", 1), "it is not a shared object" },
    { t.diaglab, "cannot dynamically load position-independent executable" },
    { compile("bare", "int x;"), "it has no lab_primitive_entry" },
    { compile_entry("old", 'LAB_PRIMITIVE_ENTRY = {0, (const char *)1, (const void *)2, f};'),
      "it was compiled for version 0 of diaglab/primitive.h, and this program has version 1: compile it again" },
    { compile_entry("space", good .. entry:format("LAB_PRIMITIVE_ABI", '"a b"')), "it has no good name" },
    { compile_entry("null", good .. entry:format("LAB_PRIMITIVE_ABI", 'NULL')), "it has no good name" },
    { compile_entry("twins", two .. entry:format("LAB_PRIMITIVE_ABI", '"twins"')), "two functions are called f" },
    { compile_entry("code", functions:format('{"g", NULL, false}, {"f", f, false}') ..
      entry:format("LAB_PRIMITIVE_ABI", '"code"')), "the function g has no code" },
    { compile_entry("missing", "int nobody_has_this(void); int x(void) { return nobody_has_this(); }\n" .. good ..
      entry:format("LAB_PRIMITIVE_ABI", '"missing"')), "undefined symbol: nobody_has_this" },
    { compile_entry("init", "LAB_PRIMITIVE_ENTRY = {LAB_PRIMITIVE_ABI, \"init\", NULL, f};"),
      "the primitive init of " .. DIR .. "/init.so doesn't open: no licence" },
    { compile_entry("lua", good .. entry:format("LAB_PRIMITIVE_ABI", '"lua"'), "-Wl,--no-as-needed -llua5.4"),
      "it brings a Lua of its own" },
  }
  for _, case in ipairs(cases) do
    local result = t.run(("timeout 20 %s --listen 127.0.0.1:0 --state none --primitive '%s'"):format(t.diaglab,
      case[1]))
    t.equal(result.code, 1, case[1] .. ": " .. result.err)
    t.has(result.err, case[2])
    t.has(result.err, case[1])
  end
  local twice = t.run(("%s --listen 127.0.0.1:0 --primitive %s --primitive %s"):format(t.diaglab, MANDEL, MANDEL))
  t.equal(twice.code, 1)
  t.has(twice.err, MANDEL .. " has a primitive called mandel, too")
end)

test("several files are several primitives; the mistakes of one are errors in Lua", function()
  local other = compile_entry("other", [[
#include <string.h>
static int get_five(lua_State *L) { lua_pushinteger(L, 5); return 1; }
static void run(void *data) { *(int *)data = 7; }
static int finish(lua_State *L, void *data) { lua_pushinteger(L, *(int *)data); return 1; }
static const lab_primitive_work kind = {sizeof(int), run, finish, NULL};
static const lab_primitive_work huge = {1 << 20, run, finish, NULL};
static int job(lua_State *L) { return lab_primitive_run(L, lab_primitive_new_work(L, &kind)); }
static int wait_in(lua_State *L) { return lab_primitive_wait(L, lab_primitive_new_work(L, &kind), 0); }
static int large(lua_State *L) { return lab_primitive_run(L, lab_primitive_new_work(L, &huge)); }
static const lab_primitive_function list[] = {
  {"five", get_five, true}, {"fail", f, false}, {"job", job, false}, {"wait", wait_in, false},
  {"large", large, false}, {NULL, NULL, false}};
LAB_PRIMITIVE_ENTRY = {LAB_PRIMITIVE_ABI, "other", list, NULL};]])
  local function try(body)
    return answer_of('local o = lab.primitive "other"\n' .. body, other, "--primitive", MANDEL)
  end
  t.equal(try 'return tostring(o.five() + #lab.primitive "mandel".render(2, 2, 1) + o.job())', "16")
  t.has(try "return o.fail()", "no licence")
  t.has(try "return o.large()", "a primitive's work has 1048576 bytes: at most 65536 are allowed")
  t.has(try "local l = { 2, 1 }; table.sort(l, function() return o.wait() end)", "can't wait for a primitive here")
end)

-- What a hidden function does is its caller's. Memory that grows moves, and is
-- counted as long as it is held, whatever becomes of the work.
test("hidden functions, memory that grows, and work that fails at its end", function()
  local store = compile_entry("store", [=[
typedef struct store { char *bytes; size_t size; bool fails; } store;
static void run(void *data) {
  store *s = data;
  for (size_t size = 1000; size <= 4096000; size *= 2) {
    char *grown = lab_primitive_realloc(s->bytes, s->size, size);
    if (!grown)
      return;
    s->bytes = grown;
    s->size = size;
  }
}
static void drop(void *data) {
  store *s = data;
  lab_primitive_free(s->bytes, s->size);
}
static int finish(lua_State *L, void *data) {
  store *s = data;
  if (s->fails)
    luaL_error(L, "it fails at its end");
  lua_pushinteger(L, (lua_Integer)s->size);
  return 1;
}
static const lab_primitive_work kind = {sizeof(store), run, finish, drop};
static int fill(lua_State *L) {
  store *s = lab_primitive_new_work(L, &kind);
  s->fails = lua_toboolean(L, 1);
  return lab_primitive_run(L, s);
}
static int make(lua_State *L) {
  if (lab_primitive_alloc(0))
    return luaL_error(L, "memory of no size");
  lua_newuserdatauv(L, 3000000, 0);
  return 1;
}
static const lab_primitive_function list[] = {
  {"fill", fill, false}, {"make", make, true}, {"fail", f, false}, {NULL, NULL, false}};
LAB_PRIMITIVE_ENTRY = {LAB_PRIMITIVE_ABI, "store", list, NULL};]=])
  local dir = t.temp_dir()
  t.run("mkdir " .. dir .. "/2-x")
  t.write(dir .. "/2-x/scenario.lua", [=[local store, kept = lab.primitive "store", {}
local function keepOne() kept[#kept + 1] = store.make() end
return { title = "t", symptom = "s", request = function() keepOne() return "kept" end, routes = {
  ["/fill"] = function() return tostring(store.fill(false)) end,
  ["/fail"] = function() return tostring(store.fill(true)) end } }]=])
  local lab = t.start_with({ dir }, "--step", "2", "--primitive", store, "--memprofile-rate", "1")
  local function inuse()
    return pprof.top(lab.url .. "/debug/pprof/heap?gc=1", "-sample_index=inuse_space")
  end
  lab:get("/")
  local top = inuse()
  t.near(top["x.keepOne"].flat, 3000000, 30000)
  t.check(not top["store.make"] and not top["make"], "hidden")
  t.equal(lab:get("/fill").body, "4096000")
  t.has(lab:details(lab:get("/fail")), "it fails at its end")
  top = inuse()
  t.check(not top["run"], "given back")
  local all = pprof.top(lab.url .. "/debug/pprof/heap", "-sample_index=alloc_space")
  t.near(all["run"].flat, 2 * 8191000, 100000)
  t.equal(lab:stop(), 0)
end)

-- One that never looks around can't be left, and nobody waits for it in vain.
test("the step of a function that doesn't look around isn't left, and says which one", function()
  local blind = compile_entry("blind", [=[
#include <time.h>
static __attribute__((noinline)) double spin_blindly(lua_Number seconds) {
  volatile double sum = 0;
  clock_t end = clock() + (clock_t)(seconds * CLOCKS_PER_SEC);
  do
    for (int i = 0; i < 10000000; i++)
      sum = sum + i;
  while (clock() < end);
  return sum;
}
static int spin(lua_State *L) {
  lua_pushnumber(L, spin_blindly(luaL_checknumber(L, 1)));
  return 1;
}
static const lab_primitive_function list[] = {{"spin", spin, false}, {"fail", f, false}, {NULL, NULL, false}};
LAB_PRIMITIVE_ENTRY = {LAB_PRIMITIVE_ABI, "blind", list, NULL};]=])
  local dir = t.temp_dir()
  t.run("mkdir " .. dir .. "/2-x")
  t.write(dir .. "/2-x/scenario.lua", SCRIPT:format('return tostring(lab.primitive "blind".spin(2))'))
  local lab = t.start_with({ dir }, "--step", "2", "--primitive", blind)
  local request = ask(lab, "/")
  lab:work("vm", 0.1)
  local answer = lab:go_to(2)
  t.equal(answer.status, 503)
  t.has(answer.body, " is in spin_blindly, which can't be interrupted; ")
  request:wait()
  t.eventually(function() return lab:go_to(2).status == 200 end)
  t.equal(lab:stop(), 0)
end)

t.finish()
