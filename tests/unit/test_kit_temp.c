/* SPDX-License-Identifier: MIT
 * Temporary folders of the kit: how many descriptors they take, how they go,
 * and what is told when there can be none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <lauxlib.h>
#include <lualib.h>

#include "kit/temp.h"
#include "temp_name.h"

static char root[TEMP_NAME], outer[TEMP_NAME]; /* TMPDIR here, and outside */

static int open_state(void **state) {
  if (!outer[0])
    snprintf(outer, sizeof outer, "%s", getenv("TMPDIR") ?: "/tmp");
  setenv("TMPDIR", outer, 1);
  if (!mkdtemp(write_temp_name(root, "kit-temp")) || setenv("TMPDIR", root, 1))
    return -1;
  lua_State *L = luaL_newstate();
  assert_non_null(L);
  luaL_openlibs(L);
  lua_newtable(L);
  luaL_setfuncs(L, lab_kit_temp, 0);
  lua_setglobal(L, "host");
  *state = L;
  return 0;
}

/* The folder must be empty: nothing was left. */
static int close_state(void **state) {
  lua_close(*state);
  return rmdir(root);
}

static void run_code(lua_State *L, const char *code) {
  if (luaL_dostring(L, code))
    fail_msg("%s", lua_tostring(L, -1));
}

static void test_many_folders(void **state) {
  struct rlimit before;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
  assert_int_equal(
      setrlimit(RLIMIT_NOFILE, &(struct rlimit){40, before.rlim_max}), 0);
  run_code(*state, "paths, seen = {}, {}\n"
                   "for i = 1, 300 do\n"
                   "  paths[i] = assert(host.temp_folder())\n"
                   "  assert(not seen[paths[i]])\n"
                   "  seen[paths[i]] = true\n"
                   "  assert(io.open(paths[i] .. '/file', 'w')):close()\n"
                   "end\n"
                   "for _, path in ipairs(paths) do\n"
                   "  assert(host.remove_tree(path))\n"
                   "  assert(not io.open(path .. '/file'))\n"
                   "end\n"
                   "assert(not host.remove_tree(paths[1]))\n"
                   "for i = 1, 300 do\n"
                   "  assert(host.remove_tree(assert(host.temp_folder())))\n"
                   "end");
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

/* Without its lock another run would remove it. */
static void test_no_descriptor_is_left(void **state) {
  struct rlimit before;
  int next = dup(0);
  close(next);
  run_code(*state, "host.remove_tree(host.temp_folder())");
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
  assert_int_equal(
      setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)next, before.rlim_max}),
      0);
  run_code(*state, "path, problem = host.temp_folder()");
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
  run_code(*state, "assert(path == nil and problem:find 'Too many open files',"
                   " problem)\n"
                   "host.remove_tree(assert(host.temp_folder()))");
}

static void test_no_folder(void **state) {
  setenv("TMPDIR", "/tmp/there/is/no/such/folder", 1);
  run_code(*state, "path, problem = host.temp_folder()\n"
                   "assert(path == nil and problem:find 'No such file', "
                   "problem)");
  setenv("TMPDIR", root, 1);
  run_code(*state, "host.remove_tree(assert(host.temp_folder()))");
}

#define WITH_STATE(f)                                                          \
  cmocka_unit_test_setup_teardown(f, open_state, close_state)

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_STATE(test_many_folders),
      WITH_STATE(test_no_descriptor_is_left),
      WITH_STATE(test_no_folder),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
