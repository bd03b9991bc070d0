/* SPDX-License-Identifier: MIT
 * No finalizer gets lost, wherever the collector happens to run: on a full Lua
 * stack, near the limit of nested C calls, in a step without memory. Each
 * belongs to the visit that has made its object, and none to one that has
 * ended. */
#include <lauxlib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mem/mem.h"
#include "task/sched.h"
#include "vm/machine.h"
#include "vm/vm.h"

static lab_vm vm;
static const lab_sched_ops no_tasks;
static unsigned made, finalized;

enum { VISIT = 7, NEXT_VISIT = 8 };

static int count_finalized(lua_State *L) {
  luaL_checkudata(L, 1, "counted");
  finalized++;
  return 0;
}

static int open_nothing(lua_State *L) {
  luaL_newmetatable(L, "counted");
  lua_pushcfunction(L, count_finalized);
  lua_setfield(L, -2, "__gc");
  return 0;
}

static int open_vm(void **state) {
  (void)state;
  lab_err err;
  vm = (lab_vm){0};
  made = finalized = 0;
  vm.sched = lab_sched_new(&no_tasks, NULL);
  if (lab_machine_open(&vm, open_nothing, &err))
    return -1;
  vm.generation = VISIT;
  lab_finalizers_begin(vm.L, VISIT);
  return 0;
}

static int close_vm(void **state) {
  (void)state;
  lab_machine_close(&vm);
  lab_sched_free(vm.sched);
  return 0;
}

/* Makes garbage: a userdata, and a table with a finalizer. */
static int make_objects(lua_State *L) {
  lua_newuserdatauv(L, 0, 0);
  luaL_setmetatable(L, "counted");
  lua_getglobal(L, "setmetatable");
  lua_newtable(L);
  lua_newtable(L);
  lua_pushboolean(L, true); /* never called: no task runs in this test */
  lua_setfield(L, -2, "__gc");
  lua_call(L, 2, 0);
  made++;
  return 0;
}

static void check_all_found(void) {
  assert_int_equal(finalized, made);
  assert_int_equal(vm.finalizers.due, made);
}

/* Argument 1: how many such calls are still to be nested in this one. */
static int collect_nested(lua_State *L) {
  lua_Integer n = lua_tointeger(L, 1);
  if (n == 0) {
    lua_gc(L, LUA_GCCOLLECT);
    return 0;
  }
  lua_pushcfunction(L, collect_nested);
  lua_pushinteger(L, n - 1);
  lua_call(L, 1, 0);
  return 0;
}

/* Up to the depth at which Lua refuses a further call. */
static void test_nested_c_calls(void **state) {
  (void)state;
  unsigned refused = 0;
  for (int depth = 150; depth < 250; depth++) {
    lua_pushcfunction(vm.L, make_objects);
    assert_int_equal(lua_pcall(vm.L, 0, 0, 0), LUA_OK);
    lua_pushcfunction(vm.L, collect_nested);
    lua_pushinteger(vm.L, depth);
    if (lua_pcall(vm.L, 1, 0, 0) == LUA_OK) {
      check_all_found();
    } else {
      refused++;
      lua_settop(vm.L, 0);
    }
  }
  assert_true(refused > 10 && refused < 90);
  lua_gc(vm.L, LUA_GCCOLLECT);
  check_all_found();
}

/* A coroutine whose stack is filled to the last slot, and can't grow. */
static void test_no_memory(void **state) {
  (void)state;
  for (int values = 0; values < 40; values++) {
    lua_State *co = lua_newthread(vm.L);
    lua_pushcfunction(vm.L, make_objects);
    assert_int_equal(lua_pcall(vm.L, 0, 0, 0), LUA_OK);
    for (int i = 0; i < values; i++)
      lua_pushinteger(co, i);
    lab_memory_set_limit(&vm, 1, 0);
    lua_gc(co, LUA_GCCOLLECT);
    lab_memory_set_limit(&vm, 0, 0);
    check_all_found();
    lua_settop(vm.L, 0);
  }
}

