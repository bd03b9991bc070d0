/* SPDX-License-Identifier: MIT
 * Lua files that are data: what they return is copied, and whatever they try,
 * they end and harm nobody. */
#include "scenario/data_file.h"

#include <lauxlib.h>
#include <lualib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"

static void *zeroing_alloc(void *ud, void *p, size_t old, size_t size) {
  (void)ud;
  if (size == 0) {
    free(p);
    return NULL;
  }
  void *block = realloc(p, size);
  if (block && !p)
    memset(block, 0, size);
  (void)old;
  return block;
}

static lua_State *new_state(void) {
  lua_State *L = lua_newstate(zeroing_alloc, NULL);
  assert_non_null(L);
  return L;
}

/* Calls host.data; its two results are on the stack. */
static void call(lua_State *L, const char *text, size_t len) {
  lua_pushcfunction(L, lab_host_data);
  lua_pushlstring(L, text, len);
  lua_pushliteral(L, "lesson.lua");
  if (lua_pcall(L, 2, 2, 0) != LUA_OK)
    fail_msg("%s", lua_tostring(L, -1));
}

/* Pushes the data of TEXT; fails the test if there is none. */
static void push(lua_State *L, const char *text) {
  call(L, text, strlen(text));
  if (!lua_istable(L, -2))
    fail_msg("%s", lua_tostring(L, -1));
  lua_pop(L, 1);
}

/* TEXT must be refused with a message that has WANT. */
static void refuse(const char *text, const char *want) {
  lua_State *L = new_state();
  int top = lua_gettop(L);
  call(L, text, strlen(text));
  assert_true(lua_isnil(L, -2));
  if (!strstr(lua_tostring(L, -1), want))
    fail_msg("'%s' isn't in '%s'", want, lua_tostring(L, -1));
  assert_int_equal(strncmp(lua_tostring(L, -1), "lesson.lua:", 11), 0);
  lua_settop(L, top);
  lua_close(L);
}

static void test_values_are_copied(void **state) {
  (void)state;
  lua_State *L = new_state();
  push(L, "return { a = 'x\\0y', 1, 2.5, true, { deep = { { 'z' } } } }");
  size_t len;
  lua_getfield(L, -1, "a");
  assert_memory_equal(lua_tolstring(L, -1, &len), "x\0y", 3);
  assert_int_equal(len, 3);
  lua_pop(L, 1);
  lua_rawgeti(L, -1, 1);
  assert_true(lua_isinteger(L, -1));
  lua_pop(L, 1);
  lua_rawgeti(L, -1, 2);
  assert_true(lua_tonumber(L, -1) == 2.5 && !lua_isinteger(L, -1));
  lua_pop(L, 1);
  lua_rawgeti(L, -1, 4);
  lua_getfield(L, -1, "deep");
  lua_rawgeti(L, -1, 1);
  lua_rawgeti(L, -1, 1);
  assert_string_equal(lua_tostring(L, -1), "z");
  lua_close(L);
}

static void test_code_may_calculate(void **state) {
  (void)state;
  lua_State *L = new_state();
  push(L, "local t = {} for i = 1, 3 do t[i] = i * 2 .. 'x' end return t");
  lua_rawgeti(L, -1, 3);
  assert_string_equal(lua_tostring(L, -1), "6x");
  lua_close(L);
}

static void test_nothing_can_be_called(void **state) {
  (void)state;
  refuse("return { print('x') }", "attempt to call a nil value");
  refuse("return { ('x'):rep(1e9) }", "attempt to index a string value");
  refuse("return { x = #y }", "attempt to get length of a nil value");
  refuse("return { function() end }", "there is a function in the table");
  refuse("return { f = { g = { function() end } } }", "a lesson is data");
  refuse("return {\n f = 1,\n g = function()\n end }",
         ":3: there is a function in the table");
}

static void test_everything_ends(void **state) {
  (void)state;
  refuse("while true do end", "it doesn't come to an end");
  refuse("local function f() return f() end f()", "it doesn't come to an end");
  refuse("local s = 'x' while true do s = s .. s end", "not enough memory");
  refuse("local t = {} for i = 1, 1e9 do t[i] = {} end", "");
  refuse("local function f() f() end f()", "");
  refuse("local t = {} t.t = t return t", "contains itself");
  refuse("local t = {} for i = 1, 60000 do t[i] = i end return t",
         "there is too much");
}

/* Few instructions that take long: each joins, or compares, 4 MB; and a little
 * that is much when it is copied. */
static void test_long_strings_end_too(void **state) {
  (void)state;
  uint64_t began = lab_clock_thread_cpu();
  refuse("local s = 'x' for i = 1, 22 do s = s .. s end\n"
         "local t for i = 1, 300000 do t = s .. 'y' end return {}",
         "it doesn't come to an end");
  refuse("local s = 'x' for i = 1, 21 do s = s .. s end\n"
         "local t, u, n = s .. 'y', s .. 'y', 0\n"
         "for i = 1, 300000 do if t == u then n = i end end return {}",
         "it doesn't come to an end");
  refuse("local s = 'x' for i = 1, 20 do s = s .. s end\n"
         "local t = {} for i = 1, 40000 do t[i] = s end return t",
         "there is too much");
  static char text[1000000]; /* each of these is looked at for the next one */
  size_t n = (size_t)snprintf(text, sizeof text, "if a then ");
  while (n + 32 < sizeof text)
    n += (size_t)snprintf(text + n, 32, "elseif a then ");
  refuse(text, "it doesn't come to an end");
  assert_in_range(lab_clock_thread_cpu() - began, 0, 10 * LAB_SECOND);
}

static void test_other_results_are_refused(void **state) {
  (void)state;
  refuse("return 1", "it returns no table");
  refuse("", "it returns no table");
  refuse("return {", "unexpected symbol near <eof>");
  refuse("\x1bLua", "binary chunk");
  refuse("error('x')", "attempt to call a nil value (global 'error')");
}

static void test_nesting_has_a_bound(void **state) {
  (void)state;
  enum { DEPTH = 40 };
  char text[128] = "return ";
  size_t at = strlen(text);
  memset(text + at, '{', DEPTH);
  memset(text + at + DEPTH, '}', DEPTH);
  refuse(text, "nested too deep");
}

/* A file's state is gone when its data was copied, and also when it wasn't. */
static void test_memory_is_given_back(void **state) {
  (void)state;
  lua_State *L = new_state();
  lua_gc(L, LUA_GCCOLLECT);
  int before = lua_gc(L, LUA_GCCOUNT);
  for (int i = 0; i < 200; i++) {
    call(L, "return { a = { 1, 2 } }", 23);
    lua_settop(L, 0);
    call(L, "return 1", 8);
    lua_settop(L, 0);
  }
  lua_gc(L, LUA_GCCOLLECT);
  lua_gc(L, LUA_GCCOLLECT);
  assert_in_range(lua_gc(L, LUA_GCCOUNT), 0, (uintmax_t)before + 16);
  lua_close(L);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_values_are_copied),
      cmocka_unit_test(test_code_may_calculate),
      cmocka_unit_test(test_nothing_can_be_called),
      cmocka_unit_test(test_everything_ends),
      cmocka_unit_test(test_long_strings_end_too),
      cmocka_unit_test(test_other_results_are_refused),
      cmocka_unit_test(test_nesting_has_a_bound),
      cmocka_unit_test(test_memory_is_given_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
