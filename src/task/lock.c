/* SPDX-License-Identifier: MIT
 * See lock.h.
 *
 * What a holder answers for is the number of those who wait, summed up over the
 * time for which it holds the lock, and divided by the number of holders. Both
 * numbers change only in the calls below, so one running sum per lock is enough
 * (lab_lock_load): the difference between a holder's end and its beginning is
 * its part. While nobody waits the sum doesn't change, and no clock is read. */
#include "task/lock.h"

#include <errno.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"
#include "task/sched_internal.h"

static lab_task *first_waiter(const lab_list *queue) {
  return LAB_CONTAINER(queue->next, lab_task, link);
}

static void park_in_queue(lab_sched *s, lab_list *queue, lab_task *me,
                          lab_wait why, uint32_t stack) {
  lab_task_park(s, me, why, stack);
  lab_list_push_back(queue, &me->link);
}

/* ---- who answers for what ------------------------------------------------ */

/* HOLDERS: how many have had the lock up to NOW. OVERDUE: waiting that doesn't
 * count. */
static void advance_load(lab_lock_load *load, size_t holders, uint64_t now,
                         uint64_t overdue) {
  if (load->waiting > 0 && holders > 0 && now > load->at)
    load->ns +=
        ((double)(now - load->at) * (double)load->waiting - (double)overdue) /
        (double)holders;
  load->at = now;
}

/* A waiter whose time is over waits no longer, even if the scheduler notices
 * much later, because a task has kept it busy. Then the queues must be looked
 * through; mostly there is no such one. */
static bool may_be_overdue(const lab_sched *s, const lab_lock_load *load,
                           uint64_t now) {
  return load->waiting > 0 && now > load->at &&
         lab_timers_next(&s->sleepers) < now;
}

/* How long those in QUEUE have been overdue between FROM and NOW. */
static uint64_t sum_overdue(const lab_list *queue, uint64_t from,
                            uint64_t now) {
  uint64_t sum = 0;
  for (const lab_list *l = queue->next; l != queue; l = l->next) {
    uint64_t due = lab_task_due(LAB_CONTAINER(l, lab_task, link));
    if (due < now)
      sum += now - (due > from ? due : from);
  }
  return sum;
}

/* ME, one of those who wait, doesn't any more. */
static void stop_waiting(lab_lock_load *load, lab_task *me) {
  load->waiting--;
  lab_list_remove(&me->link);
}

/* The lock was given up at STACK by the task that runs, and ADMITTED others get
 * it for that reason. NS: what its holder answers for. */
static void charge_holder(lab_sched *s, uint32_t stack, unsigned admitted,
                          double ns) {
  const lab_task *running = lab_sched_running(s);
  if (stack && running && (admitted > 0 || ns >= 1))
    lab_sched_contended(s, running, stack, admitted > 0 ? admitted : 1,
                        (uint64_t)(ns + 0.5));
}

/* ---- who has it ---------------------------------------------------------- */

static lab_lock_hold begin_hold(const lab_sched *s, const lab_task *holder,
                                double ns) {
  return (lab_lock_hold){holder ? holder->id : 0, lab_sched_moment(s), ns};
}

/* ---- mutex --------------------------------------------------------------- */

void lab_mutex_init(lab_mutex *m) {
  *m = (lab_mutex){.locked = false};
  lab_list_init(&m->waiters);
}

static void advance_mutex(const lab_sched *s, lab_mutex *m, uint64_t now) {
  uint64_t overdue = may_be_overdue(s, &m->load, now)
                         ? sum_overdue(&m->waiters, m->load.at, now)
                         : 0;
  advance_load(&m->load, 1, now, overdue);
}

/* The same, if somebody waits. */
static void advance_mutex_now(const lab_sched *s, lab_mutex *m) {
  if (m->load.waiting > 0)
    advance_mutex(s, m, lab_clock_mono());
}

bool lab_mutex_try_lock(lab_sched *s, lab_mutex *m) {
  if (m->locked)
    return false;
  m->locked = true;
  m->hold = begin_hold(s, lab_sched_running(s), 0);
  return true;
}

void lab_mutex_wait(lab_sched *s, lab_mutex *m, lab_task *me, uint32_t stack) {
  lab_sched_lock_changes(s, m, LAB_LOCK_MUTEX);
  park_in_queue(s, &m->waiters, me, LAB_WAIT_MUTEX, stack);
  advance_mutex(s, m, me->since);
  m->load.waiting++;
}

void lab_mutex_give_up(lab_sched *s, lab_mutex *m, lab_task *me) {
  lab_sched_lock_changes(s, m, LAB_LOCK_MUTEX);
  advance_mutex_now(s, m);
  stop_waiting(&m->load, me);
}

int lab_mutex_unlock(lab_sched *s, lab_mutex *m, uint32_t stack) {
  if (!m->locked)
    return -EPERM;
  bool hands_over = !lab_list_empty(&m->waiters);
  advance_mutex_now(s, m);
  charge_holder(s, stack, hands_over, m->load.ns);
  m->load.ns = 0;
  m->locked = hands_over;
  if (hands_over) {
    lab_task *next = first_waiter(&m->waiters);
    lab_sched_lock_changes(s, m, LAB_LOCK_MUTEX);
    m->load.waiting--;
    lab_task_grant(s, next);
    m->hold = begin_hold(s, next, 0);
  }
  return 0;
}

lab_lock_view lab_mutex_view(const lab_mutex *m) {
  return (lab_lock_view){
      .holders = {m->hold}, .held = m->locked, .waiting = m->load.waiting};
}

/* ---- rwmutex ------------------------------------------------------------- */

