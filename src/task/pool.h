/* SPDX-License-Identifier: MIT
 * A pool: a number of equal things, such as connections, of which tasks take
 * one each and give it back. A task that finds none waits; they get one in the
 * order in which they came.
 *
 *   if (!lab_pool_try_take(s, p, &place)) {
 *     lab_pool_wait(s, p, &place, me, ns, stack);
 *     ...suspend the task; when it runs again:
 *     if (!place.has)                      too late, or cancelled
 *   }
 *   ...
 *   lab_pool_leave(s, p, &place);          in any case
 *
 * What is taken is handed on at once: no other task can come between. A task
 * may end, and its place stays: somebody must leave it. So a pool knows who has
 * its things, for those who ask why a task waits.
 *
 * A pool's memory may be freed when no place is in it. Threads: the
 * scheduler's. */
#ifndef LAB_TASK_POOL_H
#define LAB_TASK_POOL_H

#include "task/lock.h"

/* One who has a thing, or waits for one. In the caller's memory; zeroed before
 * it is used for the first time. */
typedef struct lab_pool_place {
  lab_list link;
  uint64_t task;  /* id; 0: no task was running */
  uint64_t since; /* mono ns at which it got it */
  bool has;
  bool waits;
} lab_pool_place;

typedef struct lab_pool {
  lab_list takers; /* places, the oldest first */
  lab_list claims; /* places of those who wait, also of some that were cancelled
                      and haven't run yet */
  lab_list waiters; /* tasks, by lab_task.link */
  size_t size, taken, waiting;
} lab_pool;

void lab_pool_init(lab_pool *p, size_t size);
/* Takes one for the task that runs, unless all are taken. Returns whether it
 * did. */
bool lab_pool_try_take(lab_sched *s, lab_pool *p, lab_pool_place *place);
/* After a try that failed: ME waits, parked at STACK, for NS at most. */
void lab_pool_wait(lab_sched *s, lab_pool *p, lab_pool_place *place,
                   lab_task *me, uint64_t ns, uint32_t stack);
/* Hands what PLACE has to the first who waits, or makes it free; or PLACE,
 * whose task isn't parked any more, waits no longer. Nothing happens if it does
 * neither. */
void lab_pool_leave(lab_sched *s, lab_pool *p, lab_pool_place *place);
lab_lock_view lab_pool_view(const lab_pool *p);

#endif
