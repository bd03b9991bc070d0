/* SPDX-License-Identifier: MIT
 * See worker_job.h. */
#include "vm/worker_job.h"

#include "base/clock.h"
#include "vm/sampler.h"
#include "vm/vm.h"
#include "vm/walk.h"

static void finish_job(lab_job *base) {
  lab_lua_job *job = LAB_CONTAINER(base, lab_lua_job, base);
  job->task->job = NULL;
  lab_task_ready(job->vm->sched, &job->task->base);
}

/* T makes the call at STACK. An interruption tells T's job to stop; a task that
 * was interrupted before, and has caught the error, makes no long call. */
static void run_in_task(lab_vm *vm, lab_lua_task *t, lab_job *job,
                        uint32_t stack) {
  uint64_t from = lab_clock_mono();
  t->job = job;
  if (t->base.cancelled)
    atomic_store(&job->cancelled, true);
  lab_worker_run(job);
  t->job = NULL;
  lab_sched_kept(vm->sched, &t->base, stack, from, lab_clock_mono());
  lab_sched_note_time(vm->sched); /* its slice doesn't end while it sleeps */
}

/* A task that makes one such call after the other may use little of its slice
 * in a long time. Profiles and switches don't wait for that. */
int lab_lua_run_job_here(lua_State *L, lab_lua_job *job, lua_KContext ctx,
                         lua_KFunction k) {
  lab_vm *vm = lab_vm_of(L);
  lab_lua_task *t = vm->running;
  uint32_t stack = lab_sampler_freeze(L);
  if (t)
    run_in_task(vm, t, &job->base, stack);
  else
    lab_worker_run(&job->base);
  lab_sampler_thaw();
  if (!lab_sched_has_letters(vm->sched) || !lab_lua_may_make_way(L))
    return k(L, LUA_OK, ctx);
  t->base.stack = stack;
  lab_task_step_aside(vm->sched, &t->base);
  return lua_yieldk(L, 0, ctx, k);
}

int lab_lua_run_job(lua_State *L, lab_lua_job *job, lua_KContext ctx,
                    lua_KFunction k) {
  lab_vm *vm = lab_vm_of(L);
  lab_lua_task *t = vm->running;
  if (!lab_lua_may_make_way(L))
    return lab_lua_run_job_here(L, job, ctx, k);
  job->vm = vm;
  job->task = t;
  job->base.done = finish_job;
  job->base.stack = lab_walk(L, 0);
  job->base.label = t->base.label;
  job->base.generation = t->base.generation;
  t->job = &job->base;
  lab_task_park(vm->sched, &t->base, LAB_WAIT_WORKER, job->base.stack);
  lab_task_watch_over(&t->base, &job->base.ended);
  lab_workers_submit(vm->workers, &job->base);
  return lua_yieldk(L, 0, ctx, k);
}