void lab_rwmutex_init(lab_rwmutex *m) {
  *m = (lab_rwmutex){.writing = false};
  lab_list_init(&m->readers);
  lab_list_init(&m->writers);
}

void lab_rwmutex_free(lab_rwmutex *m) {
  lab_counted_free(m->holders, m->room * sizeof *m->holders);
  m->holders = NULL;
  m->room = m->reading = 0;
  m->writing = false;
}

static size_t count_holders(const lab_rwmutex *m) {
  return m->writing ? 1 : m->reading;
}

static void advance_rwmutex(const lab_sched *s, lab_rwmutex *m, uint64_t now) {
  uint64_t overdue = 0, from = m->load.at;
  if (may_be_overdue(s, &m->load, now))
    overdue = sum_overdue(&m->readers, from, now) +
              sum_overdue(&m->writers, from, now);
  advance_load(&m->load, count_holders(m), now, overdue);
}

static void advance_rwmutex_now(const lab_sched *s, lab_rwmutex *m) {
  if (m->load.waiting > 0)
    advance_rwmutex(s, m, lab_clock_mono());
}

bool lab_rwmutex_reserve(lab_rwmutex *m) {
  size_t wanted = count_holders(m) + m->load.waiting + 1;
  if (wanted <= m->room)
    return true;
  size_t room = wanted > 2 * m->room ? wanted : 2 * m->room;
  void *holders = lab_counted_realloc(m->holders, m->room * sizeof *m->holders,
                                      room * sizeof *m->holders);
  if (!holders)
    return false;
  m->holders = holders;
  m->room = room;
  return true;
}

/* One more has it, for whom there is room. */
static void add_holder(const lab_sched *s, lab_rwmutex *m, bool write,
                       const lab_task *me) {
  size_t n = count_holders(m);
  LAB_ASSERT(n < m->room);
  m->holders[n] = begin_hold(s, me, m->load.ns);
  if (write)
    m->writing = true;
  else
    m->reading++;
}

/* TASK's hold, the latest if it has several; else the oldest. */
static size_t find_holder(const lab_rwmutex *m, const lab_task *task) {
  size_t i = count_holders(m);
  while (i > 0 && (!task || m->holders[i - 1].task != task->id))
    i--;
  return i > 0 ? i - 1 : 0;
}

/* One of them gives it up. Returns the ns for which it answers. */
static double remove_holder(lab_rwmutex *m, bool write, const lab_task *task) {
  size_t n = count_holders(m), i = find_holder(m, task);
  double ns = m->load.ns - m->holders[i].ns;
  for (n--; i < n; i++) /* in the order in which they came */
    m->holders[i] = m->holders[i + 1];
  if (write)
    m->writing = false;
  else
    m->reading--;
  if (n == 0)
    m->load.ns = 0;
  return ns;
}

bool lab_rwmutex_try_lock(lab_sched *s, lab_rwmutex *m, bool write) {
  if (m->writing || (write ? m->reading > 0 : !lab_list_empty(&m->writers)))
    return false;
  advance_rwmutex_now(s, m);
  add_holder(s, m, write, lab_sched_running(s));
  return true;
}

void lab_rwmutex_wait(lab_sched *s, lab_rwmutex *m, lab_task *me, bool write,
                      uint32_t stack) {
  lab_sched_lock_changes(s, m, LAB_LOCK_RW);
  park_in_queue(s, write ? &m->writers : &m->readers, me,
                write ? LAB_WAIT_WLOCK : LAB_WAIT_RLOCK, stack);
  advance_rwmutex(s, m, me->since);
  m->load.waiting++;
}

/* The first of QUEUE gets the lock. */
static void admit_first(lab_sched *s, lab_rwmutex *m, bool write) {
  lab_task *next = first_waiter(write ? &m->writers : &m->readers);
  m->load.waiting--;
  lab_task_grant(s, next);
  add_holder(s, m, write, next);
}

/* These let in those who may come in, and return how many did. */
static unsigned admit_readers(lab_sched *s, lab_rwmutex *m) {
  unsigned n = 0;
  for (; !lab_list_empty(&m->readers); n++)
    admit_first(s, m, false);
  return n;
}

/* No writer has the lock. */
static unsigned admit_waiters(lab_sched *s, lab_rwmutex *m) {
  if (lab_list_empty(&m->writers))
    return admit_readers(s, m);
  if (m->reading > 0)
    return 0;
  admit_first(s, m, true);
  return 1;
}

void lab_rwmutex_give_up(lab_sched *s, lab_rwmutex *m, lab_task *me) {
  lab_sched_lock_changes(s, m, LAB_LOCK_RW);
  advance_rwmutex_now(s, m);
  stop_waiting(&m->load, me);
  if (!m->writing)
    admit_waiters(s, m); /* readers may have waited behind this writer only */
}

int lab_rwmutex_unlock(lab_sched *s, lab_rwmutex *m, bool write,
                       uint32_t stack) {
  if (write ? !m->writing : m->reading == 0)
    return -EPERM;
  if (m->load.waiting > 0)
    lab_sched_lock_changes(s, m, LAB_LOCK_RW);
  advance_rwmutex_now(s, m);
  double ns = remove_holder(m, write, lab_sched_running(s));
  unsigned admitted = write ? admit_readers(s, m) : 0;
  admitted += admit_waiters(s, m);
  charge_holder(s, stack, admitted, ns);
  return 0;
}

lab_lock_view lab_rwmutex_view(const lab_rwmutex *m) {
  lab_lock_view view = {.held = count_holders(m),
                        .waiting = m->load.waiting,
                        .reading = m->reading > 0};
  for (size_t i = 0; i < view.held && i < LAB_LOCK_SHOWN; i++)
    view.holders[i] = m->holders[i];
  return view;
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
