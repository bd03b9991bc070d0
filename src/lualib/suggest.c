/* SPDX-License-Identifier: MIT
 * See suggest.h. */
#include "lualib/suggest.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <string.h>

#include "base/nearest.h"
#include "vm/preempt.h"

enum { OTHERS_MAX = 100, BETWEEN_LOOKS = 64 };

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

/* Of the keys that aren't strings only those of a sequence have a meaning. Many
 * others are refused, because to go through a table whose keys somebody has
 * chosen so that they have one place takes the square of their number. */
static void count_other_key(lua_State *L, const char *what, size_t length,
                            size_t *others) {
  lua_Integer i = lua_isinteger(L, -2) ? lua_tointeger(L, -2) : 0;
  if ((i < 1 || (size_t)i > length) && ++*others > OTHERS_MAX)
    luaL_error(L,
               "%s that isn't a string, but there are more than %d such keys",
               what, OTHERS_MAX);
}

void lab_lua_check_keys_after(lua_State *L, int arg, size_t skipped,
                              const char *what, const char *const *known,
                              size_t n) {
  size_t length = lua_rawlen(L, arg), others = 0, looked = 0;
  if (skipped > 0)
    lua_pushinteger(L, (lua_Integer)skipped);
  else
    lua_pushnil(L);
  for (; lua_next(L, arg); lua_pop(L, 1)) {
    if (++looked % BETWEEN_LOOKS == 0)
      lab_lua_look_around(L);
    if (lua_type(L, -2) != LUA_TSTRING) {
      count_other_key(L, what, length, &others);
      continue;
    }
    const char *name = lua_tostring(L, -2);
    if (!is_among(name, known, n))
      lab_lua_unknown(L, what, name, known, n);
  }
}

void lab_lua_check_keys(lua_State *L, int arg, const char *what,
                        const char *const *known, size_t n) {
  lab_lua_check_keys_after(L, arg, 0, what, known, n);
}
