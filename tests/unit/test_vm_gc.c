/* SPDX-License-Identifier: MIT
 * A full collection says whether it was done: it may be held, and where the
 * collector works in steps it ends early if nobody wants it any more. One that
 * is stuck at a weak table is given up, in either mode, and loses nothing.
 * Memory is not refused while there is garbage, also where it has just been
 * refused. */
#include <lauxlib.h>
#include <lualib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mem/mem.h"
#include "stack/unwind.h"
#include "task/sched.h"
#include "vm/gc.h"
#include "vm/machine.h"
#include "vm/vm.h"

enum {
  MOST = 40000000, /* tables, until the collector works in steps */
  SPARE = 1 << 20, /* bytes that a script keeps for later */
};

static lab_vm vm;
static const lab_sched_ops no_tasks;
static bool unwanted, unwanted_while_stuck;
static unsigned stuck; /* how often it was asked there */

static int open_nothing(lua_State *L) {
  (void)L;
  return 0;
}

static bool ask_whether_unwanted(bool is_stuck) {
  stuck += is_stuck;
  return unwanted || (is_stuck && unwanted_while_stuck);
}

static int open_vm(void **state) {
  (void)state;
  lab_err err;
  vm = (lab_vm){0};
  vm.sched = lab_sched_new(&no_tasks, NULL);
  if (lab_machine_open(&vm, open_nothing, &err))
    return -1;
  lab_gc_set_unwanted(ask_whether_unwanted);
  return 0;
}

static int close_vm(void **state) {
  (void)state;
  lab_gc_set_unwanted(NULL);
  lab_machine_close(&vm);
  lab_sched_free(vm.sched);
  return 0;
}

static int make_tables(lua_State *L) {
  lua_newtable(L);
  for (lua_Integer n = 1; !lab_gc_is_in_steps() && n <= MOST; n++) {
    lua_newtable(L);
    lua_rawseti(L, -2, n);
    if (n % 1000000 == 0)
      assert_true(lab_gc_full(L));
  }
  return 1;
}

static void test_unwanted(void **state) {
  (void)state;
  lua_State *L = vm.L;
  unwanted = false;
  lua_pushcfunction(L, make_tables);
  assert_int_equal(lua_pcall(L, 0, 1, 0), LUA_OK);
  assert_true(lab_gc_is_in_steps());
  size_t all = lab_mem_app_bytes();
  unwanted = true;
  assert_false(lab_gc_full(L));
  unwanted = false;
  assert_true(lab_gc_full(L));
  lua_pop(L, 1); /* now the tables are garbage */
  assert_true(lab_gc_full(L));
  assert_true(lab_mem_app_bytes() < all / 2);
}

/* A table with weak keys that takes Lua long: each key is the value of another
 * one, in an order of chance. And weak values beside it.
 */
static const char WEAK[] =
    "local n, seed = 12000, 1\n"
    "local keys = {}\n"
    "for i = 1, n do keys[i] = { i } end\n"
    "for i = n, 2, -1 do\n"
    "  seed = (seed * 1103515245 + 12345) & 0x7fffffff\n"
    "  local j = (seed >> 8) % i + 1\n"
    "  keys[i], keys[j] = keys[j], keys[i]\n"
    "end\n"
    "local chain = setmetatable({}, { __mode = 'k' })\n"
    "for i = 1, n - 1 do chain[keys[i]] = keys[i + 1] end\n"
    "local first = keys[1]\n"
    "local values = setmetatable({}, { __mode = 'v' })\n"
    "values.kept, values.lost = keys[n], {}\n"
    "keys = nil\n"
    "return function()\n"
    "  local key, sum = first, 0\n"
    "  while key do sum, key = sum + key[1], chain[key] end\n"
    "  return sum, values.kept ~= nil, values.lost ~= nil\n"
    "end\n";

static void check_chain(lua_State *L, bool has_lost) {
  lua_pushvalue(L, -1);
  lua_call(L, 0, 3);
  assert_int_equal(lua_tointeger(L, -3), 12000 * 12001 / 2);
  assert_true(lua_toboolean(L, -2));
  assert_int_equal(lua_toboolean(L, -1), has_lost);
  lua_pop(L, 3);
}

static void test_stuck(void **state) {
  lua_State *L = vm.L;
  (void)state;
  luaL_requiref(L, "_G", luaopen_base, 1);
  assert_true(lab_gc_full(L));
  size_t before = lab_mem_app_bytes();
  lab_gc_hold(true);
  assert_int_equal(luaL_dostring(L, WEAK), LUA_OK);
  lab_gc_hold(false);
  unwanted_while_stuck = true;
  bool in_steps = lab_gc_is_in_steps();
  for (int i = 0; i < 3; i++) {
    stuck = 0;
    assert_false(lab_gc_full(L));
    assert_int_equal(stuck, 1);
    assert_true(lab_gc_is_in_steps());
    check_chain(L, true);
  }
  assert_false(in_steps); /* so both modes were tried */
  unwanted_while_stuck = false;
  assert_true(lab_gc_full(L));
  check_chain(L, false);
  lua_settop(L, 0);
  assert_true(lab_gc_full(L));
  assert_true(lab_mem_app_bytes() < before + (64 << 10));
}

