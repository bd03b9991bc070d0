/* SPDX-License-Identifier: MIT
 * See limit.h. */
#include "lualib/limit.h"

#include <lauxlib.h>

#include "base/clock.h"

static const double IDLE_MOST = 1e6; /* seconds */

uint64_t lab_lua_check_limit(lua_State *L, int arg) {
  return lua_isnoneornil(L, arg) ? LAB_LUA_NO_LIMIT
                                 : lab_lua_check_seconds(L, arg);
}

uint64_t lab_lua_check_idle_timeout(lua_State *L, int arg, double missing) {
  int is_number = 1;
  double s = missing;
  if (lua_getfield(L, arg, "idle_timeout") != LUA_TNIL)
    s = lua_tonumberx(L, -1, &is_number);
  luaL_argcheck(L, is_number && s >= 0 && s <= IDLE_MOST, arg,
                "idle_timeout must be a number of seconds");
  return s > 0 ? (uint64_t)(s * 1000) + 1 : 0;
}

uint64_t lab_lua_limit_left(lua_State *L) {
  uint64_t wake = lab_vm_of(L)->running->base.wake, now = lab_clock_mono();
  if (wake == 0)
    return LAB_LUA_NO_LIMIT;
  return wake > now ? wake - now : 0;
}

int lab_lua_push_timeout(lua_State *L) {
  luaL_pushfail(L);
  lua_pushliteral(L, "timeout");
  return 2;
}
