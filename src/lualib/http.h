/* SPDX-License-Identifier: MIT
 * The table lab.http: requests to some server, which may be this lab.
 *
 * Threads: the VM's. */
#ifndef LAB_LUALIB_HTTP_H
#define LAB_LUALIB_HTTP_H

#include <lua.h>

/* Adds the table `http` to the table on top of the stack. May raise. */
void lab_lib_http(lua_State *L);

#endif
