/* SPDX-License-Identifier: MIT
 * lab.temp_dir, lab.temp_file, lab.open, and File: read, write, sync, close.
 *
 * Every call is done by a worker while the task is parked, so a slow disk stops
 * one request, not the lab. A File that is collected is closed, as Go's os.File
 * is; what the step leaves behind is closed with it. Errors have Go's words:
 * "open a.txt: too many open files".
 *
 * Threads: the VM's. */
#ifndef LAB_LUALIB_FILE_H
#define LAB_LUALIB_FILE_H

#include <lua.h>

/* Adds these functions to the table on top of the stack. May raise. */
void lab_lib_file(lua_State *L);

/* As a Lua function: (folder) -> lab.open for scenarios in that folder. */
int lab_file_opener(lua_State *L);

#endif
