/* SPDX-License-Identifier: MIT
 * The coroutines that tasks run on: made, kept alive, and used again.
 *
 * Threads: the VM's. */
#ifndef LAB_VM_COROUTINE_H
#define LAB_VM_COROUTINE_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lab_vm lab_vm;
struct lab_lua_task;

typedef struct lab_coroutines {
  int anchors;               /* registry: the table that keeps them alive */
  struct lab_lua_task *idle; /* of finished requests, for the next ones */
  unsigned nidle;
  struct lab_lua_task *spare; /* of lab.go: lab_coroutine_drop_spare */
  size_t spare_bytes;
} lab_coroutines;

/* The extra space of a coroutine (lua_getextraspace) is the address of its VM,
 * or has one of these bits. */
enum {
  LAB_COROUTINE_HAS_TASK = 1, /* the address of the task to which it belongs */
  LAB_COROUTINE_HAD_TASK = 2, /* the id of the last one, times 4 */
  LAB_COROUTINE_OF_TASK = LAB_COROUTINE_HAS_TASK | LAB_COROUTINE_HAD_TASK
};

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
/* The task to which CO belongs: one that has not ended, or that waits for its
 * next use. NULL: to none any more. */
struct lab_lua_task *lab_coroutine_task(lua_State *co);
/* Whether CO was let go by the task ID, which ended. Then it is as that task
 * has left it, with its results or its error. */
bool lab_coroutine_is_left_by(lua_State *co, uint64_t id);
/* Frees T. Its coroutine belongs to no task then. */
void lab_coroutine_free_task(struct lab_lua_task *t);
/* Lets go of the spare ones: of ALL, or all but 128 KiB. Raises nothing and
 * allocates nothing. */
void lab_coroutine_drop_spare(lab_vm *vm, bool all);
/* Lets go of all, and makes the table of coroutines as small as possible. May
 * raise.
 */
void lab_coroutine_compact(lua_State *L);
/* Pushes the table that keeps them alive. */
void lab_coroutine_push_anchors(lua_State *L);
/* Frees the tasks that wait for reuse; for shutdown. */
void lab_coroutine_free_all(lab_vm *vm);

#endif
