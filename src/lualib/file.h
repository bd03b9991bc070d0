/* SPDX-License-Identifier: MIT
 * File: read, write, sync, close. Files are opened by open.h.
 *
 * Every call is done by a worker while the task is parked, so a slow disk stops
 * one request, not the lab. The exception are files that were opened inline:
 * the VM's own thread does their calls, as a program with one loop would, and
 * all tasks wait. A File that is collected is closed, as Go's os.File is; what
 * the step leaves behind is closed with it. Errors have Go's words: "open
 * a.txt: too many open files".
 *
 * Threads: the VM's. */
#ifndef LAB_LUALIB_FILE_H
#define LAB_LUALIB_FILE_H

#include <lua.h>

/* Makes the class. May raise. */
void lab_lib_file(lua_State *L);

#endif
