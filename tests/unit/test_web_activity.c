/* SPDX-License-Identifier: MIT
 * What was counted up to a moment that is over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/rng.h"
#include "web/activity.h"

static lab_activity a; /* too large for a stack */
static uint64_t start;

static int begin_attempt(void **state) {
  (void)state;
  lab_attempt_begin();
  a = (lab_activity){0};
  start = lab_attempt_now().since;
  return 0;
}

static uint64_t after(uint64_t ms) {
  return start + ms * LAB_MILLISECOND;
}

static void begin(uint64_t ms) {
  lab_activity_begin(&a, after(ms));
}

static void end(uint64_t ms) {
  lab_activity_end(&a, after(ms));
}

static lab_activity_mark at(uint64_t ms) {
  return lab_activity_at(&a, after(ms));
}

static void assert_mark(lab_activity_mark m, uint64_t begun, uint64_t ended,
                        uint64_t busy_ms) {
  assert_int_equal(m.begun, begun);
  assert_int_equal(m.ended, ended);
  assert_int_equal(m.busy / LAB_MILLISECOND, busy_ms);
}

static void pauses_are_exact(void **state) {
  (void)state;
  begin(100);
  end(150);
  begin(400);
  begin(420);
  end(440);
  end(500);
  assert_mark(at(700), 3, 3, 150);
  assert_mark(at(0), 0, 0, 0);
  assert_mark(at(99), 0, 0, 0);
  assert_mark(at(120), 1, 0, 20);
  assert_mark(at(151), 1, 1, 50);
  assert_mark(at(399), 1, 1, 50);
  assert_mark(at(410), 2, 1, 60);
  assert_mark(at(430), 3, 1, 80);
  assert_mark(at(470), 3, 2, 120);
  assert_mark(at(501), 3, 3, 150);
}

static void what_is_near_is_by_estimate(void **state) {
  (void)state;
  for (uint64_t i = 0; i < 100; i++) { /* 100 in 200 ms */
    begin(100 + 2 * i);
    end(101 + 2 * i);
  }
  assert_mark(at(320), 100, 100, 100);
  assert_mark(at(299), 100, 100, 100);
  lab_activity_mark m = at(200);
  assert_in_range(m.begun, 48, 52);
  assert_in_range(m.ended, 48, 52);
  assert_in_range(m.busy / LAB_MILLISECOND, 48, 52);
}

/* Many more moments than there is room for: pauses stay. */
static void pauses_stay(void **state) {
  (void)state;
  uint64_t ms = 0, n = 0;
  for (unsigned i = 0; i < 10; i++) {
    for (unsigned j = 0; j < 200; j++, n++, ms += 20) {
      begin(ms);
      end(ms + 10);
    }
    ms += 5000;
  }
  for (uint64_t i = 1; i < 10; i++)
    assert_mark(at(i * 9000 - 100), i * 200, i * 200, i * 2000);
  assert_mark(at(ms), n, n, n * 10);
  lab_activity_mark m = at(9000 * 5 + 2000);
  assert_in_range(m.begun, 1090, 1110);
}

/* As the sum of all, whatever came before. */
static void moments_are_in_order(void **state) {
  (void)state;
  uint64_t rng = 7, ms = 0;
  unsigned in_flight = 0;
  for (unsigned i = 0; i < 5000; i++) {
    ms += lab_rng_next(&rng) % 100;
    if (in_flight == 0 || lab_rng_next(&rng) % 2) {
      begin(ms);
      in_flight++;
    } else {
      end(ms);
      in_flight--;
    }
  }
  lab_activity_mark before = {0};
  for (uint64_t i = 0; i < ms; i += 37) {
    lab_activity_mark m = at(i);
    assert_true(m.begun >= before.begun && m.ended >= before.ended);
    assert_true(m.busy >= before.busy && m.begun >= m.ended);
    before = m;
  }
  assert_int_equal(at(ms + 1).begun - at(ms + 1).ended, in_flight);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(pauses_are_exact, begin_attempt),
      cmocka_unit_test_setup(what_is_near_is_by_estimate, begin_attempt),
      cmocka_unit_test_setup(pauses_stay, begin_attempt),
      cmocka_unit_test_setup(moments_are_in_order, begin_attempt),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
