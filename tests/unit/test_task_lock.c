/* SPDX-License-Identifier: MIT
 * Locks against a model: tasks lock, unlock, yield, wait for as long as they
 * have time, and are cancelled at random, and after every step the lock must be
 * what the model says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/rng.h"
#include "task/lock.h"

enum { ACTORS = 12, STEPS = 200000, PATIENCE = 20000 /* ns, at most */ };

/* What a task wants, or has. */
typedef enum hold { NOTHING, READ, WRITE } hold;

typedef struct actor {
  lab_task base;
  hold has;
  hold awaits;   /* parked for it, or granted and not yet run */
  uint64_t turn; /* when it began to wait */
} actor;

static lab_sched *sched;
static actor actors[ACTORS];
static uint64_t rng, turns;
static unsigned steps, cancels, handed_to_cancelled, waits, expiries;
static lab_mutex mutex;
static lab_rwmutex rw;

static unsigned pick(unsigned n) {
  return (unsigned)(lab_rng_next(&rng) % n);
}

static actor *self(lab_task *task) {
  return LAB_CONTAINER(task, actor, base);
}

/* Still in the queue. */
static bool is_parked(const actor *a) {
  return a->awaits && a->base.state == LAB_TASK_WAITING;
}

static unsigned count(hold what, bool parked) {
  unsigned n = 0;
  for (int i = 0; i < ACTORS; i++)
    n += parked ? is_parked(&actors[i]) && actors[i].awaits == what
                : actors[i].has == what ||
                      (actors[i].awaits == what && actors[i].base.granted);
  return n;
}

/* Nobody of the same kind who waits longer than A may have been passed by. */
static void assert_first(const actor *a) {
  for (int i = 0; i < ACTORS; i++)
    if (is_parked(&actors[i]) && actors[i].awaits == a->awaits)
      assert_true(actors[i].turn > a->turn);
}

static void assert_list(const lab_list *queue, hold what) {
  uint64_t turn = 0;
  unsigned n = 0;
  for (const lab_list *l = queue->next; l != queue; l = l->next, n++) {
    const actor *a = self(LAB_CONTAINER(l, lab_task, link));
    assert_int_equal(a->awaits, what);
    assert_true(a->turn > turn);
    turn = a->turn;
  }
  assert_int_equal(n, count(what, true));
}

/* Cancels one at random, as the owner of tasks does. */
static void cancel_some(const actor *me) {
  actor *a = &actors[pick(ACTORS)];
  if (a == me || a->base.cancelled)
    return;
  cancels++;
  handed_to_cancelled += a->awaits && a->base.granted;
  a->base.cancelled = true;
  if (a->base.state == LAB_TASK_WAITING)
    lab_task_give_up(sched, &a->base);
}

/* ---- one step of a task ----------------------------------------------------
 */

typedef struct kind {
  bool (*try_lock)(hold what);
  void (*wait)(actor *a, hold what);
  void (*give_up)(actor *a);
  int (*unlock)(hold what);
  void (*check)(void);
  bool reads;
} kind;

static const kind *lock;

static void take(actor *a) {
  hold what = lock->reads && pick(8) ? READ : WRITE;
  if (lock->try_lock(what)) {
    a->has = what;
    return;
  }
  waits++;
  lock->wait(a, what);
  a->awaits = what;
  a->turn = ++turns;
  if (pick(4) == 0)
    lab_task_wake_after(sched, &a->base, pick(PATIENCE));
}

static void give(actor *a) {
  hold had = a->has;
  a->has = NOTHING;
  assert_int_equal(lock->unlock(had), 0);
}

static void resumed(actor *a) {
  hold what = a->awaits;
  a->awaits = NOTHING;
  if (a->base.granted && a->base.cancelled) {
    assert_int_equal(lock->unlock(what), 0);
  } else if (a->base.granted) {
    assert_false(a->base.expired);
    assert_first(a);
    a->has = what;
  } else {
    assert_true(a->base.cancelled || a->base.expired);
    expiries += a->base.expired;
  }
}

/* The scheduler's gives_up. */
static void give_up(lab_task *task, void *arg) {
  (void)arg;
  if (self(task)->awaits)
    lock->give_up(self(task));
}

static void act(lab_task *task, void *arg) {
  actor *a = self(task);
  (void)arg;
  if (a->awaits)
    resumed(a);
  else if (a->has && pick(2))
    give(a);
  else if (!a->has)
    take(a);
  if (pick(8) == 0)
    cancel_some(a);
  if (a->base.cancelled && a->base.state == LAB_TASK_RUNNING)
    a->base.cancelled = false; /* a new life */
  lock->check();
  if (a->base.state == LAB_TASK_RUNNING)
    lab_task_ready(sched, task);
  if (++steps == STEPS)
    lab_sched_stop(sched);
}

