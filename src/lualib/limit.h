/* SPDX-License-Identifier: MIT
 * Waiting with a time limit, as all functions of the library have it: the
 * seconds are an optional argument, 0 only looks, and when they are over the
 * result is nil, "timeout". A task that is cancelled meanwhile gets an error.
 *
 *   uint64_t limit = lab_lua_check_limit(L, 2);
 *   ...it could be done at once? else:
 *   if (limit == 0)
 *     return lab_lua_push_timeout(L);
 *   ...park the running task
 *   lab_lua_limit_wait(L, limit);
 *   return lua_yieldk(L, 0, 0, finish);
 *
 * FINISH calls lab_lua_check_cancelled, and looks at the task: `granted` or
 * `expired` (task/task.h).
 *
 * Threads: the VM's. */
#ifndef LAB_LUALIB_LIMIT_H
#define LAB_LUALIB_LIMIT_H

#include <lua.h>
#include <stdint.h>

#include "vm/vm.h"

#define LAB_LUA_NO_LIMIT UINT64_MAX

/* Argument ARG, seconds (a number, not negative), in ns; LAB_LUA_NO_LIMIT if it
 * is missing or nil. May raise. */
uint64_t lab_lua_check_limit(lua_State *L, int arg);
/* The field idle_timeout of the table ARG, for how long a connection is kept
 * that nobody uses: seconds, MISSING if it is nil. In ms, rounded up; 0: for
 * ever. Leaves a value on the stack. May raise. */
uint64_t lab_lua_check_idle_timeout(lua_State *L, int arg, double missing);
/* The running task, which was just parked, waits for NS at most. */
static inline void lab_lua_limit_wait(lua_State *L, uint64_t ns) {
  if (ns != LAB_LUA_NO_LIMIT)
    lab_task_wake_after(lab_vm_of(L)->sched, &lab_vm_of(L)->running->base, ns);
}
/* What is left of the running task's limit, if it was woken before that was
 * over, and has to wait again. */
uint64_t lab_lua_limit_left(lua_State *L);
/* Pushes nil, "timeout"; returns 2. */
int lab_lua_push_timeout(lua_State *L);

#endif
