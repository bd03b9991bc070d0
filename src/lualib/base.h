/* SPDX-License-Identifier: MIT
 * lab.now, lab.cpu_time, lab.log, lab.gc and lab.release: clocks, the log, and
 * memory. (lab.include belongs to the scenario's folder: see lua/sandbox.lua.)
 *
 * Threads: the VM's. */
#ifndef LAB_LUALIB_BASE_H
#define LAB_LUALIB_BASE_H

#include <lua.h>

/* Adds these functions to the table on top of the stack. May raise. */
void lab_lib_base(lua_State *L);

#endif
