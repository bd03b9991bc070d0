/* SPDX-License-Identifier: MIT
 * See owner.h. */
#include "scenario/owner.h"

#include <string.h>

void *lab_push_owner(lua_State *L, size_t size, int values, const char *class,
                     lua_CFunction end, const luaL_Reg *methods) {
  void *owner = lua_newuserdatauv(L, size, values);
  memset(owner, 0, size);
  if (luaL_newmetatable(L, class)) {
    if (methods) {
      lua_newtable(L);
      luaL_setfuncs(L, methods, 0);
      lua_setfield(L, -2, "__index");
    }
    lua_pushcfunction(L, end);
    lua_setfield(L, -2, "__close");
    lua_pushcfunction(L, end);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return owner;
}
