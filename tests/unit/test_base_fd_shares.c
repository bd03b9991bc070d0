/* SPDX-License-Identifier: MIT
 * Who may have which of the process's descriptors: base/fd_shares.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/fd_shares.h"

/* Whatever the limit is: the order holds, and all may have something. */
static void the_order_holds(void **state) {
  (void)state;
  for (rlim_t all = 16; all < 70000; all++) {
    lab_fd_shares s = lab_fd_shares_of(all);
    assert_true(all / 2 <= s.clients && s.clients < s.steps);
    assert_true(s.steps < s.requests && s.requests < s.observers);
    assert_true(s.observers < all);
  }
}

/* The reserve, four timers of a profile and four files fit behind them. */
static void few_are_enough_for_all(void **state) {
  (void)state;
  lab_fd_shares s = lab_fd_shares_of(64);
  assert_int_equal(s.clients, 40);
  assert_int_equal(s.steps, 48);
  assert_int_equal(s.requests, 52);
  assert_int_equal(s.observers, 60);
}

static void without_a_limit_there_is_none(void **state) {
  (void)state;
  lab_fd_shares s = lab_fd_shares_of(RLIM_INFINITY);
  assert_true(s.clients == RLIM_INFINITY && s.observers == RLIM_INFINITY);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_order_holds),
      cmocka_unit_test(few_are_enough_for_all),
      cmocka_unit_test(without_a_limit_there_is_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
