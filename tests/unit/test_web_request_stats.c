/* SPDX-License-Identifier: MIT
 * Requests counted by step: what a scraper sees, in each step's last visit and
 * since the start; also of a lab that has gone through more steps than are
 * counted apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "web/request_stats.h"

static char text[1 << 20];

/* While PRESENT is served, since that was entered or (WHOLE) the start. */
static const char *written_in(lab_request_stats *stats,
                              lab_request_visit present, bool whole) {
  lab_buf b = LAB_BUF_INIT;
  lab_exposition e = {.out = &b};
  lab_request_rows rows = lab_request_stats_take(stats, &present, whole);
  lab_request_rows_write(&rows, &e);
  lab_request_rows_free(&rows);
  lab_buf_putc(&b, '\0');
  assert_true(b.len <= sizeof text);
  memcpy(text, b.data, b.len);
  lab_buf_free(&b);
  return text;
}

static const char *written(lab_request_stats *stats) {
  return written_in(stats, (lab_request_visit){0, 1}, false);
}

static void assert_has(lab_request_stats *stats, const char *line) {
  if (!strstr(written(stats), line))
    fail_msg("no %s in %s", line, text);
}

static void count(lab_request_stats *stats, int step, uint64_t entered,
                  int status, uint64_t began, uint64_t now) {
  lab_request_visit visit = {step, entered};
  lab_request_stats_count(stats, &visit, status, began, now);
}

static void steps_and_statuses(void **state) {
  (void)state;
  lab_request_stats stats = {0};
  uint64_t now = lab_clock_mono();
  assert_null(strstr(written(&stats), "step="));
  for (int i = 0; i < 3; i++)
    count(&stats, 4, 2, 200, now - 20 * LAB_MILLISECOND, now);
  count(&stats, 0, 1, 204, now, now);
  count(&stats, 4, 2, 500, now - 2 * LAB_SECOND, now);
  count(&stats, 4, 2, 503, 0, 0); /* refused: it took no time */
  assert_has(&stats, "diaglab_requests_total{step=\"4\",code=\"2xx\"} 3\n");
  assert_has(&stats, "diaglab_requests_total{step=\"4\",code=\"5xx\"} 2\n");
  assert_has(&stats, "diaglab_requests_total{step=\"0\",code=\"2xx\"} 1\n");
  assert_null(strstr(text, "4xx"));
  assert_has(&stats,
             "diaglab_request_duration_seconds_bucket{step=\"4\",le=\"0.01\"} "
             "0\n");
  assert_has(&stats, "diaglab_request_duration_seconds_count{step=\"4\"} 4\n");
  assert_has(&stats, "diaglab_request_duration_seconds_count{step=\"0\"} 1\n");
  lab_request_stats_free(&stats);
}

static void assert_line(const char *all, const char *line, bool there) {
  if ((strstr(all, line) != NULL) != there)
    fail_msg("%s %s in %s", there ? "no" : "a", line, all);
}

/* A step that is entered again begins anew; the others keep what they had. What
 * an earlier visit answers late is no more the present one's. */
static void visits_are_counted_apart(void **state) {
  (void)state;
  enum { FIRST = 100, SECOND = 200 };
  const lab_request_visit none = {0, 0}, again = {4, SECOND};
  static const char well[] = "diaglab_requests_total{step=\"4\",code=\"2xx\"}";
  static const char took[] =
      "diaglab_request_duration_seconds_count{step=\"4\"}";
  char line[128];
  lab_request_stats stats = {0};
  count(&stats, 3, 50, 200, 1, 2);
  for (int i = 0; i < 5; i++)
    count(&stats, 4, FIRST, 200, 1, 2);
  snprintf(line, sizeof line, "%s 5\n", well);
  assert_line(written_in(&stats, none, false), line, true); /* it was left */
  assert_line(written_in(&stats, again, false), well, false);
  snprintf(line, sizeof line, "%s 0\n", took);
  assert_line(text, line, true);
  assert_line(text, "{step=\"3\",code=\"2xx\"} 1\n", true);
  count(&stats, 4, SECOND, 200, 1, 2);
  count(&stats, 4, FIRST, 200, 1, 2); /* late */
  count(&stats, 4, 0, 503, 0, 0);     /* nobody's */
  snprintf(line, sizeof line, "%s 1\n", well);
  assert_line(written_in(&stats, again, false), line, true);
  assert_line(text, "code=\"5xx\"", false);
  snprintf(line, sizeof line, "%s 7\n", well);
  assert_line(written_in(&stats, again, true), line, true);
  assert_line(text, "{step=\"4\",code=\"5xx\"} 1\n", true);
  snprintf(line, sizeof line, "%s 7\n", took);
  assert_line(text, line, true);
  assert_int_equal(lab_request_stats_total(&stats), 9);
  lab_request_stats_free(&stats);
}

/* Without a folder for step 0 it has one visit that never ends, entered at 0.
 */
static void a_step_without_a_visit(void **state) {
  (void)state;
  lab_request_stats stats = {0};
  count(&stats, 0, 0, 200, 1, 2);
  count(&stats, 4, 100, 200, 1, 2);
  count(&stats, 0, 0, 200, 1, 2);
  assert_line(written_in(&stats, (lab_request_visit){0, 0}, false),
              "{step=\"0\",code=\"2xx\"} 2\n", true);
  lab_request_stats_free(&stats);
}

static void many_steps_share_the_last_place(void **state) {
  (void)state;
  lab_request_stats stats = {0};
  for (int round = 0; round < 2; round++)
    for (int step = 0; step < 100; step++)
      count(&stats, step, 0, 200, 0, 0);
  const char *all = written_in(&stats, (lab_request_visit){1, 0}, false);
  assert_line(all, "diaglab_requests_total{step=\"0\",code=\"2xx\"} 2\n", true);
  assert_line(all, "diaglab_requests_total{step=\"31\",code=\"2xx\"} 2\n",
              true);
  assert_null(strstr(text, "step=\"32\""));
  assert_line(all, "diaglab_requests_total{step=\"other\",code=\"2xx\"} 136\n",
              true);
  lab_request_stats_free(&stats);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(steps_and_statuses),
      cmocka_unit_test(visits_are_counted_apart),
      cmocka_unit_test(a_step_without_a_visit),
      cmocka_unit_test(many_steps_share_the_last_place),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
