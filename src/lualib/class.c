/* SPDX-License-Identifier: MIT
 * See class.h. */
#include "lualib/class.h"

#include <stdbool.h>
#include <string.h>

#include "lualib/suggest.h"
#include "stack/frame.h"
#include "vm/walk.h"

/* Called for a method that the class doesn't have. Upvalue 1: the class's name;
 * argument 1: its methods. */
static int refuse_method(lua_State *L) {
  enum { METHODS_MAX = 32 };
  const char *known[METHODS_MAX];
  size_t n = 0;
  luaL_checktype(L, 1, LUA_TTABLE);
  if (lua_type(L, 2) != LUA_TSTRING)
    return 0;
  for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1))
    if (n < METHODS_MAX)
      known[n++] = lua_tostring(L, -2);
  lua_pushfstring(L, "a %s has no", lua_tostring(L, lua_upvalueindex(1)));
  return lab_lua_unknown(L, lua_tostring(L, -1), lua_tostring(L, 2), known, n);
}

/* The table of methods on top of the stack raises from now on when any other
 * name is looked up. */
static void make_strict(lua_State *L, const char *name) {
  lua_createtable(L, 0, 1);
  lua_pushstring(L, name);
  lua_pushcclosure(L, refuse_method, 1);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
}

/* Gives NAME's metamethods a name in profiles: __gc, or the others. A function
 * keeps its first name, and what __close shares with __gc is seen at the end of
 * a scope; the collector's calls are below [lua gc]. */
static void register_metamethods(lua_State *L, const char *name,
                                 const luaL_Reg *metamethods, bool gc) {
  for (const luaL_Reg *m = metamethods; m && m->name; m++) {
    if ((strcmp(m->name, "__gc") == 0) != gc)
      continue;
    lua_pushfstring(L, "%s.%s", name, m->name);
    lab_func_c((const void *)m->func, lua_tostring(L, -1), false);
    lua_pop(L, 1);
  }
}

const void *lab_lua_new_class(lua_State *L, const char *name,
                              const luaL_Reg *methods,
                              const luaL_Reg *metamethods) {
  luaL_newmetatable(L, name);
  if (metamethods)
    luaL_setfuncs(L, metamethods, 0);
  lua_newtable(L);
  if (methods) {
    luaL_setfuncs(L, methods, 0);
    lab_walk_register(L, name, false);
  }
  register_metamethods(L, name, metamethods, false);
  register_metamethods(L, name, metamethods, true);
  make_strict(L, name);
  lua_setfield(L, -2, "__index");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  const void *class = lab_layout_fits() ? lua_topointer(L, -1) : NULL;
  lua_pop(L, 1);
  return class;
}

const char *lab_lua_check_name(lua_State *L, int arg) {
  size_t len;
  const char *name = luaL_checklstring(L, arg, &len);
  luaL_argcheck(L, strlen(name) == len, arg, "a name has no zeros");
  return name;
}

void *lab_lua_new_named(lua_State *L, int arg, size_t size, int values) {
  bool has_name = !lua_isnoneornil(L, arg) && lab_lua_check_name(L, arg);
  void *object = lua_newuserdatauv(L, size, values);
  if (has_name) {
    lua_pushvalue(L, arg);
    lua_setiuservalue(L, -2, 1);
  }
  return object;
}

void lab_lua_push_title(lua_State *L, const char *title) {
  if (lua_getiuservalue(L, 1, 1) == LUA_TSTRING)
    lua_pushfstring(L, "%s \"%s\"", title, lua_tostring(L, -1));
  else
    lua_pushstring(L, title);
}

void lab_lua_finalize_again(lua_State *L, int arg, const char *name) {
  lua_pushvalue(L, arg);
  luaL_setmetatable(L, name);
  lua_pop(L, 1);
}
