/* SPDX-License-Identifier: MIT
 * See traceback.h. */
#include "vm/traceback.h"

#include <lauxlib.h>

#include "base/utf8.h"

/* The string at INDEX, or what is kept of it. */
static const char *push_short_message(lua_State *L, int index) {
  size_t len;
  const char *message = lua_tolstring(L, index, &len);
  if (len <= LAB_LUA_MESSAGE) {
    lua_pushvalue(L, index);
    return message;
  }
  size_t kept = lab_utf8_trim(message, LAB_LUA_MESSAGE);
  lua_pushlstring(L, message, kept);
  return lua_pushfstring(L, "%s... (%I bytes left out)", lua_tostring(L, -1),
                         (LUAI_UACINT)(len - kept));
}

void lab_lua_push_traceback(lua_State *L, lua_State *co, int index, int level) {
  int top = lua_gettop(L);
  luaL_traceback(L, co, push_short_message(L, lua_absindex(L, index)), level);
  lua_replace(L, top + 1);
  lua_settop(L, top + 1);
}
