/* SPDX-License-Identifier: MIT
 * lab.tcp: connections without a protocol (Socket: socket.h), and Listener,
 * which accepts them. (lab.listen is an HTTP server: server.h.)
 *
 * Only addresses of the loopback are possible: what a scenario does badly on
 * purpose stays on the machine.
 *
 * Threads: the VM's. */
#ifndef LAB_LUALIB_TCP_H
#define LAB_LUALIB_TCP_H

#include <lua.h>

/* Adds the table `tcp` to the table on top of the stack. May raise. */
void lab_lib_tcp(lua_State *L);

#endif
