/* SPDX-License-Identifier: MIT
 * The order of functions that begin at one line: noted when they are loaded,
 * kept by string.dump, gone with the function, invisible to Lua. */
#include "vm/load.h"

#include <lauxlib.h>
#include <lualib.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mem/mem.h"
#include "vm/vm.h"
#include "vm/walk.h"

/* order(f): what was noted for F. */
static int order(lua_State *L) {
  const lab_layout_function *f = lua_topointer(L, 1);
  lua_pushinteger(L, lab_load_order(f->proto));
  return 1;
}

/* id(f): the id that its frames have. */
static int id_of(lua_State *L) {
  int line;
  lua_pushinteger(L, lab_walk_function(L, 1, &line));
  return 1;
}

static int open_state(lua_State *L) {
  luaL_openlibs(L);
  lab_layout_check(L, &lab_lua_layout);
  assert_true(lab_layout_fits());
  lua_register(L, "order", order);
  lua_register(L, "id", id_of);
  return 0;
}

static lua_State *new_state(lua_Alloc alloc, void *arg) {
  lua_State *L = lua_newstate(alloc, arg);
  assert_non_null(L);
  lua_pushcfunction(L, open_state);
  if (lua_pcall(L, 0, 0, 0))
    fail_msg("%s", lua_tostring(L, -1));
  return L;
}

static void *give(void *arg, void *p, size_t before, size_t size) {
  size_t *left = arg;
  size_t old = p ? before : 0;
  if (size > old && size - old > *left)
    return NULL;
  *left += old;
  *left -= size;
  if (size > 0)
    return realloc(p, size);
  free(p);
  return NULL;
}

static void run(const char *text) {
  size_t left = SIZE_MAX / 2;
  lua_State *L = new_state(give, &left);
  if (luaL_loadbuffer(L, text, strlen(text), "@load.lua") ||
      lua_pcall(L, 0, 0, 0))
    fail_msg("%s", lua_tostring(L, -1));
  lua_close(L);
  assert_int_equal(left, SIZE_MAX / 2);
}

static void test_orders(void **state) {
  (void)state;
  run("local a, b, c = function() end, function() return function() end end, "
      "function() end\n"
      "local d, e = function() end, function() return 1,\n"
      "function() end, function() end end\n"
      "assert(order(a) == 0 and order(b) == 1 and order(b()) == 2)\n"
      "assert(order(c) == 3 and order(d) == 0 and order(e) == 1)\n"
      "local _, f, g = e()\n"
      "assert(order(f) == 0 and order(g) == 1)\n"
      "assert(id(a) ~= id(b) and id(b) ~= id(c) and id(b) == id(b))\n"
      "local again = load('return function() end, function() end', '=x')\n"
      "local x, y = again()\n"
      "local x2, y2 = load('return function() end, function() end', '=x')()\n"
      "assert(id(x) == id(x2) and id(y) == id(y2) and id(x) ~= id(y))\n");
}

static void test_dumped(void **state) {
  (void)state;
  run("local a, b = function() return function() end end, "
      "function() return function() end, function() end end\n"
      "for first, strip in pairs { [2] = false, [0] = true } do\n"
      "  local c = load(string.dump(b, strip), 'b', 'b')\n"
      "  local d, e = c()\n"
      "  assert(order(c) == first)\n"
      "  assert(order(d) == first + 1 and order(e) == first + 2)\n"
      "  assert(order(load(string.dump(a, strip))) == 0)\n"
      "  assert(order(load(string.dump(a, strip))()) == 1)\n"
      "end\n");
}

/* Lines, active lines and tracebacks are as before, also in a function so long
 * that it has absolute lines. */
static void test_invisible(void **state) {
  (void)state;
  run("local lines = {}\n"
      "for i = 1, 500 do lines[i] = 'x = ' .. i .. ' y = x + 1' end\n"
      "local text = 'return function() end, function() ' ..\n"
      "  table.concat(lines, '\\n') .. '\\nerror(\"z\") end'\n"
      "local _, f = load(text, '=long')()\n"
      "assert(order(f) == 1)\n"
      "local info = debug.getinfo(f, 'SL')\n"
      "assert(info.linedefined == 1 and info.lastlinedefined == 501)\n"
      "for i = 1, 501 do assert(info.activelines[i], i) end\n"
      "assert(not info.activelines[502] and not info.activelines[0])\n"
      "local _, message = pcall(f)\n"
      "assert(message == 'long:501: z', message)\n"
      "local seen = 0\n"
      "debug.sethook(function(_, l) seen = math.max(seen, l) end, 'l')\n"
      "pcall(f)\n"
      "debug.sethook()\n"
      "assert(seen >= 501)\n");
}

/* What Lua counts as its memory is right when such functions come and go. */
static void test_counted(void **state) {
  (void)state;
  run("local text = 'return ' .. ('function() end,'):rep(100) .. '1'\n"
      "local function churn(n) for _ = 1, n do load(text, '=churn') end\n"
      "  collectgarbage() collectgarbage() return collectgarbage('count') end\n"
      "churn(10)\n"
      "local before = churn(10)\n"
      "local after = churn(2000)\n"
      "assert(math.abs(after - before) < 16, after - before)\n");
}

