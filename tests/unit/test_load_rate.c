/* SPDX-License-Identifier: MIT
 * Loads at a rate, on a server in the same loop (load_world.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

#include "load_world.h"

/* 200 requests, one due each 2 ms. The tenth stalls for 300 ms, in which 150
 * become due: they have waited, too, and the percentiles show it. With a client
 * that waits for its answer and then goes on, one request would look slow. */
static void open_loop_counts_from_due(void **state) {
  (void)state;
  world w;
  open_world(&w);
  run(&w, (lab_load_plan){.path = "/s", .requests = 200, .rate = 500});
  EXPECT_STATUS(&w, 0, 200, 0);
  assert_int_equal(w.latency.count, 200);
  uint64_t late = 0;
  for (uint64_t ms = STALL_MS / 10; ms < STALL_MS; ms += STALL_MS / 10) {
    late = 200 - lab_hdr_count_to(&w.latency, ms * LAB_MILLISECOND);
    assert_true(late >= (STALL_MS - ms) / 2 - 5);
  }
  assert_true(lab_hdr_percentile(&w.latency, 50) > 30 * LAB_MILLISECOND);
  w.letters['s'] = 0;
  run(&w, (lab_load_plan){.path = "/s", .requests = 200});
  assert_true(lab_hdr_percentile(&w.latency, 50) < 30 * LAB_MILLISECOND);
  close_world(&w);
}

static void rate_is_kept(void **state) {
  (void)state;
  world w;
  open_world(&w);
  run(&w, (lab_load_plan){
              .path = "/o", .requests = 101, .clients = 4, .rate = 1000});
  EXPECT_STATUS(&w, 0, 101, 0);
  assert_true(w.result.elapsed_ns >= 100 * LAB_MILLISECOND);
  run(&w, (lab_load_plan){.path = "/o",
                          .duration_ns = 100 * LAB_MILLISECOND,
                          .clients = 4,
                          .rate = 100});
  assert_int_equal(w.result.sent + w.result.unsent, 10);
  close_world(&w);
}

/* Those that were due and found no client till the end are in the tail. */
static void not_sent(void **state) {
  (void)state;
  world w;
  open_world(&w);
  run(&w, (lab_load_plan){.path = "/n",
                          .duration_ns = 200 * LAB_MILLISECOND,
                          .rate = 100,
                          .timeout_ns = 400 * LAB_MILLISECOND});
  assert_int_equal(w.result.sent, 1);
  assert_int_equal(w.result.timeouts, 1);
  assert_int_equal(w.result.unsent, 19);
  assert_int_equal(w.latency.count, 20);
  close_world(&w);
}

/* The next request would be due after all clocks have ended. */
static void a_tiny_rate(void **state) {
  (void)state;
  world w;
  open_world(&w);
  alarm(60); /* it must not be busy for ever */
  run(&w, (lab_load_plan){.path = "/o",
                          .duration_ns = 50 * LAB_MILLISECOND,
                          .rate = 1e-300});
  assert_int_equal(w.result.sent, 1);
  assert_int_equal(w.result.unsent, 0);
  run(&w, (lab_load_plan){.path = "/o", .requests = 1, .rate = 1e-300});
  assert_int_equal(w.result.sent, 1);
  run(&w,
      (lab_load_plan){.path = "/o", .requests = 1, .duration_ns = UINT64_MAX});
  assert_int_equal(w.result.sent, 1);
  alarm(0);
  close_world(&w);
}

static void many_not_sent(void **state) {
  (void)state;
  world w;
  open_world(&w);
  lab_load_plan plan = {.path = "/n",
                        .duration_ns = 250 * LAB_MILLISECOND,
                        .rate = 1e6,
                        .timeout_ns = 500 * LAB_MILLISECOND};
  run(&w, plan);
  assert_int_equal(w.result.sent, 1);
  assert_int_equal(w.result.unsent, 249999);
  assert_int_equal(w.latency.count, 250000);
  assert_true(lab_hdr_mean(&w.latency) > 124 * LAB_MILLISECOND);
  assert_true(lab_hdr_mean(&w.latency) < 126 * LAB_MILLISECOND);
  plan.requests = 100000;
  run(&w, plan);
  assert_int_equal(w.result.unsent, 99999);
  close_world(&w);
}

/* The process stands still from before the end until behind it, and then the
 * ticker comes first. */
static void stand_still_once(uv_check_t *check) {
  const uint64_t *until = check->data;
  if (lab_clock_mono() + 60 * LAB_MILLISECOND < *until)
    return;
  while (lab_clock_mono() < *until + 60 * LAB_MILLISECOND)
    usleep(1000);
  uv_check_stop(check);
}

/* What is sent after the end, because nobody could before, is answered. */
static void late_requests_are_no_timeouts(void **state) {
  (void)state;
  world w;
  uv_check_t check;
  open_world(&w);
  uint64_t end = lab_clock_mono() + 200 * LAB_MILLISECOND;
  uv_check_init(&w.loop, &check);
  check.data = &end;
  uv_check_start(&check, stand_still_once);
  run(&w, (lab_load_plan){.path = "/o",
                          .duration_ns = 200 * LAB_MILLISECOND,
                          .clients = 30,
                          .rate = 100});
  EXPECT_STATUS(&w, 0, 20, 0);
  assert_int_equal(w.result.timeouts, 0);
  assert_int_equal(w.result.unsent, 0);
  assert_true(lab_hdr_percentile(&w.latency, 100) < 20 * LAB_SECOND);
  uv_close((uv_handle_t *)&check, NULL);
  close_world(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(open_loop_counts_from_due),
      cmocka_unit_test(rate_is_kept),
      cmocka_unit_test(not_sent),
      cmocka_unit_test(a_tiny_rate),
      cmocka_unit_test(many_not_sent),
      cmocka_unit_test(late_requests_are_no_timeouts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
