/* SPDX-License-Identifier: MIT
 * Runs one function as a job of a worker thread, as src/script would. */
#ifndef PROF_WORKER_H
#define PROF_WORKER_H

#include "prof_fixture.h"

#include "stack/stack.h"
#include "task/sched.h"
#include "task/worker.h"

static lab_sched *worker_sched;

static inline void worker_resume(lab_task *task, void *arg) {
  (void)task;
  (void)arg;
}

static inline void worker_done(lab_job *job) {
  (void)job;
  lab_sched_stop(worker_sched);
}

/* The stack of a Lua function NAME called by "main.handler". */
static inline uint32_t worker_stack(const char *name) {
  lab_frame frames[] = {lab_frame_script(lab_func_pseudo(name), 0),
                        lab_frame_script(lab_func_pseudo("main.handler"), 0)};
  return lab_stack_intern(frames, 2);
}

static inline void worker_run_job(void (*run)(lab_job *), uint32_t stack,
                                  uint32_t label) {
  static const lab_sched_ops ops = {.resume = worker_resume};
  lab_workers *w;
  worker_sched = lab_sched_new(&ops, NULL);
  assert_int_equal(lab_workers_new(&w, 1, worker_sched), 0);
  lab_job job = {
      .run = run, .done = worker_done, .stack = stack, .label = label};
  lab_workers_submit(w, &job);
  lab_sched_run(worker_sched);
  lab_workers_free(w);
  lab_sched_free(worker_sched);
}

#endif
