/* SPDX-License-Identifier: MIT
 * lab.counter and lab.gauge: numbers of the scenario's own, in /metrics and
 * /debug/vars. A metric belongs to its step, not to the object in Lua that
 * stands for it.
 *
 * Threads: the VM's. */
#ifndef LAB_LUALIB_METRIC_H
#define LAB_LUALIB_METRIC_H

#include <lua.h>

/* Adds these functions to the table on top of the stack. May raise. */
void lab_lib_metric(lua_State *L);

#endif
