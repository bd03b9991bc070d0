/* SPDX-License-Identifier: MIT
 * lab.mutex, lab.rwmutex and lab.wait_group: task/lock.h for scripts, with Go's
 * words in errors.
 *
 * Threads: the VM's. */
#ifndef LAB_LUALIB_SYNC_H
#define LAB_LUALIB_SYNC_H

#include <lua.h>

/* Adds these functions to the table on top of the stack. May raise. */
void lab_lib_sync(lua_State *L);

#endif