static void run(const kind *which) {
  static const lab_sched_ops ops = {.resume = act, .gives_up = give_up};
  lock = which;
  steps = cancels = handed_to_cancelled = waits = expiries = 0;
  sched = lab_sched_new(&ops, NULL);
  memset(actors, 0, sizeof actors);
  for (int i = 0; i < ACTORS; i++) {
    lab_task_init(sched, &actors[i].base, 0);
    lab_task_ready(sched, &actors[i].base);
  }
  lab_sched_run(sched);
  for (int i = 0; i < ACTORS; i++)
    lab_task_end(sched, &actors[i].base); /* parked ones, too */
  lab_sched_free(sched);
  assert_int_equal(steps, STEPS);
  assert_true(cancels > STEPS / 100);
  assert_true(waits > STEPS / 100);
  assert_true(handed_to_cancelled > 100);
  assert_true(expiries > 100);
}

/* ---- mutex -----------------------------------------------------------------
 */

static bool mutex_try(hold what) {
  (void)what;
  return lab_mutex_try_lock(sched, &mutex);
}

static void mutex_wait(actor *a, hold what) {
  (void)what;
  lab_mutex_wait(sched, &mutex, &a->base, 1);
  assert_int_equal(a->base.wait, LAB_WAIT_MUTEX);
}

static void mutex_give_up(actor *a) {
  lab_mutex_give_up(sched, &mutex, &a->base);
}

static int mutex_unlock(hold what) {
  (void)what;
  return lab_mutex_unlock(sched, &mutex, 1);
}

static void mutex_check(void) {
  unsigned holders = count(WRITE, false);
  assert_in_range(holders, 0, 1);
  assert_int_equal(mutex.locked, holders);
  assert_list(&mutex.waiters, WRITE);
  assert_int_equal(mutex.load.waiting, count(WRITE, true));
  if (count(WRITE, true) > 0)
    assert_true(lab_mutex_is_charged(&mutex));
  if (!mutex.locked) /* nobody waits for what is free */
    assert_true(lab_list_empty(&mutex.waiters));
}

static void test_mutex(void **state) {
  (void)state;
  static const kind it = {mutex_try,    mutex_wait,  mutex_give_up,
                          mutex_unlock, mutex_check, false};
  rng = 1;
  lab_mutex_init(&mutex);
  run(&it);
  assert_true(lab_list_empty(&mutex.waiters));
}

/* ---- rwmutex ---------------------------------------------------------------
 */

static bool rw_try(hold what) {
  bool writers_wait = count(WRITE, true) > 0;
  assert_true(lab_rwmutex_reserve(&rw));
  bool got = lab_rwmutex_try_lock(sched, &rw, what == WRITE);
  if (what == READ && writers_wait)
    assert_false(got); /* new readers don't overtake a writer */
  return got;
}

static void rw_wait(actor *a, hold what) {
  lab_rwmutex_wait(sched, &rw, &a->base, what == WRITE, 1);
  assert_int_equal(a->base.wait,
                   what == WRITE ? LAB_WAIT_WLOCK : LAB_WAIT_RLOCK);
}

static void rw_give_up(actor *a) {
  lab_rwmutex_give_up(sched, &rw, &a->base);
}

/* After a writer all readers that waited have their turn. */
static int rw_unlock(hold what) {
  unsigned readers = count(READ, true);
  int rc = lab_rwmutex_unlock(sched, &rw, what == WRITE, 1);
  if (what == WRITE && readers > 0) {
    assert_int_equal(rw.reading, readers);
    assert_false(rw.writing);
  }
  return rc;
}

static void rw_check(void) {
  unsigned readers = count(READ, false), writers = count(WRITE, false);
  assert_in_range(writers, 0, 1);
  assert_true(readers == 0 || writers == 0);
  assert_int_equal(rw.reading, readers);
  assert_int_equal(rw.writing, writers);
  assert_list(&rw.readers, READ);
  assert_list(&rw.writers, WRITE);
  assert_int_equal(rw.load.waiting, count(READ, true) + count(WRITE, true));
  if (readers + writers == 0)
    assert_true(lab_list_empty(&rw.readers) && lab_list_empty(&rw.writers));
  if (!rw.writing && lab_list_empty(&rw.writers))
    assert_true(lab_list_empty(&rw.readers));
}

