/* SPDX-License-Identifier: MIT
 * Functions of Lua's library that work on huge strings: a signal may come at
 * any time, and its handler raises where lab_leaf_code_may_raise allows it.
 * Each of them is cut short so, Lua is whole afterwards, and nothing leaks.
 * LEAF_ROUNDS (default 3) says how often each is tried; more often
 * until it was cut once. */
#include "vm/leaf_code.h"

#include <lauxlib.h>
#include <lualib.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>

#include <cmocka.h>

#include "base/clock.h"
#include "stack/unwind.h"
#include "vm/lualayout.h"
#include "vm/stringlib.h"
#include "vm/vm.h"

enum { MOST_ROUNDS = 100 };

/* What is called, once it has been prepared: s is 2 MiB long, n its length. */
static const char *const calls[] = {
    "string.upper(s)",
    "string.lower(s)",
    "string.reverse(s)",
    "string.rep('ab', n)",
    "string.format('%s|', s)",
    "string.format('%q', s)",
    "string.format(s)",
    "string.pack('z', s)",
    "string.pack('s', s)",
    "string.pack(blanks)",
    "string.pack(pads)",
    "string.packsize(blanks)",
    "string.unpack(blanks, '')",
    "utf8.len(s)",
    "utf8.offset(s, n)",
    "utf8.offset(s, -n)",
    "tonumber(digits)",
    "tonumber('0x' .. digits)",
    "tonumber(blanks .. 1)",
    "tonumber('0.' .. zeros .. 1)",
    "tonumber(digits, 7)",
    "digits + 1",
    "math.tointeger(blanks .. 1)",
    "nuls < nuls .. 'a'",
    "s .. s .. s .. s",
    "table.concat({ s, s, s, s })",
    "string.gsub('x', 'x', s)",
    "string.find(string.sub(s, 1, 10000), '.-b')",
    "string.gmatch(string.sub(s, 1, 10000), '.-b')()",
    "string.gsub(s, '.', '%0')",
    "string.find('x', s)",
#ifndef __SANITIZE_ADDRESS__ /* its memmem hides who calls it */
    "string.find(s, 'b' .. string.rep('a', 20), 1, true)",
    "string.find(s, string.rep('a', n // 2) .. 'b', 1, true)",
#endif
    "string.byte(s, 1, 100000)",
    "table.sort(numbers)",
    "table.concat(numbers)",
    "table.move(numbers, 1, #numbers, 2)",
    "table.insert(numbers, 1, 0)",
};

static const char prepare[] =
    "n = 2 << 20\n"
    "s, digits, blanks = ('a'):rep(n), ('1'):rep(n), (' '):rep(n)\n"
    "pads, zeros, nuls = ('x'):rep(n), ('0'):rep(n), ('\\0'):rep(n // 8)\n"
    "numbers = {}\n"
    "for i = 1, 100000 do numbers[i] = math.random(0) end\n";

/* ---- the signal ----------------------------------------------------------
 */

static lua_State *volatile running;
static volatile sig_atomic_t raised;
static timer_t timer;

static void handle_tick(int sig, siginfo_t *info, void *context) {
  (void)sig;
  (void)info;
  if (!running || !lab_leaf_code_may_raise(context))
    return;
  lua_State *L = running;
  running = NULL;
  raised++;
  pthread_sigmask(SIG_SETMASK, &((const ucontext_t *)context)->uc_sigmask,
                  NULL);
  luaL_error(L, "cut short");
}

static void start_ticks(uint64_t first) {
  const struct itimerspec ticks = {
      .it_interval = {0, 50000},
      .it_value = {(time_t)(first / LAB_SECOND), (long)(first % LAB_SECOND)},
  };
  timer_settime(timer, 0, &ticks, NULL);
}

static void stop_ticks(void) {
  const struct itimerspec never = {{0, 0}, {0, 0}};
  timer_settime(timer, 0, &never, NULL);
}

/* ---- the state -----------------------------------------------------------
 */

/* Zeroed: the state has no VM. */
static void *allocate_zeroed(void *ud, void *p, size_t old, size_t size) {
  (void)ud;
  (void)old;
  if (size == 0) {
    free(p);
    return NULL;
  }
  return p ? realloc(p, size) : calloc(1, size);
}

static int open_state(lua_State *L) {
  luaL_openlibs(L);
  lab_stringlib_open(L);
  if (luaL_dostring(L, prepare))
    lua_error(L);
  return 0;
}

static int begin(void **state) {
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGURG};
  struct sigaction sa = {.sa_sigaction = handle_tick, .sa_flags = SA_SIGINFO};
  lab_unwind_init();
  lab_leaf_code_init();
  sigaction(SIGURG, &sa, NULL);
  if (timer_create(CLOCK_MONOTONIC, &event, &timer))
    return -1;
  lua_State *L = lua_newstate(allocate_zeroed, NULL);
  *state = L;
  if (!L)
    return -1;
  lua_pushcfunction(L, open_state);
  return lua_pcall(L, 0, 0, 0);
}

