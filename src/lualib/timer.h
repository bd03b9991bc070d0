/* SPDX-License-Identifier: MIT
 * lab.after, lab.every, and Timer: stop.
 *
 * Threads: the VM's. */
#ifndef LAB_LUALIB_TIMER_H
#define LAB_LUALIB_TIMER_H

#include <lua.h>

/* Adds these functions to the table on top of the stack. May raise. */
void lab_lib_timer(lua_State *L);

#endif
