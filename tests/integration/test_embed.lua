-- SPDX-License-Identifier: MIT
-- A lab inside another program: the headers, the archive, diaglab.pc and the CMake
-- package are installed, and the example of docs/embedding.md is built from there.
local pprof = require "pprof"
local t = require "harness"
t.need("cc", "cmake", "curl", "go", "pkg-config")

local BUILD = t.diaglab:match "^(.*)/"
local EXAMPLE = t.source .. "/tests/embed"

local function must(command)
  local result = t.run(command)
  t.equal(result.code, 0, command .. "\n" .. result.out .. result.err)
  return result.out
end

-- Installs what programs need, and moves it elsewhere: it must not know where it was.
local function install()
  local dir = t.temp_dir()
  must(("cmake --install %s --component dev --prefix %s/before"):format(BUILD, dir))
  must(("mv %s/before %s/after"):format(dir, dir))
  return dir .. "/after", dir
end

-- PREFIX/*/pkgconfig, wherever libraries are on this system.
local function pkg_config(prefix)
  local file = must(("find %s -name diaglab.pc"):format(prefix)):match("%S+")
  return "PKG_CONFIG_PATH=" .. file:match("^(.*)/") .. " pkg-config"
end

local function compile(prefix, source, out)
  must(("cc -Wall -Wextra -Werror -O2 -g -o %s %s $(%s --cflags --libs diaglab) -lm"):format(out, source,
    pkg_config(prefix)))
  return out
end

-- Starts HOST, which logs its port as a lab does. Returns its URL and the program.
local function start(host, ...)
  local program = t.spawn(t.command { host, "127.0.0.1:0", ... })
  local port = t.eventually(function()
    if not program:alive() then error(host .. " ended: " .. program:err(), 0) end
    return program:err():match("HTTP server started on %S*:(%d+)%s")
  end)
  return "http://127.0.0.1:" .. port, program
end

local function stop(program)
  program:signal("TERM")
  t.equal(program:wait(), 0, program:err())
end

-- The function NAME is first in CPU profiles of HOST.
local function check_profile(host, name)
  local url, program = start(host)
  local top = t.enough(function(seconds)
    return pprof.top(url .. "/debug/pprof/profile?seconds=" .. seconds)
  end, function(top) return top[name] and top[name].cum >= 0.2 end)
  t.check(top[name].cum >= 0.9 * top.total, "what the program does")
  stop(program)
end

t.test("the example in the document is the file that is built here", function()
  local document = t.read(t.source .. "/docs/embedding.md")
  t.has(document, "```c\n" .. t.read(EXAMPLE .. "/host.c"):gsub("^/%*.-%*/\n", "") .. "```\n")
end)

t.test("a program is built with pkg-config, and its own function is in profiles", function()
  local prefix, dir = install()
  check_profile(compile(prefix, EXAMPLE .. "/host.c", dir .. "/host"), "run_simulation")
end)

t.test("and so it is with CMake's find_package, as is a primitive", function()
  local prefix, dir = install()
  must(("cmake -S %s -B %s/build -D CMAKE_PREFIX_PATH=%s -D CMAKE_BUILD_TYPE=RelWithDebInfo"):format(EXAMPLE, dir,
    prefix))
  must(("cmake --build %s/build"):format(dir))
  check_profile(dir .. "/build/host", "run_simulation")
  local lab = t.start_with({ t.source .. "/tests/primitive/scenarios" }, "--primitive", dir .. "/build/mandel.so",
    "--step", "91")
  t.equal(lab:get("/").body, "270000")
  t.equal(lab:stop(), 0)
  local newer = t.run(([[sed 's/diaglab 0.1/diaglab 9/; s/\.\.\/primitive/%s/' %s/CMakeLists.txt >%s/CMakeLists.txt &&
    touch %s/host.c && cmake -S %s -B %s/newer -D CMAKE_PREFIX_PATH=%s]]):format("x", EXAMPLE, dir, dir, dir, dir,
    prefix))
  t.check(newer.code ~= 0, "version 9 is not there")
  t.has(newer.err, 'compatible with requested version "9"')
end)

-- Without the options the archive doesn't link: nobody gets profiles that are wrong.
t.test("a program that is linked without the options is none", function()
  local prefix, dir = install()
  local result = t.run(("cc -o %s/host %s/host.c $(%s --cflags --libs diaglab | sed 's/-Wl,--wrap=[^ ]*//g') -lm")
    :format(dir, EXAMPLE, pkg_config(prefix)))
  t.check(result.code ~= 0, "it was linked")
  t.has(result.err, "__real_lua_resume")
end)

local OWN = [[
#include <diaglab/diaglab.h>
#include <diaglab/primitive.h>
#include <lauxlib.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

__attribute__((noinline)) static double add_numbers(lua_Integer n) {
  volatile double sum = 0;
  for (lua_Integer i = 0; i < n && (i % 65536 || !lab_primitive_cancelled()); i++)
    sum = sum + (double)i;
  return sum;
}
static int sum(lua_State *L) {
  lua_pushnumber(L, add_numbers(luaL_checkinteger(L, 1)));
  return 1;
}
static const lab_primitive_function functions[] = {{"sum", sum, false}, {NULL, NULL, false}};
static const lab_primitive host = {LAB_PRIMITIVE_ABI, "host", functions, NULL};
static const lab_primitive wrong = {LAB_PRIMITIVE_ABI + 1, NULL, NULL, NULL};

/* Ends without lab_unwatch_thread. */
static void *work(void *arg) {
  lab_watch_thread("short");
  lab_watch_thread("again");
  if (arg)
    lab_unwatch_thread();
  return arg;
}

static int serve(const lab_primitive *const *own, size_t n, char **argv) {
  const char *scenarios[] = {argv[2]};
  char error[256];
  lab_config config;
  lab_app *app;
  lab_config_init(&config);
  config.listen = argv[1];
  config.signals = true;
  config.step = n ? 1 : -1;
  config.scenarios = scenarios;
  config.nscenarios = 1;
  config.own_primitives = own;
  config.nown_primitives = n;
  if (lab_new(&app, &config, error, sizeof error))
    return fprintf(stderr, "refused: %s\n", error), 1;
  lab_run(app);
  lab_free(app);
  return 0;
}

int main(int argc, char **argv) {
  const lab_primitive *own[] = {&host, &wrong}, *twice[] = {&host, &host};
  pthread_t threads[2];
  if (lab_init() || argc < 3)
    return 1;
  lab_watch_thread("main");
  lab_unwatch_thread();
  lab_unwatch_thread();
  for (int i = 0; i < 200; i++) {
    pthread_create(&threads[i % 2], NULL, work, i % 3 ? NULL : argv);
    pthread_join(threads[i % 2], NULL);
  }
  /* A lab that doesn't start leaves nothing: the next one can. */
  if (serve(own, 2, argv) != 1 || serve(twice, 2, argv) != 1)
    return 1;
  return serve(own, 1, argv) || serve(NULL, 0, argv);
}
]]

t.test("a program brings primitives of its own; one lab comes after the other", function()
  local prefix, dir = install()
  local scenarios = dir .. "/scenarios"
  must("mkdir -p " .. scenarios .. "/1-own")
  t.write(dir .. "/own.c", OWN)
  t.write(scenarios .. "/1-own/scenario.lua", [[local host = lab.primitive "host"
    return { title = "t", symptom = "s", request = function() return ("%.0f"):format(host.sum(1000)) end,
      routes = { ["/long"] = function() return tostring(host.sum(1 << 40)) end } }]])
  local own = compile(prefix, dir .. "/own.c", dir .. "/own")
  local url, program = start(own, scenarios)
  t.has(program:err(), "refused: can't use a primitive of this program: it was compiled for version 2")
  t.has(program:err(), "refused: can't use a primitive of this program: this program has a primitive called host, too")
  t.equal(t.http(url .. "/").body, "499500")
  t.match(t.http(url .. "/steps").body, "> step 1: t\n")
  local request = t.spawn(("curl -s '%s/long'"):format(url))
  local top = t.enough(function(seconds)
    return pprof.top(url .. "/debug/pprof/profile?seconds=" .. seconds)
  end, function(top) return top.add_numbers and top.add_numbers.flat >= 0.2 end)
  t.check(top["host.sum"].cum >= 0.9 * top.total, "the function that the script has called")
  t.equal(t.http(url .. "/goto?step=1").status, 200)
  request:wait()
  -- The second lab of this process has no primitive, and knows it.
  program:signal("TERM")
  local second = t.eventually(function()
    local _, _, port = program:err():match("(HTTP server started on %S*:(%d+).*HTTP server started on %S*:(%d+)%s)")
    return port
  end)
  t.has(t.http("http://127.0.0.1:" .. second .. "/steps").body:gsub("%s+", " "), "there is no primitive 'host'")
  stop(program)
end)

t.finish()
