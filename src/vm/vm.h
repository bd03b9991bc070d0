/* SPDX-License-Identifier: MIT
 * The Lua machine: one Lua state on a thread of its own, whose coroutines are
 * the tasks of a scheduler (task/sched.h).
 *
 * This module knows how Lua runs, how its stack is read, and how it is
 * interrupted. It knows no steps, no library and no HTTP. Its files, in the
 * order in which they may call each other:
 *
 *   lualayout < stack_cache < walk < allocation_stack < memory_limit
 *     < anchors < coroutine < gc < hook < sampler < rehash < long_key
 *     < leaf_code < preempt < inbox < scope < traceback < task < worker_job
 *     < finalizers < resume < interrupt < pattern < stringlib < machine
 *
 * One VM per process: profilers, signal handlers and the wrapped collector keep
 * their state in static variables. So a second VM must not exist at the same
 * time; lab_vm_new (script/script.h) refuses it.
 *
 * Threads: everything here belongs to the VM's thread, unless a header says
 * otherwise. "The control thread" is the one that runs the event loop. */
#ifndef LAB_VM_VM_H
#define LAB_VM_VM_H

#include <lauxlib.h>
#include <lua.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/thread.h"
#include "task/sched.h"
#include "task/worker.h"
#include "vm/coroutine.h"
#include "vm/finalizers.h"
#include "vm/inbox.h"
#include "vm/memory_limit.h"
#include "vm/over.h"
#include "vm/preempt.h"
#include "vm/scope.h"
#include "vm/task.h"

typedef enum lab_spawns {
  LAB_SPAWNS_USUAL,
  LAB_SPAWNS_HIDDEN, /* as lab_task_hide has it */
  LAB_SPAWNS_URGENT, /* as lab_lua_task_set_own has it, so hidden, too */
} lab_spawns;

struct lab_vm {
  /* Every module that runs on the VM's thread may read these. */
  lua_State *L;         /* the main state; scripts never run on it */
  lab_sched *sched;     /* its tasks */
  lab_workers *workers; /* NULL once their threads have ended */
  lab_thread *thread;
  lab_lua_task *running; /* NULL: no task runs */
  uint32_t generation;   /* of the step that is served; see lab_vm_generation */
  bool switch_pending;   /* a switch of steps is under way, or waits: long work
                            (inspect/leak_profile.c) gives up then. Set by
                            scenario/switches.c */
  unsigned leaving;      /* visits that were left, of which requests, or a crowd
                            of tasks, may still be there: host.begin_leaving */
  lab_spawns spawns;     /* what the next task is: host.go_own */
  bool switch_urgent;    /* not only that a step is being entered: likewise,
                            whoever asks for that work */
  atomic_bool stopping;  /* the lab ends: no task runs any more. Any thread */
  atomic_bool stopped;   /* the thread has ended. Set by script/script.c */

  /* How many calls wait that will be tasks as soon as the VM looks at them: the
   * requests. Set by scenario/scenario.c; any thread. NULL: there are none. */
  size_t (*count_queued)(struct lab_vm *vm);
  /* The state of higher modules, which they make. NULL where there is none. */
  struct lab_resources *resources;
  struct lab_scenario *scenario;

  /* Private: each member belongs to the file of its name in this folder. */
  lab_coroutines coroutines;
  int anchored; /* anchors.c; registry: the table */
  lab_memory memory;
  lab_preempt preempt;
  lab_scopes scopes;
  lab_outbox outbox;
  lab_finalizers finalizers;
  lab_over over;
};

/* The VM that exists, or NULL: machine.c. */
extern lab_vm *lab_vm_only;

/* The VM of a state, which may be any coroutine; NULL for a state without a VM,
 * such as that of scenario/catalog.c. Any thread, also in a signal handler. */
static inline lab_vm *lab_vm_of(lua_State *L) {
  uintptr_t space = *(uintptr_t *)lua_getextraspace(L);
  return space & LAB_COROUTINE_OF_TASK ? lab_vm_only : (lab_vm *)space;
}

/* The visit of a step to which the code that runs now belongs: the running
 * task's, or, where no task runs, that of the step that is served. */
static inline uint32_t lab_vm_generation(const lab_vm *vm) {
  return vm->running ? vm->running->base.generation : vm->generation;
}

#endif
