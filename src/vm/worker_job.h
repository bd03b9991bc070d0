/* SPDX-License-Identifier: MIT
 * Long C work of a task, done by a worker thread while the task is parked.
 *
 * Threads: the VM's, except for the work itself. */
#ifndef LAB_VM_WORKER_JOB_H
#define LAB_VM_WORKER_JOB_H

#include <lua.h>

#include "task/worker.h"

typedef struct lab_vm lab_vm;
struct lab_lua_task;

/* A job is in a userdata on the task's stack, so it exists for as long as the
 * task is parked. A task that is cancelled meanwhile is resumed only when the
 * job is done, so memory that a worker still uses isn't freed. */
typedef struct lab_lua_job {
  lab_job base; /* the caller sets run */
  lab_vm *vm;
  struct lab_lua_task *task;
} lab_lua_job;

/* Hands JOB to a worker and parks the running task; or runs it here when the
 * task can't be parked at this point (inside a sort comparator, say). K is
 * called in both cases, with CTX. */
int lab_lua_run_job(lua_State *L, lab_lua_job *job, lua_KContext ctx,
                    lua_KFunction k);
/* Runs JOB here in any case: all other tasks wait meanwhile, and until this one
 * parks or its slice is over. Letters are delivered after the job. It is told
 * to stop when the task is interrupted. */
int lab_lua_run_job_here(lua_State *L, lab_lua_job *job, lua_KContext ctx,
                         lua_KFunction k);

#endif
