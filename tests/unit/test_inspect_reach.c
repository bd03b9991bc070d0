/* SPDX-License-Identifier: MIT
 * A slice of the walk over all objects ends when its time is over, however
 * large or slow a single table is; and the slices together meet everything. */
#include <lauxlib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "inspect/reach.h"

enum { TABLES = 10000, SLICE_MAX = 100 };

/* Pushes a table of so many, as values of keys. */
static void push_tables_of(lua_State *L, const char *mode) {
  lua_newtable(L);
  lua_newtable(L);
  lua_pushstring(L, mode);
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  for (int i = 1; i <= TABLES; i++) {
    lua_newtable(L);
    lua_rawseti(L, -2, i * 7);
  }
}

static void check_slices(const char *mode) {
  lua_State *L = luaL_newstate();
  lab_reach r = {0};
  uint64_t before = 0;
  assert_non_null(L);
  lab_reach_begin(&r, L);
  push_tables_of(L, mode);
  lab_reach_root(&r, L);
  do { /* the time is over at once */
    assert_true(r.met - before <= SLICE_MAX);
    before = r.met;
  } while (lab_reach_walk(&r, L, 0));
  assert_true(r.met >= TABLES);
  lab_reach_free(&r, L);
  lua_close(L);
}

static void test_slices(void **state) {
  (void)state;
  check_slices("");
}

static void test_slices_of_weak_keys(void **state) {
  (void)state;
  check_slices("k");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_slices),
      cmocka_unit_test(test_slices_of_weak_keys),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