/* Coroutines that have ended by an error, and are garbage, still have variables
 * of which functions are in use. The first function makes some, the second one
 * uses them, which makes garbage, and counts those that are wrong. */
static const char DEAD[] =
    "local n, gets, sets = 5000, {}, {}\n"
    "local function make()\n"
    "  for k = 1, n do\n"
    "    coroutine.resume(coroutine.create(function()\n"
    "      local x = { 0 }\n"
    "      gets[k] = function() return x end\n"
    "      sets[k] = function(v) x = v end\n"
    "      error('end')\n"
    "    end))\n"
    "  end\n"
    "end\n"
    "local function use()\n"
    "  local wrong, want = 0, {}\n"
    "  for i = 1, 60 * n do\n"
    "    local k = i % n + 1\n"
    "    sets[k]({ i })\n"
    "    want[k] = i\n"
    "    k = i * 7 % n + 1\n"
    "    local v = gets[k]()\n"
    "    if want[k] and (type(v) ~= 'table' or v[1] ~= want[k]) then\n"
    "      wrong = wrong + 1\n"
    "    end\n"
    "  end\n"
    "  return wrong\n"
    "end\n"
    "return make, use\n";

static void test_dead_coroutines(void **state) {
  lua_State *L = vm.L;
  (void)state;
  luaL_openlibs(L);
  lab_gc_hold(true);
  assert_int_equal(luaL_dostring(L, WEAK), LUA_OK);
  assert_int_equal(luaL_dostring(L, DEAD), LUA_OK);
  lua_insert(L, -2);
  lua_call(L, 0, 0);
  lab_gc_hold(false);
  unwanted_while_stuck = true;
  assert_false(lab_gc_full(L));
  unwanted_while_stuck = false;
  lua_remove(L, 1); /* the chain */
  lua_call(L, 0, 1);
  assert_int_equal(lua_tointeger(L, -1), 0);
  lua_settop(L, 0);
}

static void test_held(void **state) {
  (void)state;
  assert_true(lab_gc_full(vm.L));
  lab_gc_hold(true);
  assert_false(lab_gc_full(vm.L));
  lab_gc_hold(false);
  assert_true(lab_gc_full(vm.L));
}

static int take_memory(lua_State *L) {
  lua_newuserdatauv(L, (size_t)lua_tointeger(L, 1), 0);
  return 1;
}

/* As string.rep does. */
static int take_in_buffer(lua_State *L) {
  luaL_Buffer b;
  luaL_buffinitsize(L, &b, (size_t)lua_tointeger(L, 1));
  lua_pushnil(L);
  return 1;
}

static int take_bytes(lua_State *L, lua_CFunction take, lua_Integer bytes) {
  lua_pushcfunction(L, take);
  lua_pushinteger(L, bytes);
  return lua_pcall(L, 1, 1, 0);
}

static int keep_tables(lua_State *L) {
  lua_createtable(L, 50000, 0); /* so that a collection takes a moment */
  for (int i = 1; i <= 50000; i++) {
    lua_newtable(L);
    lua_rawseti(L, -2, i);
  }
  return 1;
}

/* In a task, as its allocations are a script's. */
static int use_up_memory(lua_State *L) {
  const lua_CFunction take[] = {take_memory, take_in_buffer};
  lua_pushcfunction(L, keep_tables);
  assert_int_equal(lua_pcall(L, 0, 1, 0), LUA_OK);
  assert_true(lab_gc_full(L));
  lab_memory_set_limit(&vm, lab_mem_app_bytes() + SPARE + SPARE / 4, 0);
  for (int i = 0; i < 5; i++) {
    assert_int_equal(take_bytes(L, take_memory, SPARE), LUA_OK);
    assert_int_equal(take_bytes(L, take_memory, SPARE), LUA_ERRMEM);
    lua_pop(L, 2); /* the error, and what was kept */
    assert_int_equal(take_bytes(L, take[i % 2], SPARE), LUA_OK);
    lua_pop(L, 1);
  }
  lab_memory_set_limit(&vm, 0, 0);
  return 0;
}

static void test_refused_before(void **state) {
  (void)state;
  int n;
  lua_State *co = lua_newthread(vm.L);
  lua_pushcfunction(co, use_up_memory);
  assert_int_equal(lua_resume(co, vm.L, 0, &n), LUA_OK);
  lua_pop(vm.L, 1);
}

int main(void) {
  lab_mem_init();
  lab_unwind_init();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_held, open_vm, close_vm),
      cmocka_unit_test_setup_teardown(test_stuck, open_vm, close_vm),
      cmocka_unit_test_setup_teardown(test_dead_coroutines, open_vm, close_vm),
      cmocka_unit_test_setup_teardown(test_unwanted, open_vm, close_vm),
      cmocka_unit_test_setup_teardown(test_refused_before, open_vm, close_vm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
