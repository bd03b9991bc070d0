/* SPDX-License-Identifier: MIT
 * lab.buffer, lab.rand, lab.prng and lab.copy_n: bytes outside Lua's heap, and
 * copying into them.
 *
 * Every change of a buffer's capacity is reported to the collector (vm/gc.h).
 * A buffer that a worker is filling is busy. To touch it meanwhile is a data
 * race in the scenario, and raises.
 *
 * Threads: the VM's. */
#ifndef LAB_LUALIB_BUFFER_H
#define LAB_LUALIB_BUFFER_H

#include <lua.h>

/* Adds these functions to the table on top of the stack. May raise. */
void lab_lib_buffer(lua_State *L);

#endif
