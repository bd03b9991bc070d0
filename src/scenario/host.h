/* SPDX-License-Identifier: MIT
 * `host`: what lua/main.lua and its companions need from C to find, load, enter
 * and leave scenarios. Scenarios can't see it. host.c describes each function.
 *
 * Threads: the VM's. */
#ifndef LAB_SCENARIO_HOST_H
#define LAB_SCENARIO_HOST_H

#include <lua.h>

/* Pushes the table `host`. OPENER becomes host.opener: lab_file_opener. May
 * raise. */
void lab_host_push(lua_State *L, lua_CFunction opener);

#endif