static int end(void **state) {
  if (*state)
    lua_close(*state);
  timer_delete(timer);
  return 0;
}

/* ---- rounds --------------------------------------------------------------
 */

/* Calls the function on top of the stack. Returns how long it took. */
static uint64_t call_once(lua_State *L, int *status) {
  uint64_t before = lab_clock_mono();
  lua_pushvalue(L, -1);
  *status = lua_pcall(L, 0, 0, 0);
  return lab_clock_mono() - before;
}

static int kilobytes(lua_State *L) {
  lua_gc(L, LUA_GCCOLLECT);
  lua_gc(L, LUA_GCCOLLECT);
  return lua_gc(L, LUA_GCCOUNT);
}

/* Lua still does what it should. */
static void check_whole(lua_State *L) {
  static const char text[] =
      "local t = {}\n"
      "for i = 1, 100 do t[i] = ('k' .. i):upper() t[t[i]] = i end\n"
      "assert(#table.concat(t) == 292 and t.K100 == 100)\n"
      "assert(('a,b'):gsub(',', ';') == 'a;b' and #s == n)\n";
  if (luaL_dostring(L, text))
    fail_msg("%s", lua_tostring(L, -1));
}

static int cut_call(lua_State *L, int rounds) {
  int status, cut = 0;
  uint64_t took = call_once(L, &status);
  assert_int_equal(status, LUA_OK);
  for (int i = 0; i < rounds || (cut == 0 && i < MOST_ROUNDS); i++) {
    start_ticks(1 + took * (uint64_t)rand() / RAND_MAX / 2);
    running = L;
    call_once(L, &status);
    running = NULL;
    stop_ticks();
    if (status == LUA_OK)
      continue;
    assert_int_equal(status, LUA_ERRRUN);
    assert_non_null(strstr(lua_tostring(L, -1), "cut short"));
    lua_pop(L, 1);
    cut++;
    check_whole(L);
  }
  return cut;
}

static void test_library(void **state) {
  lua_State *L = *state;
#ifdef __SANITIZE_THREAD__
  skip(); /* its handlers come late, so nothing is ever cut short */
#endif
  const char *text = getenv("LEAF_ROUNDS");
  int rounds = text ? (int)strtol(text, NULL, 10) : 3;
  int before = kilobytes(L);
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    lua_pushfstring(L, "local r = %s", calls[i]);
    assert_int_equal(luaL_loadstring(L, lua_tostring(L, -1)), LUA_OK);
    int cut = cut_call(L, rounds);
    lua_settop(L, 0);
    print_message("%2d of %d: %s\n", cut, rounds, calls[i]);
    if (cut == 0)
      fail_msg("%s was never cut short", calls[i]);
  }
  assert_in_range(kilobytes(L), 0, before + 2048); /* not one of the strings */
}

/* The tables and strings of the core are never half changed. */
static void test_never(void **state) {
  static const char text[] = "local t = {}\n"
                             "for i = 1, 300000 do t['k' .. i] = i end\n"
                             "for i = 1, 300000 do t['k' .. i] = nil end\n";
  lua_State *L = *state;
  assert_int_equal(luaL_loadstring(L, text), LUA_OK);
  raised = 0;
  start_ticks(1000);
  running = L;
  int status = lua_pcall(L, 0, 0, 0);
  running = NULL;
  stop_ticks();
  if (status != LUA_OK) /* it may have been in .. */
    assert_non_null(strstr(lua_tostring(L, -1), "cut short"));
  lua_settop(L, 0);
  check_whole(L);
}

/* A full table T, with C keys that are numbers times M: they meet in one place
 * where the move takes them. MORE: as many keys follow the array's first 3. */
typedef struct move {
  const char *prepare, *move;
  bool loses; /* the array becomes shorter: keys may be missing */
} move;

#define TWICE_AS_LARGE                                                         \
  "c, more, t = 1 << 14, 0, { 1, 2, 3, 4 }\n"                                  \
  "m = 2 * c - 1\n"                                                            \
  "for i = 1, c do t[m * i] = i end\n"                                         \
  "t[4] = nil\n"