static void test_rwmutex(void **state) {
  (void)state;
  static const kind it = {rw_try,    rw_wait,  rw_give_up,
                          rw_unlock, rw_check, true};
  rng = 2;
  lab_rwmutex_init(&rw);
  run(&it);
  assert_true(lab_list_empty(&rw.readers) && lab_list_empty(&rw.writers));
  lab_rwmutex_free(&rw);
}

/* ---- what is charged --------------------------------------------------------
 */

typedef struct charge {
  lab_task_sink base;
  unsigned count;
  uint64_t ns;
  uint32_t stack;
  const lab_task *holder;
} charge;

static void contended(lab_task_sink *sink, const lab_task *holder,
                      uint32_t stack, unsigned times, uint64_t ns) {
  charge *c = LAB_CONTAINER(sink, charge, base);
  c->count += times;
  c->ns += ns;
  c->stack = stack;
  c->holder = holder;
}

static charge charged;

static void unlock_late(lab_task *task, void *arg) {
  (void)arg;
  assert_int_equal(lab_mutex_unlock(sched, &mutex, 7), 0);
  assert_int_equal(charged.count, 1);
  assert_int_equal(lab_mutex_unlock(sched, &mutex, 7), 0); /* nobody waited */
  assert_int_equal(lab_mutex_unlock(sched, &mutex, 7), -EPERM);
  assert_ptr_equal(charged.holder, task);
  lab_task_end(sched, task);
  lab_sched_stop(sched);
}

/* The unlocking task's stack is charged with what the waiter had waited. */
static void test_contended(void **state) {
  (void)state;
  static const lab_sched_ops ops = {.resume = unlock_late};
  lab_task holder = {.id = 0}, waiter = {.id = 0};
  charged = (charge){.base = {.contended = contended}};
  sched = lab_sched_new(&ops, NULL);
  lab_sched_add_sink(sched, &charged.base);
  lab_mutex_init(&mutex);
  lab_task_init(sched, &holder, 0);
  lab_task_init(sched, &waiter, 0);
  assert_true(lab_mutex_try_lock(sched, &mutex));
  assert_false(lab_mutex_try_lock(sched, &mutex));
  lab_mutex_wait(sched, &mutex, &waiter, 5);
  assert_int_equal(waiter.stack, 5);
  lab_task_sleep(sched, &holder, 20000000, 0);
  lab_sched_run(sched);
  assert_true(waiter.granted);
  assert_int_equal(charged.stack, 7);
  assert_in_range(charged.ns, 20000000, 5000000000);
  lab_task_end(sched, &waiter);
  lab_sched_free(sched);
}

/* ---- wait group
 * --------------------------------------------------------------
 */

static void nothing(lab_task *task, void *arg) {
  (void)task;
  (void)arg;
}

static void test_wait_group(void **state) {
  (void)state;
  static const lab_sched_ops ops = {.resume = nothing};
  lab_wait_group g;
  lab_task a = {.id = 0}, b = {.id = 0}, c = {.id = 0};
  sched = lab_sched_new(&ops, NULL);
  lab_wait_group_init(&g);
  lab_task_init(sched, &a, 0);
  lab_task_init(sched, &b, 0);
  lab_task_init(sched, &c, 0);
  assert_int_equal(lab_wait_group_add(sched, &g, -1), -ERANGE);
  assert_int_equal(g.count, 0);
  assert_int_equal(lab_wait_group_add(sched, &g, INT64_MAX), 0);
  assert_int_equal(lab_wait_group_add(sched, &g, 1), -ERANGE);
  assert_int_equal(lab_wait_group_add(sched, &g, 2 - INT64_MAX), 0);
  lab_wait_group_wait(sched, &g, &a, 1);
  lab_wait_group_wait(sched, &g, &b, 1);
  lab_wait_group_wait(sched, &g, &c, 1);
  assert_int_equal(a.wait, LAB_WAIT_WAIT_GROUP);
  assert_int_equal(lab_wait_group_add(sched, &g, -1), 0);
  assert_int_equal(a.state, LAB_TASK_WAITING);
  lab_task_ready(sched, &b); /* cancelled: in no queue any more */
  assert_int_equal(lab_wait_group_add(sched, &g, -1), 0);
  assert_true(a.granted && c.granted && !b.granted);
  assert_true(lab_list_empty(&g.waiters));
  lab_task_end(sched, &a);
  lab_task_end(sched, &b);
  lab_task_end(sched, &c);
  lab_sched_free(sched);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_mutex),
      cmocka_unit_test(test_rwmutex),
      cmocka_unit_test(test_contended),
      cmocka_unit_test(test_wait_group),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
