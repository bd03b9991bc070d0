/* SPDX-License-Identifier: MIT
 * lab.burn, which uses up CPU time on a worker, and lab.spin, which does so on
 * the VM's thread.
 *
 * Threads: the VM's. */
#ifndef LAB_LUALIB_CPU_H
#define LAB_LUALIB_CPU_H

#include <lua.h>

/* Adds these functions to the table on top of the stack. May raise. */
void lab_lib_cpu(lua_State *L);

#endif
