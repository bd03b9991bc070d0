/* SPDX-License-Identifier: MIT
 * Names that nobody has heard of: a typing mistake in a scenario is an error at
 * its line, with the name that was probably meant, and never a nil that makes
 * itself felt somewhere else. */
#include "script/told.h"

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

int lab_host_did_you_mean(lua_State *L) {
  enum { KNOWN_MAX = 256 };
  const char *known[KNOWN_MAX];
  const char *word = luaL_checkstring(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  size_t n = 0;
  for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1))
    if (lua_type(L, -2) == LUA_TSTRING && n < KNOWN_MAX)
      known[n++] = lua_tostring(L, -2); /* the table's key keeps it alive */
  const char *meant = lab_nearest(word, known, n);
  if (meant)
    lua_pushfstring(L, "; did you mean '%s'?", meant);
  else
    lua_pushliteral(L, "");
  return 1;
}
