/* SPDX-License-Identifier: MIT
 * How the library's objects are made: metatables that scripts can't get at,
 * and methods that have their name in profiles ("lab.Mutex.lock").
 *
 * Threads: the VM's. */
#ifndef LAB_LUALIB_CLASS_H
#define LAB_LUALIB_CLASS_H

#include <lauxlib.h>
#include <lua.h>

/* Makes the metatable NAME (luaL_setmetatable); METHODS and METAMETHODS may be
 * NULL. Looking up a method that isn't there is an error that names the
 * nearest. May raise. */
void lab_lua_new_class(lua_State *L, const char *name, const luaL_Reg *methods,
                       const luaL_Reg *metamethods);

/* The object ARG of class NAME is finalized once more when it is garbage. For
 * those that are used after their __gc, because a script's finalizer has kept
 * them: what they allocate now must be freed, too. */
void lab_lua_finalize_again(lua_State *L, int arg, const char *name);

#endif