static const move moves[] = {
    {TWICE_AS_LARGE, "t[m * (c + 1)] = 0", false},
    {TWICE_AS_LARGE, "rawset(t, m * (c + 1), 0)", false},
    {TWICE_AS_LARGE, "t[1], t[2], t[3] = nil t[m * (c + 1)] = 0", true},
    /* the array gets what was in the hash */
    {"c, more, t = (1 << 13) - 4, 5, { 1, 2, 3, 4 }\n"
     "m = (1 << 13) - 1\n"
     "for i = 1, c do t[m * i] = i end\n"
     "for i = 5, 8 do t[i] = i end\n",
     "t.x = 0", false},
    /* fractions of which only the last bits differ */
    {"c, more, m, t = 0, 0, 0, { 1, 2, 3 }\n"
     "for i = 1, 1 << 13 do t[1 + i * 2.0 ^ -52] = i end\n",
     "t.x = 0", false},
};

/* What was there is there, once, and the table can still be filled. */
static void check_table(lua_State *L, const char *move) {
  static const char text[] =
      "local seen = {}\n"
      "for k, v in pairs(t) do\n"
      "  assert(t[k] == v and rawget(t, k) == v and not seen[k])\n"
      "  seen[k] = true\n"
      "end\n"
      "for i = 1, c do assert(t[m * i] == i, i) end\n"
      "for i = 1, 3 + more do assert(t[i] == i) end\n"
      "for i = 1, 1000 do t['k' .. i] = i end\n"
      "for i = 1, 1000 do assert(t['k' .. i] == i) t['k' .. i] = nil end\n";
  if (luaL_dostring(L, text))
    fail_msg("%s: %s", move, lua_tostring(L, -1));
}

static void cut_move(lua_State *L, const move *m) {
  if (luaL_dostring(L, m->prepare))
    fail_msg("%s", lua_tostring(L, -1));
  assert_int_equal(luaL_loadstring(L, m->move), LUA_OK);
  start_ticks(1000000);
  running = L;
  int status = lua_pcall(L, 0, 0, 0);
  running = NULL;
  stop_ticks();
  print_message("%d: %s\n", status, m->move);
  assert_int_equal(status, LUA_ERRRUN);
  assert_non_null(strstr(lua_tostring(L, -1), "cut short"));
  if (!m->loses)
    check_table(L, m->move);
  luaL_dostring(L, "t = nil");
  lua_settop(L, 0);
}

static void test_moved_tables(void **state) {
  lua_State *L = *state;
#ifdef __SANITIZE_THREAD__
  skip();
#endif
  int before = kilobytes(L);
  lab_layout_check(L, &lab_lua_layout);
  assert_true(lab_layout_fits());
  for (size_t i = 0; i < sizeof moves / sizeof *moves; i++) {
    cut_move(L, &moves[i]);
    check_whole(L);
    assert_in_range(kilobytes(L), 0, before + 256);
  }
}

/* A string that was left before it had its hash is the same key as an equal one
 * that has it. */
static void test_long_keys(void **state) {
  static const char make[] =
      "t, one, other = {}, s .. s .. 'x', s .. s .. 'x'\n"
      "t[other] = 1\n";
  static const char check[] = "assert(t[one] == 1)\n"
                              "assert(({ [one] = 2 })[other] == 2)\n";
  lua_State *L = *state;
  int cut = 0;
#ifdef __SANITIZE_THREAD__
  skip();
#endif
  lab_layout_check(L, &lab_lua_layout);
  assert_true(lab_layout_fits());
  assert_int_equal(luaL_loadstring(L, "return t[one]"), LUA_OK);
  for (int i = 0; i < MOST_ROUNDS; i++) {
    int status;
    assert_int_equal(luaL_dostring(L, make), LUA_OK);
    start_ticks(1000 + (uint64_t)rand() % 1000000);
    running = L;
    call_once(L, &status);
    running = NULL;
    stop_ticks();
    cut += status != LUA_OK;
    lua_settop(L, 1);
    if (luaL_dostring(L, check))
      fail_msg("%s", lua_tostring(L, -1));
  }
  lua_settop(L, 0);
  luaL_dostring(L, "t, one, other = nil");
  print_message("%d of %d\n", cut, MOST_ROUNDS);
  assert_true(cut > MOST_ROUNDS / 2);
}

static __attribute__((noinline)) size_t unwind_caller(lab_frame *out) {
  return lab_unwind_here(out, LAB_UNWIND_MAX, 0, false);
}

/* This function is known, the library of the tests isn't. */
static void test_frames(void **state) {
  (void)state;
  lab_frame here[LAB_UNWIND_MAX];
  size_t n = unwind_caller(here);
  assert_true(n > 2);
  assert_true(lab_leaf_code_is_known(here, 1));
  assert_false(lab_leaf_code_is_known(here, n));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_library),      cmocka_unit_test(test_never),
      cmocka_unit_test(test_moved_tables), cmocka_unit_test(test_long_keys),
      cmocka_unit_test(test_frames),
  };
  return cmocka_run_group_tests(tests, begin, end);
}
