/* SPDX-License-Identifier: MIT
 * An error's message with its traceback. Threads: the VM's. */
#ifndef LAB_VM_TRACEBACK_H
#define LAB_VM_TRACEBACK_H

#include <lua.h>

/* Of a longer message the rest is left out: it would be copied again and again
 * (into the text, the log, the answers of join), each time beside the step's
 * limit of memory. */
enum { LAB_LUA_MESSAGE = 64 << 10 };

/* Pushes on L the string at INDEX of L, which is an error's message, with CO's
 * traceback from LEVEL on, as luaL_traceback does. May raise. */
void lab_lua_push_traceback(lua_State *L, lua_State *co, int index, int level);

#endif
