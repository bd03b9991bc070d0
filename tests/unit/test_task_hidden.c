/* SPDX-License-Identifier: MIT
 * A hidden task counts for those who look after all tasks, and for nobody else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "task/sched.h"

static lab_sched *sched;
static unsigned resumed;

static void assert_shown(size_t n, bool runs) {
  bool one_runs;
  assert_int_equal(lab_sched_shown(sched, &one_runs), n);
  assert_int_equal(one_runs, runs);
}

static void nap_hidden(lab_task *task, void *arg) {
  (void)arg;
  resumed++;
  if (resumed == 1) {
    assert_shown(1, false);
    lab_task_sleep(sched, task, LAB_MILLISECOND, 7);
    assert_int_equal(lab_sched_waiting_for(sched, LAB_WAIT_SLEEP), 1);
    return;
  }
  assert_shown(1, false);
  lab_task_hide(sched, task, false);
  assert_shown(2, true);
  lab_task_hide(sched, task, true);
  lab_task_end(sched, task);
  lab_sched_stop(sched);
}

static void test_hidden(void **state) {
  (void)state;
  static const lab_sched_ops ops = {.resume = nap_hidden};
  sched = lab_sched_new(&ops, NULL);
  lab_task shown = {0}, hidden = {0};
  lab_task_init(sched, &shown, 0);
  lab_task_sleep(sched, &shown, UINT64_MAX, 5);
  lab_task_start(sched, &hidden);
  assert_shown(2, false);
  lab_task_hide(sched, &hidden, true);
  lab_task_hide(sched, &hidden, true);
  assert_int_equal(lab_sched_count(sched), 2);
  assert_shown(1, false);
  lab_sched_run(sched);
  assert_int_equal(resumed, 2);
  assert_int_equal(lab_sched_count(sched), 1);
  assert_int_equal(lab_sched_waiting(sched), 1);
  assert_shown(1, false);
  lab_task_end(sched, &shown);
  assert_shown(0, false);
  lab_sched_free(sched);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_hidden)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
