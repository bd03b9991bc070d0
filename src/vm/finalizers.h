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
 * A finalizer belongs to the visit of a step whose code has set the object's
 * metatable, whoever runs when the collector finds the object: its task is of
 * that generation. When a visit has ended, none of its finalizers runs any
 * more, also not of objects that are found later; so a finalizer that makes the
 * next object like it doesn't go on in later steps. When the lab ends, scripts'
 * finalizers don't run. In a state without a VM (scenario/reader.c) the
 * collector calls them itself.
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

#include "base/queue.h"
#include "task/sched.h"

typedef struct lab_vm lab_vm;
struct lab_lua_task;

typedef struct lab_finalizer_queue lab_finalizer_queue;

typedef struct lab_finalizers {
  bool open;
  lua_State *apart;          /* where the collector calls what it has to */
  lab_list queues;           /* one for each visit, the oldest first */
  size_t due;                /* objects in all of them */
  struct lab_lua_task *task; /* that runs them, or NULL */
  lab_post letter;           /* has the task started, between two others */
  bool letter_sent;
} lab_finalizers;

/* Finalizers of L's VM are queued from now on; before the library's functions
 * get their names, because setmetatable is replaced. May raise. */
void lab_finalizers_open(lua_State *L);
/* None is queued or run any more. Before lua_close. */
void lab_finalizers_close(lab_vm *vm);
/* The visit of that number has finalizers from now on. May raise. */
void lab_finalizers_begin(lua_State *L, uint32_t generation);
/* It has none from now on: those that are due are dropped, and the one that is
 * under way is cancelled. Whether there ever was one. Also for a visit that has
 * ended before. */
bool lab_finalizers_end(lab_vm *vm, uint32_t generation);
/* How many of a visit's are due or under way. */
size_t lab_finalizers_count(const lab_vm *vm, uint32_t generation);

#endif
