/* SPDX-License-Identifier: MIT
 * lab.temp_dir, lab.temp_file, lab.open: where a scenario's files are, on which
 * disk, and on which thread they are used. What is opened is a File: file.h.
 *
 * Threads: the VM's. */
#ifndef LAB_LUALIB_OPEN_H
#define LAB_LUALIB_OPEN_H

#include <lua.h>

/* Adds these functions to the table on top of the stack. May raise. */
void lab_lib_open(lua_State *L);

/* As a Lua function: (folder) -> lab.open for scenarios in that folder. */
int lab_file_opener(lua_State *L);

#endif
