/* SPDX-License-Identifier: MIT
 * A hook that is armed in a signal handler runs, also if the signal came while
 * Lua was taking the mark of an earlier one off the call (hook.c): armed again,
 * it gets the mark again. */
#include "vm/hook.h"

#include <lauxlib.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/time.h>

#include <cmocka.h>

#include "vm/lualayout.h"

enum { LATE = 1000 }; /* signals: then the hook has not run */

static lua_State *running;
static volatile int signals;

static void end_loop(lua_State *L, lua_Debug *ar) {
  (void)ar;
  luaL_error(L, "hook");
}

static void end_test(lua_State *L, lua_Debug *ar) {
  (void)ar;
  luaL_error(L, "lost");
}

/* The first signal finds Lua at the worst moment. */
static void on_signal(int signal) {
  (void)signal;
  signals++;
  if (signals > LATE) {
    lua_sethook(running, end_test, LUA_MASKCOUNT, 1);
    return;
  }
  lab_hook_arm(running);
  if (signals == 1)
    ((lab_layout_state *)(void *)running)->call->u.lua.trap = 0;
}

static void test_lost_mark(void **state) {
  (void)state;
#ifdef __SANITIZE_THREAD__ /* it holds signals back while a loop runs */
  skip();
#endif
  lua_State *L = luaL_newstate();
  assert_non_null(L);
  struct itimerval often = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
  lab_layout_check(L, &lab_lua_layout);
  assert_true(lab_layout_fits());
  lab_hook_set_preempt(end_loop);
  running = L;
  signal(SIGVTALRM, on_signal);
  assert_int_equal(luaL_loadstring(L, "while true do end"), LUA_OK);
  setitimer(ITIMER_VIRTUAL, &often, NULL);
  assert_int_equal(lua_pcall(L, 0, 0, 0), LUA_ERRRUN);
  setitimer(ITIMER_VIRTUAL, &never, NULL);
  assert_non_null(strstr(lua_tostring(L, -1), "hook"));
  assert_in_range(signals, 2, LATE);
  lua_close(L);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_lost_mark)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
