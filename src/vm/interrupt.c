/* SPDX-License-Identifier: MIT
 * Loops in Lua's table library are ended here: lua_geti and lua_compare are
 * wrapped at link time (--wrap), and raise if the running task was cancelled.
 * Each turn of table.move, insert, remove, concat, unpack and sort calls one of
 * them, and both may raise in any case: they call metamethods. A signal that
 * comes every few milliseconds would find too rarely that it may raise
 * (leaf_code.h), because most of the time passes in the core.
 *
 * Threads: any that runs Lua. */
#include <lua.h>

#include "vm/preempt.h"

int __real_lua_geti(lua_State *L, int at, lua_Integer i);
int __wrap_lua_geti(lua_State *L, int at, lua_Integer i);
int __real_lua_compare(lua_State *L, int a, int b, int op);
int __wrap_lua_compare(lua_State *L, int a, int b, int op);

int __wrap_lua_geti(lua_State *L, int at, lua_Integer i) {
  if (atomic_load_explicit(&lab_preempt_ending, memory_order_relaxed))
    lab_lua_check_cancelled(L);
  return __real_lua_geti(L, at, i);
}

int __wrap_lua_compare(lua_State *L, int a, int b, int op) {
  if (atomic_load_explicit(&lab_preempt_ending, memory_order_relaxed))
    lab_lua_check_cancelled(L);
  return __real_lua_compare(L, a, b, op);
}
