/* SPDX-License-Identifier: MIT
 * Scripts' finalizers (__gc of tables) run in a task of their own, one after
 * the other, as Go's do.
 *
 * Stock Lua calls them in the middle of a collection, with hooks off: an
 * endless one could never be interrupted, and its time would be charged to the
 * function that happened to allocate. Here the collector only puts the object
 * into a queue. Order, resurrection, weak tables, and which __gc counts are as
 * the manual of Lua says. An error in one is logged and doesn't stop the
 * others.
 *
 * A finalizer belongs to the step whose code ran when the collector found the
 * object. When the lab ends, scripts' finalizers don't run. In a state without
 * a VM (scenario/reader.c) the collector calls them itself.
 *
 * Userdata are the lab's own: their finalizers are short, run no script, raise
 * nothing, and run inside the collector, on a stack of their own. So none gets
 * lost because the step's memory, or the stack of who allocates, is full.
 *
 * Threads: the VM's. */
#ifndef LAB_VM_FINALIZERS_H
#define LAB_VM_FINALIZERS_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "task/sched.h"

typedef struct lab_vm lab_vm;
struct lab_lua_task;

typedef struct lab_finalizers {
  bool open;
  lua_State *apart;          /* where the collector calls what it has to */
  int queue;                 /* registry: a table of chunks */
  lua_Integer first, last;   /* chunks that are in use; none: last < first */
  lua_Integer taken, filled; /* values of the first, and in the last */
  uint32_t last_generation;  /* of the objects in the last chunk */
  size_t due;                /* objects */
  struct lab_lua_task *task; /* that runs them, or NULL */
  lab_post letter;           /* has the task started, between two others */
  bool letter_sent;
} lab_finalizers;

/* Finalizers of L's VM are queued from now on. May raise. */
void lab_finalizers_open(lua_State *L);
/* None is queued or run any more. Before lua_close. */
void lab_finalizers_close(lab_vm *vm);
/* How many are due or under way. */
size_t lab_finalizers_count(const lab_vm *vm);
/* Cancels the one that is under way and forgets those that are due. */
void lab_finalizers_drop(lab_vm *vm);

#endif
