/* SPDX-License-Identifier: MIT
 * Custom profiles for scripts: lab.profile(name). Threads: the VM's. */
#ifndef LAB_LUALIB_PROFILE_H
#define LAB_LUALIB_PROFILE_H

#include <lua.h>

/* Adds the functions to the table on top of the stack. */
void lab_lib_profile(lua_State *L);

#endif
