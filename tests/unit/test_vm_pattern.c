/* SPDX-License-Identifier: MIT
 * string.find, match, gmatch, gsub and rep against those of Lua's own library.
 * PATTERN_PAIRS (default 20000) and PATTERN_SEED say how many pairs of pattern
 * and subject, and which. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <lauxlib.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vm/stringlib.h"
#include "vm/vm.h"

static lua_Integer read_number(const char *name, lua_Integer otherwise) {
  const char *text = getenv(name);
  return text ? atoll(text) : otherwise;
}

/* Zeroed: the state has no VM. */
static void *allocate_zeroed(void *ud, void *p, size_t old, size_t size) {
  (void)ud;
  if (size == 0) {
    free(p);
    return NULL;
  }
  if (p)
    return realloc(p, size);
  (void)old;
  return calloc(1, size);
}

/* Calls BODY in a new state, protected: there may be no memory. */
static void run_in_state(lua_CFunction body) {
  lua_State *L = lua_newstate(allocate_zeroed, NULL);
  assert_non_null(L);
  lua_pushcfunction(L, body);
  if (lua_pcall(L, 0, 0, 0) != LUA_OK)
    fail_msg("%s", lua_tostring(L, -1));
  lua_close(L);
}

/* The table `string` as it is now, as a copy. */
static void push_copy(lua_State *L) {
  lua_newtable(L);
  lua_getglobal(L, "string");
  for (lua_pushnil(L); lua_next(L, -2);) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, -5);
  }
  lua_pop(L, 1);
}

static int compare_with_stock(lua_State *L) {
  luaL_openlibs(L);
  lua_Integer seed = read_number("PATTERN_SEED", (lua_Integer)time(NULL));
  print_message("PATTERN_SEED=%lld\n", (long long)seed);
  if (luaL_loadfile(L, LAB_SOURCE_DIR "/tests/lua/patterns.lua") != LUA_OK)
    return lua_error(L);
  push_copy(L);
  lab_stringlib_open(L);
  push_copy(L);
  lua_pushinteger(L, read_number("PATTERN_PAIRS", 20000));
  lua_pushinteger(L, seed);
  lua_call(L, 4, 3);
  assert_string_equal(lua_tostring(L, -3), "");
  assert_true(lua_tointeger(L, -2) > 1000); /* matches */
  assert_true(lua_tointeger(L, -1) > 1000); /* errors */
  return 0;
}

static void test_same_as_stock(void **state) {
  (void)state;
  run_in_state(compare_with_stock);
}

static int match_long_texts(lua_State *L) {
  luaL_openlibs(L);
  static const char text[] =
      "local s = ('a'):rep(1000000)\n"
      "assert(s:find('b') == nil and s:find('^a*b') == nil)\n"
      "assert(#s:match('^.*$') == 1000000 and #s:match('%a+') == 1000000)\n"
      "assert(select(2, s:gsub('a', 'b')) == 1000000)\n"
      "assert(select(2, (s .. 'x'):find('[^x]*x')) == 1000001)\n"
      "assert(('(' .. s .. ')'):match('%b()') == '(' .. s .. ')')\n"
      "assert((s .. 'needle'):find('.-needle') == 1)\n"
      "assert(('x'):rep(3000000, ', ') == (('x, '):rep(2999999) .. 'x'))\n"
      "assert((''):rep(1 << 62) == '')\n";
  lab_stringlib_open(L);
  if (luaL_dostring(L, text) != LUA_OK)
    return lua_error(L);
  return 0;
}

static void test_long_runs(void **state) {
  (void)state;
  run_in_state(match_long_texts);
}

static void raise_at_once(lua_State *L, lua_Debug *ar) {
  (void)ar;
  luaL_error(L, "ended by the hook");
}

/* Such a match would take hours, each as one call of C. */
static int match_for_hours(lua_State *L) {
  static const char *const texts[] = {
      "return ('a'):rep(3000):find(('a*'):rep(30) .. 'b')",
      "return (' '):rep(60000):match('^%s*:?%s*(%S*)%s*:%s*x')",
      "for _ in ('a'):rep(3000):gmatch(('a-'):rep(30) .. 'b') do end",
      "return ('a'):rep(3000):gsub(('a*'):rep(30) .. 'b', '')",
  };
  luaL_openlibs(L);
  lab_stringlib_open(L);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    assert_int_equal(luaL_loadstring(L, texts[i]), LUA_OK);
    lua_sethook(L, raise_at_once, LUA_MASKCOUNT, 1000000);
    assert_int_equal(lua_pcall(L, 0, 0, 0), LUA_ERRRUN);
    lua_sethook(L, NULL, 0, 0);
    assert_non_null(strstr(lua_tostring(L, -1), "ended by the hook"));
    lua_settop(L, 0);
  }
  return 0;
}

static void test_hook_ends_match(void **state) {
  (void)state;
  run_in_state(match_for_hours);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_same_as_stock),
      cmocka_unit_test(test_long_runs),
      cmocka_unit_test(test_hook_ends_match),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
