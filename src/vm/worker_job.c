/* SPDX-License-Identifier: MIT
 * See worker_job.h. */
#include "vm/worker_job.h"

#include "vm/sampler.h"
#include "vm/vm.h"
#include "vm/walk.h"

static void finish_job(lab_job *base) {
  lab_lua_job *job = LAB_CONTAINER(base, lab_lua_job, base);
  lab_task_ready(job->vm->sched, &job->task->base);
  job->task->job = NULL; /* a trace looks at it before */
}

int lab_lua_run_job(lua_State *L, lab_lua_job *job, lua_KContext ctx,
                    lua_KFunction k) {
  lab_vm *vm = lab_vm_of(L);
  lab_lua_task *t = vm->running;
  if (!t || t->co != L || !lua_isyieldable(L)) {
    lab_sampler_freeze(L);
    if (t)
      t->job = &job->base; /* an interruption tells it to stop */
    lab_worker_run(&job->base);
    if (t)
      t->job = NULL;
    lab_sampler_thaw();
    return k(L, LUA_OK, ctx);
  }
  job->vm = vm;
  job->task = t;
  job->base.done = finish_job;
  job->base.stack = lab_walk(L, 0);
  job->base.label = t->base.label;
  job->base.generation = t->base.generation;
  t->job = &job->base;
  lab_task_park(vm->sched, &t->base, LAB_WAIT_WORKER, job->base.stack);
  lab_workers_submit(vm->workers, &job->base);
  return lua_yieldk(L, 0, ctx, k);
}
