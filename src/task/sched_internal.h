/* SPDX-License-Identifier: MIT
 * The scheduler's state, shared by sched.c, task.c, lock.c, pool.c and
 * sink.c. */
#ifndef LAB_TASK_SCHED_INTERNAL_H
#define LAB_TASK_SCHED_INTERNAL_H

#include <stdatomic.h>
#include <time.h>

#include "base/clock.h"
#include "base/near_clock.h"
#include "task/sched.h"
#include "task/timers.h"

struct lab_sched {
  /* The scheduler's thread, and signal handlers on it. */
  lab_sched_ops ops;
  void *arg;
  lab_list runnable, late, tasks; /* the first two are the run queue */
  bool late_turn;                 /* the last turn was a late task's */
  lab_timers sleepers;
  lab_task_sink *sinks;
  lab_mpsc ahead;      /* letters: any thread's, but seldom */
  bool precise, close; /* one of them is; precise ones are close, too */
  bool held;           /* see lab_sched_hold */
  _Atomic(lab_task *) running;
  atomic_bool runs_hidden; /* that one is hidden */
  uint64_t last_id, last_user_task;
  /* Mono ns of the last change of a task's state, as far as it was read, if
   * nothing but that task's end or parking has happened since; else 0. */
  uint64_t switched;
  lab_near_clock clock; /* the precise one */
  uint64_t tick; /* ns that the coarse clock may be late, with a margin */
  atomic_uint_fast64_t moment; /* lab_sched_moment */
  /* Written by the scheduler's thread, read by any. */
  atomic_size_t count, shown, waiting[LAB_WAIT_KINDS];
  char apart[64]; /* producers write into another cache line */
  lab_mpsc letters;
  _Atomic(uint32_t) asleep; /* a futex */
  atomic_bool stop;
};

/* Mono ns by the coarse clock: a few ns to read, late by at most a timer tick.
 */
static inline uint64_t lab_sched_coarse_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
  return (uint64_t)t.tv_sec * LAB_SECOND + (uint64_t)t.tv_nsec;
}

/* Mono ns: now, or up to a time slice ago, for what needs no better time than
 * that. It is written at each change of a task's state and at the end of each
 * time slice, so reading it costs nothing. */
static inline uint64_t lab_sched_moment(const lab_sched *s) {
  return atomic_load_explicit(&s->moment, memory_order_relaxed);
}

/* sink.c: delivers letters, oldest first. */
void lab_sched_deliver_all(lab_mpsc_node *letters);
/* As lab_sched_look_ahead, for what is done often. */
static inline void lab_sched_look(lab_sched *s) {
  if (__builtin_expect(!lab_mpsc_empty(&s->ahead), 0))
    lab_sched_look_ahead(s);
}

/* task.c: TASK goes over to STATE (WAITING: for WHY), at STACK, and the sinks
 * are told. */
void lab_task_enter_state(lab_sched *s, lab_task *task, lab_task_state state,
                          lab_wait why, uint32_t stack);

#endif
