/* SPDX-License-Identifier: MIT
 * The baseline of the page's charts: bounds of what was measured; of what only
 * grows, bounds of its growth per second. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/clock.h"
#include "page/numbers.h"

static lab_numbers make_numbers(double seconds, double rss, double cpu) {
  lab_numbers n = {.at = 1, .at_mono = (uint64_t)(seconds * 1e9)};
  n.values[LAB_NUMBER_RSS] = rss;
  n.values[LAB_NUMBER_CPU] = cpu;
  return n;
}

static void add_numbers(lab_baseline *b, lab_numbers n, bool follows) {
  lab_baseline_add(b, &n, follows);
}

/* The text of the key in the baseline, "[1,2]"; "" if it isn't there. */
static void expect_bounds(const lab_baseline *b, const char *key,
                          const char *bounds) {
  lab_buf out = LAB_BUF_INIT;
  lab_json j;
  char found[64] = "";
  lab_json_start(&j, &out);
  lab_baseline_write(b, &j);
  lab_json_finish(&j);
  lab_buf_putc(&out, '\0');
  const char *at = strstr(out.data, key);
  if (at)
    snprintf(found, sizeof found, "%.*s", (int)strcspn(at + strlen(key), "]"),
             at + strlen(key));
  assert_string_equal(found, bounds);
  lab_buf_free(&out);
}

#define RSS "\"rss\":["
#define CPU "\"cpu\":["

static void test_bounds(void **state) {
  (void)state;
  lab_baseline b = {0};
  expect_bounds(&b, RSS, "");
  add_numbers(&b, make_numbers(1, 500, 7), false);
  expect_bounds(&b, RSS, "500,500");
  expect_bounds(&b, CPU, ""); /* one moment says nothing of growth */
  add_numbers(&b, make_numbers(2, 300, 7.5), true);
  expect_bounds(&b, RSS, "300,500");
  expect_bounds(&b, CPU, "0.5,0.5");
  add_numbers(&b, make_numbers(4, 900, 8), true);
  expect_bounds(&b, RSS, "300,900");
  expect_bounds(&b, CPU, "0.25,0.5");
}

/* Between two visits of step 0 another step has used CPU time. */
static void test_other_visit(void **state) {
  (void)state;
  lab_baseline b = {0};
  add_numbers(&b, make_numbers(1, 1, 0), false);
  add_numbers(&b, make_numbers(2, 1, 50), false);
  expect_bounds(&b, CPU, "");
  add_numbers(&b, make_numbers(3, 1, 50.125), true);
  expect_bounds(&b, CPU, "0.125,0.125");
}

static void test_too_soon(void **state) {
  (void)state;
  lab_baseline b = {0};
  add_numbers(&b, make_numbers(1, 1, 0), false);
  add_numbers(&b, make_numbers(1.01, 1, 1), true);
  expect_bounds(&b, CPU, "");
  add_numbers(&b, make_numbers(1.01, 1, 1), true); /* no time at all */
  expect_bounds(&b, CPU, "");
}

static void test_event_is_small(void **state) {
  (void)state;
  lab_numbers n = {.at = UINT64_MAX, .step = 9999};
  lab_buf out = LAB_BUF_INIT;
  lab_json j;
  for (int i = 0; i < LAB_NUMBERS; i++)
    n.values[i] = 12345678901234567.0;
  lab_json_start(&j, &out);
  lab_numbers_write(&n, &j);
  lab_json_finish(&j);
  assert_true(out.len < 1000);
  lab_buf_free(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_bounds),
      cmocka_unit_test(test_other_visit),
      cmocka_unit_test(test_too_soon),
      cmocka_unit_test(test_event_is_small),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
