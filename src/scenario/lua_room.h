/* SPDX-License-Identifier: MIT
 * The memory of a Lua state beside the VM: bounded, and the lab's own.
 *
 *   lab_lua_room room = {.most = 64 << 20};
 *   lua_State *L = lua_newstate(lab_lua_room_alloc, &room);
 *
 * Threads: the state's. */
#ifndef LAB_SCENARIO_LUA_ROOM_H
#define LAB_SCENARIO_LUA_ROOM_H

#include <stddef.h>

typedef struct lab_lua_room {
  size_t most;  /* bytes */
  size_t bytes; /* in use */
} lab_lua_room;

/* A lua_Alloc, whose UD is a lab_lua_room. New blocks are zeroed, so lab_vm_of
 * is NULL from the beginning: the wrapped collector (vm/gc.c) looks at it. */
void *lab_lua_room_alloc(void *ud, void *block, size_t old, size_t size);

#endif
