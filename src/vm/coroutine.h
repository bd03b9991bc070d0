/* SPDX-License-Identifier: MIT
 * The coroutines that tasks run on: made, kept alive, and used again.
 *
 * Threads: the VM's. */
#ifndef LAB_VM_COROUTINE_H
#define LAB_VM_COROUTINE_H

#include <lua.h>
#include <stddef.h>

typedef struct lab_vm lab_vm;
struct lab_lua_task;

typedef struct lab_coroutines {
  int anchors;               /* registry: the table that keeps them alive */
  struct lab_lua_task *idle; /* of finished requests, for the next ones */
  unsigned nidle;
  struct lab_lua_task *spare; /* of lab.go; the next collection takes them */
  size_t spare_bytes;
} lab_coroutines;

/* Once, before the first task. May raise. */
void lab_coroutine_open(lua_State *L);
/* A task, not yet known to the scheduler, whose coroutine has the function and
 * NARGS arguments from the top of FROM's stack (popped). May raise; nothing is
 * lost then. */
struct lab_lua_task *lab_coroutine_with_function(lua_State *from, int nargs);
/* A task for a request, likewise: its coroutine has an empty stack with much
 * room. May raise. */
struct lab_lua_task *lab_coroutine_take_idle(lua_State *L);
/* T has ended. Its coroutine is kept for another task, if T ended without an
 * error and no handle has results on it; else it is let go. T is no longer
 * valid. */
void lab_coroutine_recycle(lab_vm *vm, struct lab_lua_task *t, int status,
                           int nresults);
/* Lets go of the spare ones. Raises nothing and allocates nothing. */
void lab_coroutine_drop_spare(lab_vm *vm);
/* The same, and makes the table of coroutines as small as possible. May raise.
 */
void lab_coroutine_compact(lua_State *L);
/* Pushes the table that keeps them alive. */
void lab_coroutine_push_anchors(lua_State *L);
/* Frees the tasks that wait for reuse; for shutdown. */
void lab_coroutine_free_all(lab_vm *vm);

#endif
