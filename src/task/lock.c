/* SPDX-License-Identifier: MIT
 * See lock.h. */
#include "task/lock.h"

#include <errno.h>

#include "base/clock.h"

static lab_task *first_waiter(const lab_list *queue) {
  return LAB_CONTAINER(queue->next, lab_task, link);
}

static void park_in_queue(lab_sched *s, lab_list *queue, lab_task *me,
                          lab_wait why, uint32_t stack) {
  lab_task_park(s, me, why, stack);
  lab_list_push_back(queue, &me->link);
}

/* The first of QUEUE has got the lock that was given up at STACK. */
static void hand_over(lab_sched *s, lab_list *queue, uint32_t stack) {
  lab_task *next = first_waiter(queue), *holder = lab_sched_running(s);
  if (stack && holder)
    lab_sched_contended(s, holder, stack, lab_clock_mono() - next->since);
  lab_task_grant(s, next);
}

/* ---- mutex --------------------------------------------------------------- */

void lab_mutex_init(lab_mutex *m) {
  lab_list_init(&m->waiters);
  m->locked = false;
}

bool lab_mutex_try_lock(lab_mutex *m) {
  if (m->locked)
    return false;
  m->locked = true;
  return true;
}

void lab_mutex_wait(lab_sched *s, lab_mutex *m, lab_task *me, uint32_t stack) {
  park_in_queue(s, &m->waiters, me, LAB_WAIT_MUTEX, stack);
}

void lab_mutex_abandon(lab_sched *s, lab_mutex *m, const lab_task *me,
                       uint32_t stack) {
  if (me->granted)
    lab_mutex_unlock(s, m, stack);
}

bool lab_mutex_contended(const lab_mutex *m) {
  return !lab_list_empty(&m->waiters);
}

int lab_mutex_unlock(lab_sched *s, lab_mutex *m, uint32_t stack) {
  if (!m->locked)
    return -EPERM;
  if (lab_mutex_contended(m))
    hand_over(s, &m->waiters, stack); /* it stays locked */
  else
    m->locked = false;
  return 0;
}

/* ---- rwmutex ------------------------------------------------------------- */

void lab_rwmutex_init(lab_rwmutex *m) {
  lab_list_init(&m->readers);
  lab_list_init(&m->writers);
  m->reading = 0;
  m->writing = false;
}

bool lab_rwmutex_try_lock(lab_rwmutex *m, bool write) {
  if (m->writing || (write ? m->reading > 0 : !lab_list_empty(&m->writers)))
    return false;
  if (write)
    m->writing = true;
  else
    m->reading++;
  return true;
}

void lab_rwmutex_wait(lab_sched *s, lab_rwmutex *m, lab_task *me, bool write,
                      uint32_t stack) {
  park_in_queue(s, write ? &m->writers : &m->readers, me,
                write ? LAB_WAIT_WLOCK : LAB_WAIT_RLOCK, stack);
}

static void let_readers_in(lab_sched *s, lab_rwmutex *m, uint32_t stack) {
  while (!lab_list_empty(&m->readers)) {
    m->reading++;
    hand_over(s, &m->readers, stack);
  }
}

/* No writer has the lock: lets in those who may come in. */
static void admit_waiters(lab_sched *s, lab_rwmutex *m, uint32_t stack) {
  if (lab_list_empty(&m->writers)) {
    let_readers_in(s, m, stack);
  } else if (m->reading == 0) {
    m->writing = true;
    hand_over(s, &m->writers, stack);
  }
}

void lab_rwmutex_abandon(lab_sched *s, lab_rwmutex *m, const lab_task *me,
                         bool write, uint32_t stack) {
  if (me->granted)
    lab_rwmutex_unlock(s, m, write, stack);
  else if (!m->writing)
    admit_waiters(s, m,
                  0); /* readers may have waited behind this writer only */
}

bool lab_rwmutex_contended(const lab_rwmutex *m) {
  return !lab_list_empty(&m->readers) || !lab_list_empty(&m->writers);
}

int lab_rwmutex_unlock(lab_sched *s, lab_rwmutex *m, bool write,
                       uint32_t stack) {
  if (write ? !m->writing : m->reading == 0)
    return -EPERM;
  if (write) {
    m->writing = false;
    let_readers_in(s, m, stack);
  } else {
    m->reading--;
  }
  admit_waiters(s, m, stack);
  return 0;
}

/* ---- wait group ---------------------------------------------------------- */

void lab_wait_group_init(lab_wait_group *g) {
  lab_list_init(&g->waiters);
  g->count = 0;
}

int lab_wait_group_add(lab_sched *s, lab_wait_group *g, int64_t delta) {
  int64_t count;
  if (__builtin_add_overflow(g->count, delta, &count) || count < 0)
    return -ERANGE;
  g->count = count;
  while (count == 0 && !lab_list_empty(&g->waiters))
    lab_task_grant(s, first_waiter(&g->waiters));
  return 0;
}

void lab_wait_group_wait(lab_sched *s, lab_wait_group *g, lab_task *me,
                         uint32_t stack) {
  park_in_queue(s, &g->waiters, me, LAB_WAIT_WAIT_GROUP, stack);
}
