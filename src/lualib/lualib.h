/* SPDX-License-Identifier: MIT
 * What scenarios call: the table `lab`, one file per noun. lua/types/lab.lua is
 * its manual.
 *
 * A function that waits parks the running task and yields; its continuation
 * first calls lab_lua_check_cancelled. Mistakes of the scenario raise; where
 * the environment fails, nil and a message are returned (failure.h).
 *
 * Threads: the VM's. */
#ifndef LAB_LUALIB_LUALIB_H
#define LAB_LUALIB_LUALIB_H

#include <lauxlib.h>
#include <lua.h>

/* Pushes the table `lab`. May raise. */
void lab_lualib_open(lua_State *L);

/* Each adds its functions to the table on top of the stack. May raise. */
void lab_lib_base(lua_State *L);
void lab_lib_buffer(lua_State *L);
void lab_lib_channel(lua_State *L);
void lab_lib_cpu(lua_State *L);
void lab_lib_file(lua_State *L);
void lab_lib_http(lua_State *L);
void lab_lib_label(lua_State *L);
void lab_lib_metric(lua_State *L);
void lab_lib_process(lua_State *L);
void lab_lib_server(lua_State *L);
void lab_lib_sync(lua_State *L);
void lab_lib_task(lua_State *L);
void lab_lib_timer(lua_State *L);

/* As a Lua function: (folder) -> lab.open for scenarios in that folder. */
int lab_file_opener(lua_State *L);

#endif
