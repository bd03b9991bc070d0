/* SPDX-License-Identifier: MIT
 * Lua files that are data: a lesson.lua returns a table, and nothing that it
 * says can do anything.
 *
 * Such a file is evaluated in a Lua state of its own, which has no library, no
 * metatable (not even that of strings) and so no C function that it could call;
 * it has little memory and time, and may execute few instructions. What it
 * returns is copied: strings, numbers, booleans, and tables of them. So a file
 * can be read in any process, whoever wrote it. It costs DATA_CPU_MS,
 * DATA_INSTRUCTIONS_MAX instructions and DATA_MEMORY_MAX bytes at most
 * (data_file.c).
 *
 * Threads: any; each call belongs to one Lua state. */
#ifndef LAB_SCENARIO_DATA_FILE_H
#define LAB_SCENARIO_DATA_FILE_H

#include <lua.h>

/* host.data(text, name) -> table | nil, message: what the chunk TEXT returns.
 * NAME is the file's; each message begins with it. Raises only when L has no
 * memory left. */
int lab_host_data(lua_State *L);

#endif
