/* SPDX-License-Identifier: MIT
 * See limit.h. */
#include "lualib/limit.h"

#include <lauxlib.h>

#include "base/clock.h"

uint64_t lab_lua_check_limit(lua_State *L, int arg) {
  return lua_isnoneornil(L, arg) ? LAB_LUA_NO_LIMIT
                                 : lab_lua_check_seconds(L, arg);
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
