/* SPDX-License-Identifier: MIT
 * See headers.h. */
#include "resources/headers.h"

#include <lauxlib.h>

static void push_lower(lua_State *L, const char *text, size_t len) {
  luaL_Buffer b;
  char *to = luaL_buffinitsize(L, &b, len);
  for (size_t i = 0; i < len; i++)
    to[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] | 0x20) : text[i];
  luaL_pushresultsize(&b, len);
}

void lab_lua_add_header(lua_State *L, const lab_field *field) {
  luaL_checkstack(L, 8, "too many values");
  push_lower(L, field->name, field->name_len);
  lua_pushvalue(L, -1);
  bool again = lua_rawget(L, -3) != LUA_TNIL;
  if (again)
    lua_pushliteral(L, ", ");
  else
    lua_pop(L, 1);
  lua_pushlstring(L, field->value, field->value_len);
  if (again)
    lua_concat(L, 3);
  lua_rawset(L, -3);
}