static void make_and_collect(void) {
  lua_pushcfunction(vm.L, make_objects);
  assert_int_equal(lua_pcall(vm.L, 0, 0, 0), LUA_OK);
  lua_gc(vm.L, LUA_GCCOLLECT);
}

/* The collector finds them while another visit's code runs. */
static void test_whose_they_are(void **state) {
  (void)state;
  lab_finalizers_begin(vm.L, NEXT_VISIT);
  lua_pushcfunction(vm.L, make_objects);
  assert_int_equal(lua_pcall(vm.L, 0, 0, 0), LUA_OK);
  vm.generation = NEXT_VISIT;
  make_and_collect();
  check_all_found();
  assert_int_equal(lab_finalizers_count(&vm, VISIT), 1);
  assert_int_equal(lab_finalizers_count(&vm, NEXT_VISIT), 1);
  assert_true(lab_finalizers_end(&vm, VISIT));
  assert_int_equal(lab_finalizers_count(&vm, VISIT), 0);
  assert_int_equal(lab_finalizers_count(&vm, NEXT_VISIT), 1);
  assert_int_equal(vm.finalizers.due, 1);
  assert_false(lab_finalizers_end(&vm, VISIT));
}

/* Objects that were armed before a visit's end, and after it. */
static void test_after_the_end(void **state) {
  (void)state;
  lua_pushcfunction(vm.L, make_objects);
  assert_int_equal(lua_pcall(vm.L, 0, 0, 0), LUA_OK);
  assert_false(lab_finalizers_end(&vm, VISIT));
  make_and_collect();
  assert_int_equal(finalized, 2); /* userdata are the lab's */
  assert_int_equal(vm.finalizers.due, 0);
}

/* More than one chunk has room for, twice: the queue is emptied in between. */
static void test_many(void **state) {
  (void)state;
  enum { MANY = 1000 };
  for (int turn = 0; turn < 2; turn++) {
    for (int i = 0; i < MANY; i++) {
      lua_pushcfunction(vm.L, make_objects);
      assert_int_equal(lua_pcall(vm.L, 0, 0, 0), LUA_OK);
    }
    lua_gc(vm.L, LUA_GCCOLLECT);
    assert_int_equal(lab_finalizers_count(&vm, VISIT), MANY);
    assert_true(lab_finalizers_end(&vm, VISIT));
    lab_finalizers_begin(vm.L, VISIT);
  }
}

/* As Lua's own, in what it returns and refuses. */
static void test_setmetatable(void **state) {
  (void)state;
  static const char code[] =
      "local t, mt = {}, { __metatable = 1 }\n"
      "assert(setmetatable(t, nil) == t and getmetatable(t) == nil)\n"
      "assert(setmetatable(t, mt) == t and getmetatable(t) == 1)\n"
      "local function problem(...)\n"
      "  local ok, text = pcall(setmetatable, ...)\n"
      "  assert(not ok)\n"
      "  return text\n"
      "end\n"
      "assert(problem(t, nil) == 'cannot change a protected metatable')\n"
      "assert(problem({}):find('nil or table expected', 1, true))\n"
      "assert(problem(1, {}):find('table expected, got number', 1, true))\n";
  if (luaL_dostring(vm.L, code))
    fail_msg("%s", lua_tostring(vm.L, -1));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_nested_c_calls, open_vm, close_vm),
      cmocka_unit_test_setup_teardown(test_no_memory, open_vm, close_vm),
      cmocka_unit_test_setup_teardown(test_whose_they_are, open_vm, close_vm),
      cmocka_unit_test_setup_teardown(test_after_the_end, open_vm, close_vm),
      cmocka_unit_test_setup_teardown(test_many, open_vm, close_vm),
      cmocka_unit_test_setup_teardown(test_setmetatable, open_vm, close_vm),
  };
  lab_mem_init();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
