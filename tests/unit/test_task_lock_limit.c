/* SPDX-License-Identifier: MIT
 * Locks, and those whose time is over while they wait: who answers for how much
 * of their waiting, and who comes in when they go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "task/lock.h"

static lab_sched *sched;
static lab_task keeper, hasty, patient, spinner[2];

/* ---- a mutex ------------------------------------------------------------- */

static lab_mutex mutex;
static uint64_t waited, charged; /* ns */
static bool hasty_ran;
static unsigned contentions;

static void note_charge(lab_task_sink *sink, const lab_task *holder,
                        uint32_t stack, unsigned times, uint64_t ns) {
  (void)sink;
  assert_ptr_equal(holder, &keeper);
  assert_int_equal(stack, 7);
  contentions += times;
  charged += ns;
}

/* What the block profile counts: none of the time after a limit. */
static void note_waiting(lab_task_sink *sink, const lab_task *task,
                         lab_task_state next, lab_wait why, uint32_t stack,
                         uint64_t now) {
  (void)sink;
  (void)next;
  (void)why;
  (void)stack;
  if (task->state != LAB_TASK_WAITING || task->wait != LAB_WAIT_MUTEX)
    return;
  uint64_t due = lab_task_due(task);
  waited += (due < now ? due : now) - task->since;
}

static void give_up_mutex(lab_task *task, void *arg) {
  (void)arg;
  if (task->wait == LAB_WAIT_MUTEX)
    lab_mutex_give_up(sched, &mutex, task);
}

/* Spinners keep the thread busy, so that the hasty one, whose time is over, has
 * to wait for its turn. */
static void act_hastily(lab_task *task, void *arg) {
  (void)arg;
  if (task == &keeper) {
    assert_false(hasty.granted);
    assert_int_equal(mutex.load.waiting, 1);
    assert_int_equal(lab_mutex_unlock(sched, &mutex, 7), 0);
    assert_true(patient.granted);
    lab_sched_stop(sched);
  } else if (task == &hasty) {
    assert_true(hasty.expired && !hasty.granted);
    hasty_ran = true;
    lab_task_park(sched, task, LAB_WAIT_NONE, 0);
  } else {
    uint64_t until = lab_clock_mono() + 10 * LAB_MILLISECOND;
    while (lab_clock_mono() < until)
      ;
    lab_task_ready(sched, task);
  }
}

/* Returns what part of the waiting was charged. */
static double charge_hasty_one(void) {
  static const lab_sched_ops ops = {.resume = act_hastily,
                                    .gives_up = give_up_mutex};
  lab_task *tasks[] = {&keeper, &hasty, &patient, &spinner[0], &spinner[1]};
  lab_task_sink sink = {.contended = note_charge, .changes = note_waiting};
  waited = charged = contentions = 0;
  hasty_ran = false;
  sched = lab_sched_new(&ops, NULL);
  lab_sched_add_sink(sched, &sink);
  lab_mutex_init(&mutex);
  for (size_t i = 0; i < 5; i++) {
    *tasks[i] = (lab_task){.id = 0};
    lab_task_init(sched, tasks[i], 0);
  }
  assert_true(lab_mutex_try_lock(sched, &mutex));
  lab_mutex_wait(sched, &mutex, &hasty, 5);
  lab_task_wake_after(sched, &hasty, LAB_MILLISECOND);
  lab_mutex_wait(sched, &mutex, &patient, 5);
  lab_task_sleep(sched, &keeper, 50 * LAB_MILLISECOND, 0);
  lab_task_ready(sched, &spinner[0]);
  lab_task_ready(sched, &spinner[1]);
  lab_sched_run(sched);
  assert_int_equal(contentions, 1);
  assert_true(hasty_ran);
  for (size_t i = 0; i < 5; i++)
    lab_task_end(sched, tasks[i]);
  lab_sched_free(sched);
  return (double)charged / (double)waited;
}

/* Both sides count the same of it. (A machine that is busy may part the two
 * looks at the clock.) */
static void check_charges(double (*charge)(void)) {
  double part = 0;
  for (int i = 0; i < 20 && (part < 0.98 || part > 1.02); i++)
    part = charge();
  assert_true(part >= 0.98 && part <= 1.02);
}

/* It is charged until its time is over, 1 of 51 ms: not until the scheduler
 * notices, after 10, or until it runs again. */
static void test_given_up_is_charged(void **state) {
  (void)state;
  check_charges(charge_hasty_one);
}

