/* SPDX-License-Identifier: MIT
 * The near clock against the real one, between two reads of which it must lie;
 * and when the counter or the rate is not what it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <time.h>

#include "base/clock.h"
#include "base/near_clock.h"

static const uint64_t ERROR_MAX = 2000; /* ns */

static bool is_near(lab_near_clock *c) {
  uint64_t before = lab_clock_mono(), last = c->last;
  uint64_t now = lab_near_clock_read(c);
  uint64_t after = lab_clock_mono();
  assert_true(now >= last);
  return now + ERROR_MAX >= before && now <= after + ERROR_MAX;
}

static void assert_near_for(lab_near_clock *c, uint64_t ns) {
  uint64_t end = lab_clock_mono() + ns;
  while (lab_clock_mono() < end)
    assert_true(is_near(c));
}

/* Until the counter alone is enough; false on a machine without one. */
static bool learn_rate(lab_near_clock *c) {
  uint64_t end = lab_clock_mono() + 20 * LAB_SECOND;
  while (c->limit == 0 && c->state != LAB_NEAR_CLOCK_OFF &&
         lab_clock_mono() < end)
    assert_true(is_near(c));
  return c->limit > 0;
}

static void test_near(void **state) {
  (void)state;
  lab_near_clock c = {0};
  assert_true(learn_rate(&c) || c.state == LAB_NEAR_CLOCK_OFF);
  assert_near_for(&c, 50 * LAB_MILLISECOND);
  struct timespec nap = {0, 30 * 1000 * 1000};
  nanosleep(&nap, NULL);
  assert_near_for(&c, 5 * LAB_MILLISECOND);
}

static void test_no_counter(void **state) {
  (void)state;
  lab_near_clock c = {.state = LAB_NEAR_CLOCK_OFF};
  assert_near_for(&c, 5 * LAB_MILLISECOND);
  assert_int_equal(c.limit, 0);
}

/* The counter was set to another value, as after a suspension. */
static void test_jump(void **state) {
  (void)state;
  lab_near_clock c = {0};
  for (int forwards = 0; forwards < 2; forwards++) {
    if (!learn_rate(&c))
      return;
    c.at = forwards ? c.at + ((uint64_t)1 << 50) : 1;
    assert_near_for(&c, 5 * LAB_MILLISECOND);
  }
}

/* It runs at another rate from now on: for a millisecond at most that isn't
 * known, and the time that was told may not go back. */
static void test_other_rate(void **state) {
  (void)state;
  lab_near_clock c = {0};
  if (!learn_rate(&c))
    return;
  c.rate += c.rate / 2;
  uint64_t end = lab_clock_mono() + 20 * LAB_SECOND;
  while (c.limit > 0 && lab_clock_mono() < end)
    is_near(&c);
  assert_int_equal(c.limit, 0);
  while (c.last > lab_clock_mono())
    is_near(&c);
  assert_near_for(&c, 5 * LAB_MILLISECOND);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_near),
      cmocka_unit_test(test_no_counter),
      cmocka_unit_test(test_jump),
      cmocka_unit_test(test_other_rate),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
