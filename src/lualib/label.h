/* SPDX-License-Identifier: MIT
 * lab.label, lab.region and lab.task: names for a piece of work, in profiles
 * (label) and in traces (region, task). All three call a function, return its
 * results, let its errors pass, and undo at its end what they did at its
 * beginning.
 *
 * Threads: the VM's. */
#ifndef LAB_LUALIB_LABEL_H
#define LAB_LUALIB_LABEL_H

#include <lua.h>

/* Adds these functions to the table on top of the stack. May raise. */
void lab_lib_label(lua_State *L);

#endif
