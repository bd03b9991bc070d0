/* SPDX-License-Identifier: MIT
 * Pools: tasks take, wait, are cancelled, come too late and leave at random,
 * and after every step the pool must be what a model says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "task/pool.h"

enum { ACTORS = 12, SIZE = 3, STEPS = 200000 };
static const uint64_t LONG = UINT64_C(3600000000000);

typedef struct actor {
  lab_task base;
  lab_pool_place place;
  bool awaits;   /* parked, or granted and not yet run */
  uint64_t turn; /* when it began to wait */
} actor;

static lab_sched *sched;
static lab_pool pool;
static actor actors[ACTORS];
static uint64_t rng, turns;
static unsigned steps, waits, granted, too_late, lost_grants;

static unsigned pick(unsigned n) {
  return (unsigned)(lab_rng_next(&rng) % n);
}

static bool is_parked(const actor *a) {
  return a->awaits && a->base.state == LAB_TASK_WAITING;
}

/* Whoever has waited for longest is next. */
static void assert_in_order(void) {
  uint64_t turn = 0;
  for (const lab_list *l = pool.waiters.next; l != &pool.waiters; l = l->next) {
    const lab_task *task = LAB_CONTAINER(l, lab_task, link);
    const actor *a = LAB_CONTAINER(task, actor, base);
    assert_true(is_parked(a) && a->turn > turn);
    turn = a->turn;
  }
}

static void assert_model(void) {
  unsigned have = 0, parked = 0;
  for (int i = 0; i < ACTORS; i++) {
    have += actors[i].place.has;
    parked += is_parked(&actors[i]);
    assert_false(actors[i].place.has && is_parked(&actors[i]));
  }
  lab_lock_view view = lab_pool_view(&pool);
  assert_int_equal(view.size, SIZE);
  assert_int_equal(view.held, have);
  assert_true(have <= SIZE);
  assert_true(view.waiting >= parked);
  if (parked > 0)
    assert_int_equal(have, SIZE);
  assert_in_order();
}

static void begin_wait(actor *a, uint64_t ns) {
  a->awaits = true;
  a->turn = ++turns;
  waits++;
  lab_pool_wait(sched, &pool, &a->place, &a->base, ns, 1);
}

/* A was woken: it has one, or its time is over, or it was cancelled. */
static void end_wait(actor *a) {
  a->awaits = false;
  assert_true(a->place.has == a->base.granted);
  granted += a->place.has;
  too_late += !a->place.has;
  if (a->base.cancelled) {
    lost_grants += a->place.has;
    lab_pool_leave(sched, &pool, &a->place);
    a->base.cancelled = false;
  } else if (!a->place.has) {
    lab_pool_leave(sched, &pool, &a->place);
  }
}

static void cancel_one(const actor *me) {
  actor *a = &actors[pick(ACTORS)];
  if (a == me || !a->awaits || a->base.cancelled)
    return;
  a->base.cancelled = true;
  lab_task_ready(sched, &a->base);
}

static void act(actor *a) {
  if (a->place.has)
    lab_pool_leave(sched, &pool, &a->place);
  else if (!lab_pool_try_take(sched, &pool, &a->place))
    begin_wait(a, pick(4) ? LONG : 1);
}

static void resume_actor(lab_task *task, void *arg) {
  actor *a = LAB_CONTAINER(task, actor, base);
  (void)arg;
  if (a->awaits)
    end_wait(a);
  if (pick(3) == 0)
    cancel_one(a);
  act(a);
  assert_model();
  if (a->base.state == LAB_TASK_RUNNING)
    lab_task_ready(sched, &a->base);
  if (++steps == STEPS)
    lab_sched_stop(sched);
}

static void open_sched(void (*resume)(lab_task *task, void *arg)) {
  sched = lab_sched_new(&(lab_sched_ops){.resume = resume}, NULL);
  memset(actors, 0, sizeof actors);
  lab_pool_init(&pool, SIZE);
}

static void close_sched(void) {
  for (int i = 0; i < ACTORS; i++) {
    lab_pool_leave(sched, &pool, &actors[i].place);
    if (actors[i].base.id && actors[i].base.state != LAB_TASK_ENDED)
      lab_task_end(sched, &actors[i].base);
  }
  lab_lock_view view = lab_pool_view(&pool);
  assert_int_equal(view.held, 0);
  assert_int_equal(view.waiting, 0);
  assert_true(lab_list_empty(&pool.takers) && lab_list_empty(&pool.claims) &&
              lab_list_empty(&pool.waiters));
  lab_sched_free(sched);
}

static void is_what_the_model_says(void **state) {
  (void)state;
  rng = 7;
  open_sched(resume_actor);
  for (int i = 0; i < ACTORS; i++)
    lab_task_start(sched, &actors[i].base);
  lab_sched_run(sched);
  assert_int_equal(steps, STEPS);
  assert_true(waits > STEPS / 10);
  assert_true(granted > STEPS / 20);
  assert_true(too_late > 100);
  assert_true(lost_grants > 10); /* handed to one that was cancelled then */
  close_sched();
}

/* ---- who has it ---------------------------------------------------------- */

static void take_or_wait(lab_task *task, void *arg) {
  actor *a = LAB_CONTAINER(task, actor, base);
  (void)arg;
  if (!lab_pool_try_take(sched, &pool, &a->place))
    begin_wait(a, LONG);
  else if (a == &actors[0]) /* it keeps its place */
    lab_task_end(sched, task);
  else
    lab_task_park(sched, task, LAB_WAIT_NET, 0);
  if (a == &actors[ACTORS - 1])
    lab_sched_stop(sched);
}

static void says_who_has_it(void **state) {
  (void)state;
  open_sched(take_or_wait);
  for (int i = 0; i < ACTORS; i++)
    lab_task_start(sched, &actors[i].base);
  lab_sched_run(sched);
  lab_lock_view view = lab_pool_view(&pool);
  assert_int_equal(view.held, SIZE);
  assert_int_equal(view.waiting, ACTORS - SIZE);
  for (unsigned i = 0; i < SIZE; i++)
    assert_int_equal(view.holders[i].task, i + 1);
  assert_int_equal(lab_sched_waiting_for(sched, LAB_WAIT_POOL), ACTORS - SIZE);
  lab_pool_leave(sched, &pool, &actors[1].place);
  view = lab_pool_view(&pool);
  assert_int_equal(view.held, SIZE);
  assert_int_equal(view.holders[0].task, 1); /* of the task that has ended */
  assert_int_equal(view.holders[1].task, 3);
  assert_int_equal(view.holders[2].task, SIZE + 1); /* the first who waited */
  assert_true(actors[SIZE].base.granted && actors[SIZE].place.has);
  lab_pool_leave(sched, &pool, &actors[1].place); /* twice is once */
  assert_int_equal(lab_pool_view(&pool).held, SIZE);
  close_sched();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(is_what_the_model_says),
      cmocka_unit_test(says_who_has_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
