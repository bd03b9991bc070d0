/* SPDX-License-Identifier: MIT
 * lab.spawn: child processes.
 *
 * A child that runs stays even if nothing refers to it. The step that is left
 * kills it. However it ends, its own children are killed, as long as they stay
 * in its group: one that calls setsid outlives it and the step.
 *
 * Threads: the VM's. */
#ifndef LAB_LUALIB_PROCESS_H
#define LAB_LUALIB_PROCESS_H

#include <lua.h>

/* Adds these functions to the table on top of the stack. May raise. */
void lab_lib_process(lua_State *L);

#endif
