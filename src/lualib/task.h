/* SPDX-License-Identifier: MIT
 * lab.go, lab.sleep, and Task: join, cancel.
 *
 * Threads: the VM's. */
#ifndef LAB_LUALIB_TASK_H
#define LAB_LUALIB_TASK_H

#include <lua.h>

/* Adds these functions to the table on top of the stack. May raise. */
void lab_lib_task(lua_State *L);

#endif
