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

/* Pushes a new userdata of SIZE bytes with VALUES user values. The first of
 * them is its name, the optional string at ARG, which tostring and dumps of
 * tasks show (inspect/awaited.h). May raise. */
void *lab_lua_new_named(lua_State *L, int arg, size_t size, int values);
/* Pushes TITLE with the name of the object at 1, if it has one: `Mutex
 * "stats"`. */
void lab_lua_push_title(lua_State *L, const char *title);

#endif
