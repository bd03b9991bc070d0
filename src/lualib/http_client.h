/* SPDX-License-Identifier: MIT
 * lab.http.client: requests that share connections, so many to each server.
 *
 * A request takes a connection of its server's pool (task/pool.h), or waits for
 * one. It gives it back when the answer is there; or, if the answer is a stream
 * (http_stream.h), when its last byte was read, or it is closed. The control
 * thread opens, keeps and closes the connections themselves (http/pool.h).
 *
 * Threads: the VM's. */
#ifndef LAB_LUALIB_HTTP_CLIENT_H
#define LAB_LUALIB_HTTP_CLIENT_H

#include <lua.h>

/* Adds `client` to the table on top of the stack. May raise. */
void lab_lib_http_client(lua_State *L);

#endif
