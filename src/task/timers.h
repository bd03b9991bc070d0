/* SPDX-License-Identifier: MIT
 * The sleepers of a scheduler: a binary heap of tasks, the next to wake on top.
 * Each task knows its place (task->heap), so that one which is woken early
 * leaves in O(log n) as well.
 *
 * Threads: the scheduler's; lab_timers_next also from a signal handler there.
 */
#ifndef LAB_TASK_TIMERS_H
#define LAB_TASK_TIMERS_H

#include <stdatomic.h>
#include <stdint.h>

#include "task/task.h"

typedef struct lab_timers {
  lab_task **heap; /* heap[i]->wake >= heap[(i - 1) / 2]->wake */
  uint32_t count, cap;
  /* heap[0]->wake, or UINT64_MAX. Apart, because a signal handler can't look
   * into the heap while it is being moved. */
  atomic_uint_fast64_t next;
} lab_timers;

void lab_timers_init(lab_timers *t);
void lab_timers_free(lab_timers *t);

/* Enters TASK, which is not in the heap, by task->wake. */
void lab_timers_add(lab_timers *t, lab_task *task);
/* Takes TASK out, if it is in. */
void lab_timers_remove(lab_timers *t, lab_task *task);

/* When the next one wakes, mono ns; UINT64_MAX if none sleeps. */
static inline uint64_t lab_timers_next(const lab_timers *t) {
  return atomic_load_explicit(&t->next, memory_order_relaxed);
}

#endif
