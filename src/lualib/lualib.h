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

#include <lua.h>

/* Pushes the table `lab`, with the functions of all files (lab_lib_*). May
 * raise. */
void lab_lualib_open(lua_State *L);

#endif
