/* SPDX-License-Identifier: MIT
 * No finalizer gets lost, wherever the collector happens to run: on a full Lua
 * stack, near the limit of nested C calls, in a step without memory. */
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
  return lab_machine_open(&vm, open_nothing, &err);
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
  lua_newtable(L);
  lua_newtable(L);
  lua_pushboolean(L, true); /* never called: no task runs in this test */
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_nested_c_calls, open_vm, close_vm),
      cmocka_unit_test_setup_teardown(test_no_memory, open_vm, close_vm),
  };
  lab_mem_init();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