/* The keeper computes until the hasty one's time is over, and unlocks before
 * the scheduler could notice. */
static void act_busily(lab_task *task, void *arg) {
  (void)arg;
  uint64_t until = lab_clock_mono() + 20 * LAB_MILLISECOND;
  if (task != &keeper) {
    lab_task_park(sched, task, LAB_WAIT_NONE, 0);
    lab_sched_stop(sched);
    return;
  }
  while (lab_clock_mono() < until)
    ;
  assert_int_equal(lab_mutex_unlock(sched, &mutex, 7), 0);
  assert_true(patient.granted && !hasty.granted);
  lab_mutex_give_up(sched, &mutex, &hasty);
  lab_task_ready(sched, &hasty);
  lab_task_park(sched, task, LAB_WAIT_NONE, 0);
}

static double charge_busy_keeper(void) {
  static const lab_sched_ops ops = {.resume = act_busily,
                                    .gives_up = give_up_mutex};
  lab_task *tasks[] = {&keeper, &patient, &hasty};
  lab_task_sink sink = {.contended = note_charge, .changes = note_waiting};
  waited = charged = contentions = 0;
  sched = lab_sched_new(&ops, NULL);
  lab_sched_add_sink(sched, &sink);
  lab_mutex_init(&mutex);
  for (size_t i = 0; i < 3; i++) {
    *tasks[i] = (lab_task){.id = 0};
    lab_task_init(sched, tasks[i], 0);
  }
  assert_true(lab_mutex_try_lock(sched, &mutex));
  lab_mutex_wait(sched, &mutex, &patient, 5);
  lab_mutex_wait(sched, &mutex, &hasty, 5);
  lab_task_wake_after(sched, &hasty, LAB_MILLISECOND);
  lab_task_ready(sched, &keeper);
  lab_sched_run(sched);
  assert_int_equal(contentions, 1);
  for (size_t i = 0; i < 3; i++)
    lab_task_end(sched, tasks[i]);
  lab_sched_free(sched);
  return (double)charged / (double)waited;
}

static void test_busy_keeper_is_charged(void **state) {
  (void)state;
  check_charges(charge_busy_keeper);
}

/* ---- a rwmutex ----------------------------------------------------------- */

static lab_rwmutex rw;

static void give_up_rwmutex(lab_task *task, void *arg) {
  (void)arg;
  if (task->wait == LAB_WAIT_WLOCK || task->wait == LAB_WAIT_RLOCK)
    lab_rwmutex_give_up(sched, &rw, task);
}

static unsigned ran;

static void note_order(lab_task *task, void *arg) {
  (void)arg;
  assert_ptr_equal(task, ran++ == 0 ? &patient : &hasty);
  assert_int_equal(task->expired, task == &hasty);
  assert_int_equal(task->granted, task == &patient);
  lab_task_park(sched, task, LAB_WAIT_NONE, 0);
  if (ran == 2)
    lab_sched_stop(sched);
}

/* A writer that has no time lets in the reader behind it, at once. */
static void test_writer_gives_up(void **state) {
  (void)state;
  static const lab_sched_ops ops = {.resume = note_order,
                                    .gives_up = give_up_rwmutex};
  hasty = patient = (lab_task){.id = 0};
  ran = 0;
  sched = lab_sched_new(&ops, NULL);
  lab_rwmutex_init(&rw);
  lab_task_init(sched, &hasty, 0);
  lab_task_init(sched, &patient, 0);
  assert_true(lab_rwmutex_reserve(&rw));
  assert_true(lab_rwmutex_try_lock(sched, &rw, false));
  assert_true(lab_rwmutex_reserve(&rw));
  lab_rwmutex_wait(sched, &rw, &hasty, true, 1);
  lab_task_wake_after(sched, &hasty, LAB_MILLISECOND);
  assert_true(lab_rwmutex_reserve(&rw));
  assert_false(lab_rwmutex_try_lock(sched, &rw, false));
  lab_rwmutex_wait(sched, &rw, &patient, false, 1);
  lab_sched_run(sched);
  assert_int_equal(ran, 2);
  assert_int_equal(rw.reading, 2);
  assert_int_equal(rw.load.waiting, 0);
  lab_task_end(sched, &hasty);
  lab_task_end(sched, &patient);
  lab_sched_free(sched);
  lab_rwmutex_free(&rw);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_given_up_is_charged),
      cmocka_unit_test(test_busy_keeper_is_charged),
      cmocka_unit_test(test_writer_gives_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
