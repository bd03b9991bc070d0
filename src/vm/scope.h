/* SPDX-License-Identifier: MIT
 * What a task is within while a function runs: a label, a region, a user task.
 * Each is undone when it is left, also if an error ends the whole task. Lua
 * closes no variables then, so the open scopes are known here.
 *
 * Threads: the VM's. */
#ifndef LAB_VM_SCOPE_H
#define LAB_VM_SCOPE_H

#include <stddef.h>
#include <stdint.h>

typedef struct lab_vm lab_vm;
typedef struct lab_lua_task lab_lua_task;

/* What a trace shows of it. */
typedef enum lab_scope_kind {
  LAB_SCOPE_OTHER,
  LAB_SCOPE_REGION, /* TEXT is its name */
  LAB_SCOPE_TASK,   /* a user task, TEXT is its name; NUMBER: the one outside */
} lab_scope_kind;

typedef struct lab_scope {
  /* Undoes what entering did. It must not raise. */
  void (*leave)(lab_vm *vm, lab_lua_task *t, const struct lab_scope *s);
  uint64_t number;  /* for leave */
  const char *text; /* for leave: stays valid as long as the scope is open */
  lab_scope_kind kind;
  uint32_t outer; /* private: the next one of the task, or the next free one */
} lab_scope;

/* All zeros is an empty one. */
typedef struct lab_scopes {
  lab_scope *all; /* scope N is all[N - 1] */
  uint32_t room;
  uint32_t open, free; /* how many are open; the first that is free, or 0 */
} lab_scopes;

/* T, which runs, enters S, a copy of which is kept. Returns its number. */
uint32_t lab_scope_enter(lab_vm *vm, lab_lua_task *t, const lab_scope *s);
/* T leaves scope NUMBER and those that it has entered since, the innermost
 * first. */
void lab_scope_leave(lab_vm *vm, lab_lua_task *t, uint32_t number);
/* T ends: it leaves all. */
void lab_scope_leave_all(lab_vm *vm, lab_lua_task *t);
/* The innermost scope of T that is outside of S, or (NULL) the innermost of
 * all; NULL: there is none. Valid until T runs. */
const lab_scope *lab_scope_next(const lab_vm *vm, const lab_lua_task *t,
                                const lab_scope *s);
/* The VM ends: forgets all scopes without leaving them. */
void lab_scope_free_all(lab_vm *vm);

#endif
