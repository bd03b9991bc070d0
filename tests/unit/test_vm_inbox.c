/* SPDX-License-Identifier: MIT
 * Answers of the VM on the control thread: so many in a round of its loop as
 * it has time for, in order, and none is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "vm/inbox.h"
#include "vm/vm.h"

enum { CALLS = 20 };

static lab_vm vm;
static lab_call calls[CALLS];
static unsigned answered, woken;

static void count_wake(void *arg) {
  (void)arg;
  woken++;
}

/* Longer than a round may last. */
static void take_time(lab_call *call) {
  assert_ptr_equal(call, &calls[answered]);
  nanosleep(&(struct timespec){.tv_nsec = 3 * LAB_MILLISECOND}, NULL);
  answered++;
}

static int answer_all(void **state) {
  (void)state;
  answered = 0;
  atomic_store(&vm.stopping, false);
  lab_call_init(&vm, count_wake, NULL);
  for (int i = 0; i < CALLS; i++) {
    calls[i] = (lab_call){.vm = &vm, .answered = take_time};
    lab_call_answer(&calls[i]);
  }
  woken = 0;
  return 0;
}

static void others_get_their_turn_in_between(void **state) {
  (void)state;
  for (unsigned i = 1; i <= CALLS; i++) {
    lab_call_collect(&vm);
    assert_int_equal(answered, i);
    assert_int_equal(woken, i);
  }
  lab_call_collect(&vm);
  assert_int_equal(woken, CALLS);
}

static void nothing_is_left_at_the_end(void **state) {
  (void)state;
  lab_call_collect(&vm);
  assert_int_equal(answered, 1);
  atomic_store(&vm.stopping, true);
  lab_call_collect(&vm);
  assert_int_equal(answered, CALLS);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(others_get_their_turn_in_between, answer_all),
      cmocka_unit_test_setup(nothing_is_left_at_the_end, answer_all),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
