/* SPDX-License-Identifier: MIT
 * How the library's objects are made: metatables that scripts can't get at,
 * and methods that have their name in profiles ("lab.Mutex.lock").
 *
 * Methods are called often, so whether an argument is of a class is found out
 * without Lua's functions, which look up the class by its name each time.
 *
 * Threads: the VM's. */
#ifndef LAB_LUALIB_CLASS_H
#define LAB_LUALIB_CLASS_H

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>

#include "vm/lualayout.h"

/* Makes the metatable NAME (luaL_setmetatable); METHODS and METAMETHODS may be
 * NULL. Looking up a method that isn't there is an error that names the
 * nearest. Returns what lab_lua_check_object needs. May raise. */
const void *lab_lua_new_class(lua_State *L, const char *name,
                              const luaL_Reg *methods,
                              const luaL_Reg *metamethods);

/* The memory of the userdata at ARG (from 1 on), as luaL_checkudata(L, ARG,
 * NAME). CLASS: what lab_lua_new_class returned for NAME. L is in a C function.
 */
static inline void *lab_lua_check_object(lua_State *L, int arg,
                                         const void *class, const char *name) {
  const lab_layout_state *s = (const lab_layout_state *)(const void *)L;
  if (class) {
    const lab_layout_value *v = s->call->func + arg;
    lab_layout_userdata *u = v->as.object;
    if (v < s->top && v->type == lab_lua_layout.userdata &&
        u->metatable == class)
      return lab_layout_memory(u);
  }
  return luaL_checkudata(L, arg, name);
}

/* Whether the function was called with an argument ARG, be it nil. CLASS and L
 * as above. */
static inline bool lab_lua_has_arg(lua_State *L, int arg, const void *class) {
  const lab_layout_state *s = (const lab_layout_state *)(const void *)L;
  return class ? s->call->func + arg < s->top : !lua_isnone(L, arg);
}

/* The string ARG, a name: it has no zeros, at which C's functions, and so
 * profiles, traces and dumps, would cut it, so that two names were one. */
const char *lab_lua_check_name(lua_State *L, int arg);
/* Pushes a new userdata of SIZE bytes with VALUES user values. The first of
 * them is its name, the optional string at ARG, which tostring and dumps of
 * tasks show (inspect/awaited.h). May raise. */
void *lab_lua_new_named(lua_State *L, int arg, size_t size, int values);
/* Pushes TITLE with the name of the object at 1, if it has one: `Mutex
 * "stats"`. */
void lab_lua_push_title(lua_State *L, const char *title);

/* The object ARG of class NAME is finalized once more when it is garbage. For
 * those that are used after their __gc, because a script's finalizer has kept
 * them: what they allocate now must be freed, too. */
void lab_lua_finalize_again(lua_State *L, int arg, const char *name);

#endif
