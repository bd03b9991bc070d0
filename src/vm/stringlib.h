/* SPDX-License-Identifier: MIT
 * string.find, match, gmatch, gsub and rep, in place of those of Lua's own
 * library, which can't be interrupted. Results and messages are the same.
 *
 * They raise when their task is cancelled; in a state without a VM, when its
 * hook does (lab_lua_look_around). Find, match and gmatch make way at
 * the end of a time slice, where their task can be parked; gsub and rep don't.
 *
 * Threads: that of the state. */
#ifndef LAB_VM_STRINGLIB_H
#define LAB_VM_STRINGLIB_H

#include <lua.h>

/* Replaces them in the table `string`. After luaL_openlibs. May raise. */
void lab_stringlib_open(lua_State *L);

#endif