/* Wherever memory ends, load says so, and nothing is lost. */
static void test_out_of_memory(void **state) {
  (void)state;
  static const char text[] =
      "local f, e = load('return ' .. ('function() end,'):rep(50) .. '1', "
      "'=x')\n"
      "if not f then assert(e == 'not enough memory', e) return false end\n"
      "local all = { f() }\n"
      "for i = 1, 50 do assert(order(all[i]) == i - 1) end\n"
      "return true\n";
  size_t left = SIZE_MAX / 2;
  lua_State *L = new_state(give, &left);
  bool enough = false;
  unsigned failed = 0;
  for (size_t room = 0; !enough; room += 16) {
    left = SIZE_MAX / 2;
    lua_settop(L, 0);
    lua_gc(L, LUA_GCCOLLECT);
    left = room;
    int status = luaL_loadbuffer(L, text, sizeof text - 1, "=t");
    if (status == LUA_OK)
      status = lua_pcall(L, 0, 1, 0);
    left = SIZE_MAX / 2;
    assert_true(status == LUA_OK || status == LUA_ERRMEM);
    enough = status == LUA_OK && lua_toboolean(L, -1);
    failed += !enough;
  }
  assert_true(failed > 50);
  lua_close(L);
}

/* ---- looking around ------------------------------------------------------ */

static unsigned looks, most_looks;

static void count_look(lua_State *L) {
  if (++looks > most_looks)
    luaL_error(L, "looked often enough");
}

static void set_vm(lua_State *L, lab_vm *vm) {
  *(lab_vm **)lua_getextraspace(L) = vm;
}

/* Looks at a chunk of BEGIN, N times EACH, and END. It is compiled if nothing
 * is raised until MOST looks. */
static void try_looks(const char *begin, const char *each, int n,
                      const char *end, unsigned most) {
  static lab_vm vm;
  size_t left = SIZE_MAX / 2;
  lua_State *L = new_state(give, &left);
  luaL_Buffer text;
  luaL_buffinit(L, &text);
  luaL_addstring(&text, begin);
  for (int i = 0; i < n; i++)
    luaL_addstring(&text, each);
  luaL_addstring(&text, end);
  luaL_pushresult(&text);
  size_t len;
  const char *chunk = lua_tolstring(L, -1, &len);
  looks = 0;
  most_looks = most;
  lab_load_set_look(count_look);
  lua_gc(L, LUA_GCSTOP);
  set_vm(L, &vm);
  int status = luaL_loadbuffer(L, chunk, len, "=chunk");
  set_vm(L, NULL);
  lab_load_set_look(NULL);
  if (most == UINT_MAX) {
    assert_int_equal(status, LUA_OK);
  } else {
    assert_int_equal(status, LUA_ERRRUN);
    assert_string_equal(lua_tostring(L, -1), "looked often enough");
    assert_int_equal(looks, most + 1);
  }
  lua_close(L);
  assert_int_equal(left, SIZE_MAX / 2);
}

/* What takes Lua long in each of these are the jumps, not the text. */
static void test_jumps(void **state) {
  (void)state;
  static const struct {
    const char *begin, *each, *end;
  } chunks[] = {
      {"", "goto l ", "::l::"},
      {"while a do ", "if a then break end ", "end"},
      {"if a then ", "elseif a then ", "end"},
      {"return ", "a or ", "a"},
      {"return ", "a and ", "a"},
  };
  for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
    const char *each = chunks[i].each;
    unsigned slices = (unsigned)(8000 * strlen(each) / 1024);
    try_looks(chunks[i].begin, each, 8000, chunks[i].end, UINT_MAX);
    assert_in_range(looks, slices + 999, UINT_MAX);
    for (unsigned most = 0; most < 250; most += 33)
      try_looks(chunks[i].begin, each, 2000, chunks[i].end, most);
  }
}

/* They live on other threads: of the pool, for the list of steps and for
 * answers.
 */
static void test_no_vm(void **state) {
  (void)state;
  size_t left = SIZE_MAX / 2;
  lua_State *L = new_state(give, &left);
  uint64_t freed = lab_load_freed();
  looks = 0;
  most_looks = 0;
  lab_load_set_look(count_look);
  int status = luaL_dostring(L, "goto l ::l:: return function() end");
  lab_load_set_look(NULL);
  assert_int_equal(status, LUA_OK);
  assert_int_equal(looks, 0);
  lua_settop(L, 0);
  lua_gc(L, LUA_GCCOLLECT);
  lua_close(L);
  assert_int_equal(lab_load_freed(), freed);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_orders),        cmocka_unit_test(test_dumped),
      cmocka_unit_test(test_invisible),     cmocka_unit_test(test_counted),
      cmocka_unit_test(test_out_of_memory), cmocka_unit_test(test_jumps),
      cmocka_unit_test(test_no_vm),
  };
  lab_mem_init(); /* a state of a VM tells it what it collects */
  return cmocka_run_group_tests(tests, NULL, NULL);
}
