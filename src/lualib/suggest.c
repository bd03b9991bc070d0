/* SPDX-License-Identifier: MIT
 * See suggest.h. */
#include "lualib/suggest.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <string.h>

#include "base/nearest.h"

int lab_lua_unknown(lua_State *L, const char *what, const char *name,
                    const char *const *known, size_t n) {
  const char *meant = lab_nearest(name, known, n);
  if (meant)
    return luaL_error(L, "%s '%s'; did you mean '%s'?", what, name, meant);
  return luaL_error(L, "%s '%s'", what, name);
}

static bool is_among(const char *name, const char *const *known, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (strcmp(name, known[i]) == 0)
      return true;
  return false;
}

void lab_lua_check_keys(lua_State *L, int arg, const char *what,
                        const char *const *known, size_t n) {
  for (lua_pushnil(L); lua_next(L, arg); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING)
      continue;
    const char *name = lua_tostring(L, -2);
    if (!is_among(name, known, n))
      lab_lua_unknown(L, what, name, known, n);
  }
}
