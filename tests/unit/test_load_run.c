/* SPDX-License-Identifier: MIT
 * Loads on a server in the same loop (load_world.h): what is counted, and what
 * goes wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "load_world.h"

/* ---- counts ---------------------------------------------------------------
 */

static void exact_counts(void **state) {
  (void)state;
  world w;
  open_world(&w);
  run(&w, (lab_load_plan){.path = "/o", .requests = 1000, .clients = 7});
  EXPECT_STATUS(&w, 0, 1000, 0);
  assert_int_equal(w.requests, 1000);
  assert_int_equal(w.result.sent, 1000);
  assert_int_equal(w.connections, 7); /* kept */
  assert_int_equal(w.result.connections, 7);
  assert_int_equal(w.result.bytes, 1000 * strlen(ok));
  assert_int_equal(w.latency.count, 1000);
  assert_string_equal(w.result.error, "");
  run(&w, (lab_load_plan){.path = "/h/{n}", .requests = 100});
  EXPECT_STATUS(&w, 0, 50, 50);
  run(&w, (lab_load_plan){0}); /* neither requests nor seconds: one */
  EXPECT_STATUS(&w, 0, 1, 0);
  run(&w, (lab_load_plan){.path = "/o", .requests = 3, .clients = 50});
  EXPECT_STATUS(&w, 0, 3, 0);
  close_world(&w);
}

static void for_some_time(void **state) {
  (void)state;
  world w;
  open_world(&w);
  run(&w, (lab_load_plan){.path = "/o", .duration_ns = 50 * LAB_MILLISECOND});
  assert_int_equal(w.result.status[2], w.requests);
  assert_true(w.requests > 0);
  assert_true(w.result.elapsed_ns >= 40 * LAB_MILLISECOND);
  close_world(&w);
}

static void first_and_beside(void **state) {
  (void)state;
  world w;
  lab_load_plan first = {.path = "/first", .requests = 20, .clients = 2};
  lab_load_plan beside = {.path = "/beside", .clients = 2};
  open_world(&w);
  run(&w,
      (lab_load_plan){
          .path = "/o", .requests = 200, .first = &first, .beside = &beside});
  EXPECT_STATUS(&w, 0, 200, 0);
  assert_int_equal(w.letters['o'], 200);
  assert_int_equal(w.letters['f'], 20);
  assert_true(w.letters['b'] > 10);
  beside.requests = 5;
  beside.path = "/n"; /* without an answer: it is cut */
  run(&w, (lab_load_plan){.path = "/o", .requests = 10, .beside = &beside});
  EXPECT_STATUS(&w, 0, 10, 0);
  assert_int_equal(w.letters['n'], 2);
  close_world(&w);
}

/* ---- what goes wrong -------------------------------------------------------
 */

static void closing_servers(void **state) {
  (void)state;
  world w;
  open_world(&w);
  run(&w, (lab_load_plan){.path = "/c", .requests = 30, .clients = 3});
  EXPECT_STATUS(&w, 0, 30, 0);
  assert_int_equal(w.connections, 30);
  run(&w, (lab_load_plan){.path = "/l", .requests = 5});
  EXPECT_STATUS(&w, 0, 5, 0);
  run(&w, (lab_load_plan){.path = "/k", .requests = 20, .clients = 2});
  EXPECT_STATUS(&w, 0, 20, 0); /* each that found a closed one, once more */
  assert_int_equal(w.letters['k'], 20);
  run(&w, (lab_load_plan){.path = "/x", .requests = 4});
  EXPECT_STATUS(&w, 4, 0, 0);
  assert_int_equal(w.letters['x'], 4);
  assert_non_null(strstr(w.result.error, ": closed without an answer"));
  assert_int_equal(w.latency.count, 0);
  run(&w, (lab_load_plan){.path = "/g", .requests = 4});
  EXPECT_STATUS(&w, 4, 0, 0);
  assert_non_null(strstr(w.result.error, ": malformed HTTP response"));
  close_world(&w);
}

static void time_outs(void **state) {
  (void)state;
  world w;
  open_world(&w);
  uint64_t timeout = 60 * LAB_MILLISECOND;
  run(&w,
      (lab_load_plan){
          .path = "/n", .requests = 6, .clients = 3, .timeout_ns = timeout});
  EXPECT_STATUS(&w, 6, 0, 0);
  assert_int_equal(w.result.timeouts, 6);
  assert_int_equal(w.latency.count, 6); /* the tail isn't lost */
  assert_true(w.latency.least >= timeout);
  assert_string_equal(w.result.error, "time-out: no answer");
  close_world(&w);
}

