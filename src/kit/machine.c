/* SPDX-License-Identifier: MIT
 * See machine.h. */
#include "kit/machine.h"

#include <math.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"

enum { CLOCK_ROUNDS = 50, CLOCK_READS = 100 };

/* The best of some rounds: others may have had the processor meanwhile. */
static lua_Number measure_clock(void) {
  uint64_t best = UINT64_MAX;
  for (int i = 0; i < CLOCK_ROUNDS; i++) {
    uint64_t begin = lab_clock_mono(), end = begin;
    for (int n = 0; n < CLOCK_READS; n++)
      end = lab_clock_mono();
    if (end - begin < best)
      best = end - begin;
  }
  return (lua_Number)best / CLOCK_READS;
}

static void push_amount(lua_State *L, rlim_t n) {
  lua_pushnumber(L, n == RLIM_INFINITY ? (lua_Number)HUGE_VAL : (lua_Number)n);
}

static void set_limits(lua_State *L, const char *name, int resource) {
  struct rlimit limit = {0};
  getrlimit((__rlimit_resource_t)resource, &limit);
  lua_createtable(L, 2, 0);
  push_amount(L, limit.rlim_cur);
  lua_rawseti(L, -2, 1);
  push_amount(L, limit.rlim_max);
  lua_rawseti(L, -2, 2);
  lua_setfield(L, -2, name);
}

static int push_machine(lua_State *L) {
  struct utsname names;
  if (uname(&names) < 0)
    return luaL_error(L, "the kernel has no name");
  lua_newtable(L);
  set_limits(L, "fds", RLIMIT_NOFILE);
  set_limits(L, "core", RLIMIT_CORE);
  lua_pushinteger(L, geteuid());
  lua_setfield(L, -2, "user");
  lua_pushnumber(L, measure_clock());
  lua_setfield(L, -2, "clock");
  lua_pushfstring(L, "%s %s", names.sysname, names.release);
  lua_setfield(L, -2, "kernel");
  lua_pushstring(L, names.machine);
  lua_setfield(L, -2, "machine");
  return 1;
}

static int may_write(lua_State *L) {
  lua_pushboolean(L, access(luaL_checkstring(L, 1), W_OK) == 0);
  return 1;
}

const luaL_Reg lab_kit_machine[] = {
    {"machine", push_machine},
    {"may_write", may_write},
    {NULL, NULL},
};
