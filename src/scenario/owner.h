/* SPDX-License-Identifier: MIT
 * Values of Lua that own something of C's: it is given back also when Lua
 * raises an error.
 *
 * Threads: the state's. */
#ifndef LAB_SCENARIO_OWNER_H
#define LAB_SCENARIO_OWNER_H

#include <lauxlib.h>
#include <lua.h>
#include <stddef.h>

/* Pushes a userdata of SIZE bytes, all zeros, with VALUES user values. END,
 * with the userdata as its argument, gives back what it owns, when it is closed
 * and when it is collected: so it may be called twice, and on zeros. CLASS is
 * the name of its metatable. METHODS may be NULL. Returns its memory, which the
 * userdata owns. May raise. */
void *lab_push_owner(lua_State *L, size_t size, int values, const char *class,
                     lua_CFunction end, const luaL_Reg *methods);

#endif