static void nobody_listens(void **state) {
  (void)state;
  world w;
  open_world(&w);
  char url[sizeof w.url];
  memcpy(url, w.url, sizeof url);
  close_world(&w);
  open_world(&w);
  memcpy(w.url, url, sizeof url);
  run(&w, (lab_load_plan){.requests = 1000, .clients = 2});
  assert_true(w.result.sent <= 2); /* and not 1000 times */
  assert_int_equal(w.result.status[0], w.result.sent);
  assert_non_null(strstr(w.result.error, ": connect: connection refused"));
  assert_int_equal(w.latency.count, 0);
  lab_load_plan first = {.requests = 1};
  run(&w, (lab_load_plan){.requests = 1000, .first = &first});
  assert_int_equal(w.result.sent, 0);
  assert_non_null(strstr(w.result.error, "connection refused"));
  snprintf(w.url, sizeof w.url, "http://nothing.invalid");
  run(&w, (lab_load_plan){0});
  assert_int_equal(w.result.sent, 0);
  assert_non_null(strstr(w.result.error, "lookup nothing.invalid: "));
  run(&w, (lab_load_plan){.first = &first});
  assert_int_equal(w.result.sent, 0);
  assert_non_null(strstr(w.result.error, "lookup nothing.invalid: "));
  close_world(&w);
}

static void wrong_configs(void **state) {
  (void)state;
  world w;
  lab_err err;
  open_world(&w);
  lab_load_plan plan = {.path = "x"}, good = {0};
  lab_load_config config = {
      .url = w.url, .plan = &plan, .done = on_done, .arg = &w};
  assert_null(lab_load_begin(&w.loop, &config, &err));
  assert_string_equal(err.text, "path: \"x\" doesn't begin with /");
  config.plan = &good;
  config.url = "https://a";
  assert_null(lab_load_begin(&w.loop, &config, &err));
  assert_string_equal(err.text, "https://a: unsupported protocol scheme");
  assert_false(w.is_done);
  close_world(&w);
}

static void cancelling(void **state) {
  (void)state;
  world w;
  lab_load_plan plan = {
      .path = "/n", .requests = 10, .clients = 4, .rate = 1e5};
  open_world(&w);
  lab_load *load = begin(&w, &plan);
  while (w.requests < 4)
    uv_run(&w.loop, UV_RUN_ONCE);
  lab_load_cancel(load);
  assert_false(w.is_done);
  finish(&w);
  assert_true(w.result.cancelled);
  assert_int_equal(w.result.sent, 4);
  load = begin(&w, &plan); /* before it has begun */
  lab_load_cancel(load);
  lab_load_cancel(load);
  finish(&w);
  assert_int_equal(w.result.sent, 0);
  lab_load_plan second = {.requests = 1, .first = &plan};
  load = begin(&w, &second);
  uv_run(&w.loop, UV_RUN_ONCE);
  lab_load_cancel(load);
  finish(&w);
  assert_true(w.result.cancelled && w.result.sent == 0);
  close_world(&w);
}

/* The wrapper that waits: its loop is its own, so nobody listens here. */
static void waiting_for_a_load(void **state) {
  (void)state;
  world w = {0};
  lab_err err = {""};
  lab_load_plan plan = {0}, bad = {.path = "x"};
  lab_load_config config = {
      .url = "http://127.0.0.1:1", .plan = &plan, .done = on_done, .arg = &w};
  assert_int_equal(lab_load_run(&config, &err), 0);
  assert_true(w.is_done);
  assert_non_null(strstr(w.result.error, "connection refused"));
  w.is_done = false;
  config.plan = &bad;
  assert_true(lab_load_run(&config, &err) < 0);
  assert_false(w.is_done);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(exact_counts),       cmocka_unit_test(for_some_time),
      cmocka_unit_test(first_and_beside),   cmocka_unit_test(closing_servers),
      cmocka_unit_test(time_outs),          cmocka_unit_test(nobody_listens),
      cmocka_unit_test(wrong_configs),      cmocka_unit_test(cancelling),
      cmocka_unit_test(waiting_for_a_load),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
