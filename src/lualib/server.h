/* SPDX-License-Identifier: MIT
 * lab.listen: an HTTP server of a scenario's own.
 *
 * It stays open even if nothing refers to it: until close, or until the step is
 * left.
 *
 * Threads: the VM's. */
#ifndef LAB_LUALIB_SERVER_H
#define LAB_LUALIB_SERVER_H

#include <lua.h>

/* Adds these functions to the table on top of the stack. May raise. */
void lab_lib_server(lua_State *L);

#endif
