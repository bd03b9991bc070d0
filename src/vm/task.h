/* SPDX-License-Identifier: MIT
 * Tasks as coroutines: start, resume, park, cancel.
 *
 * A task's life: spawn (or, for a request, lab_coroutine_take_idle and
 * lab_task_init), resume by the scheduler, any number of times parked, ended.
 * Then its kind's `ended` is called, tasks that joined it go on, and its
 * coroutine may serve another task.
 *
 * Threads: the VM's. */
#ifndef LAB_VM_TASK_H
#define LAB_VM_TASK_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/queue.h"
#include "task/sched.h"
#include "task/worker.h"
#include "trace/trace.h"

typedef struct lab_vm lab_vm;
typedef struct lab_lua_task lab_lua_task;

/* A task that lab.go started, for scripts: the userdata behind a Task. It may
 * exist longer than the task, if the script keeps it, and never keeps the task
 * alive. Its user value 1 is the task's coroutine, which knows its present task
 * (lab_coroutine_task) and, if it has served no other one, the results. So
 * neither of the two must be told of the other's end, and a handle needs no
 * finalizer, which would cost more than all the rest of it. */
typedef struct lab_task_handle {
  uint64_t id; /* the task's */
} lab_task_handle;

/* What a task is for; constant. */
typedef struct lab_lua_task_kind {
  /* Called when T has ended. On top of T's coroutine are the results, or the
   * error message with its traceback. */
  void (*ended)(lab_vm *vm, lab_lua_task *t, int status, int nresults);
  /* It serves a request: its coroutine is kept for the next one, a switch gives
   * it time to end, and traces call it by what `name` writes into OUT: at most
   * SIZE - 1 bytes and a 0. It returns their number. */
  bool serves;
  /* It has a handle, and `joiners` instead of `user` and `owner`. */
  bool joined;
  size_t (*name)(const lab_lua_task *t, char *out, size_t size);
} lab_lua_task_kind;

/* A task is a coroutine. */
struct lab_lua_task {
  lab_task base;
  lua_State *co;
  int ref;                 /* keeps co alive: coroutine.c */
  unsigned nargs : 20;     /* on co's stack, for the next resume; Lua has room
                              for a million */
  unsigned catches : 4;    /* how often the error that ends it was raised */
  bool told_by_script : 1; /* cancelled by t:cancel(), not by a switch */
  bool own : 1;            /* does the lab's work, not the scenario's: it isn't
                              in heap profiles, nor in those of tasks */
  bool switches : 1;       /* it is the switch of steps that is under way */
  unsigned own_levels : 5; /* functions of the lab's own below the scenario's,
                              in a task that calls both */
  uint32_t scope;          /* the innermost one: scope.c */
  uint32_t surveyed; /* by inspect/goroutine_profile.c: the last profile that
                        has recorded it */
  uint64_t creator;  /* id of the task that started it, or 0 */
  union {
    struct {
      union {
        void *user; /* its kind's */
        lab_lua_task *next_idle;
      };
      union {
        lab_lua_task **owner; /* where its owner keeps its address, which
                                 becomes NULL when it ends; or NULL */
        size_t spare_bytes;   /* coroutine.c */
      };
    };
    lab_list joiners; /* tasks that are parked in join, by lab_task.link */
  };
  lab_job *job; /* what a worker does for it, or NULL */
  const lab_lua_task_kind *kind;
  lab_trace_g trace; /* inspect/tracer.c */
};
/* There may be a million; 192 is a size of jemalloc's, the next is 224. */
_Static_assert(sizeof(lab_lua_task) <= 192, "a task is 192 bytes");

static inline lab_lua_task *lab_lua_task_of(const lab_task *base) {
  return LAB_CONTAINER(base, lab_lua_task, base);
}

/* The task at a place of the list of all (lab_task.all). */
static inline lab_lua_task *lab_lua_task_at(const lab_list *place) {
  return lab_lua_task_of(LAB_CONTAINER(place, lab_task, all));
}

enum { LAB_TASK_NAME = 80 }; /* room for what kind->name writes */

/* A new task of generation GENERATION that will call the function and NARGS
 * arguments on top of FROM's stack (popped). May raise; nothing is lost then.
 */
lab_lua_task *lab_lua_task_spawn(lab_vm *vm, lua_State *from, int nargs,
                                 uint32_t generation,
                                 const lab_lua_task_kind *kind);
/* The task of the handle at INDEX of L's stack; NULL: it has ended. */
lab_lua_task *lab_lua_task_of_handle(lua_State *L, int index);
/* The scheduler's resume and gives_up. */
void lab_lua_task_resume(lab_task *task, void *vm);
void lab_lua_task_give_up(lab_task *task, void *vm);
/* OWN: T does the lab's own work from now on, so it doesn't have to wait behind
 * many others, is refused no memory, and is hidden (lab_task_hide). False: the
 * scenario's again. T must not have ended. */
void lab_lua_task_set_own(lab_vm *vm, lab_lua_task *t, bool own);
/* The running task is of GENERATION from now on, and has its limit of memory.
 */
void lab_lua_task_set_generation(lab_vm *vm, uint32_t generation);

/* Where a task is that doesn't run: base->stack, or if it has none, what is
 * found now. One that has not begun is where it will. */
uint32_t lab_lua_task_stack(const lab_task *base);

/* T gets an error as soon as possible: where it is parked, or at its next
 * instruction. If a worker does a job for it, the job is told to stop, and T
 * gets the error afterwards; a job that still waits for a worker isn't done. */
void lab_lua_task_cancel(lab_vm *vm, lab_lua_task *t);
/* The same, if T belongs to GENERATION, doesn't run, and was not cancelled
 * before. Returns whether it was cancelled now. */
bool lab_lua_task_cancel_of(lab_vm *vm, lab_lua_task *t, uint32_t generation);
/* The same for all tasks that serve no request, MOST of them at most; the one
 * that runs finalizers isn't among them (lab_finalizers_end). Returns how many
 * were cancelled now. */
unsigned lab_lua_task_cancel_all(lab_vm *vm, uint32_t generation,
                                 unsigned most);
/* Tells the jobs of all tasks to stop. */
void lab_lua_task_cancel_jobs(lab_vm *vm);
/* Ends every task at once, without running it again; for shutdown. */
void lab_lua_task_drop_all(lab_vm *vm);

/* Logs "WHAT 7 failed: message with traceback" for T, which has just ended by
 * an error. Of equal lines the log has the first few and a count. */
void lab_lua_log_failure(const char *what, const lab_lua_task *t);

/* The running task if it can be parked at this point (as
 * lab_lua_may_make_way), else raises "can't WHAT here: ...". */
lab_lua_task *lab_lua_check_parkable(lua_State *L, const char *what);
/* Argument ARG, seconds (a number, not negative; 30 years at most), in ns. */
uint64_t lab_lua_check_seconds(lua_State *L, int arg);

#endif
