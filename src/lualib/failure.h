/* SPDX-License-Identifier: MIT
 * What a library function returns where the environment failed: nil and a
 * message in Go's words. (A mistake in the scenario raises instead.)
 *
 * Threads: the VM's. May raise where memory is out. */
#ifndef LAB_LUALIB_FAILURE_H
#define LAB_LUALIB_FAILURE_H

#include <limits.h>
#include <lua.h>

/* Pushes nil, "WHAT PATH: reason", errno; returns 3. PATH may be NULL. CODE is
 * a negative errno; or LAB_LUA_CLOSED, which scripts see as EBADF: the script
 * itself has closed it. */
enum { LAB_LUA_CLOSED = INT_MIN };
int lab_lua_failure(lua_State *L, const char *what, const char *path, int code);
/* The same for calls on the network: pushes nil, "WHAT: reason", errno. WHAT is
 * on L's stack, or constant. -EBADF: it was closed; -ETIME: the time that the
 * scenario has set is over, which scripts see as ETIMEDOUT. */
int lab_lua_net_failure(lua_State *L, const char *what, int code);
/* Pushes nil, "not enough memory: the step has 1 GiB (limits.memory)"; returns
 * 2. */
int lab_lua_memory_failure(lua_State *L);
/* Raises "FILE:LINE: not enough memory for WHAT of N bytes: the step has ...":
 * what the lab would have kept for the step counts against its limit. */
int lab_lua_refuse_memory(lua_State *L, const char *what, size_t n);
/* SIZE bytes that count so, for lab_counted_free; NULL if there are none, also
 * after a collection. */
void *lab_lua_try_counted(lua_State *L, size_t size);

#endif
