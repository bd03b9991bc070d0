/* SPDX-License-Identifier: MIT
 * Requests counted by step: what a scraper sees, also of a lab that has gone
 * through more steps than are counted apart. */
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

static const char *written(lab_request_stats *stats) {
  lab_buf b = LAB_BUF_INIT;
  lab_exposition e = {.out = &b};
  lab_request_stats_write(stats, &e);
  lab_buf_putc(&b, '\0');
  assert_true(b.len <= sizeof text);
  memcpy(text, b.data, b.len);
  lab_buf_free(&b);
  return text;
}

static void assert_has(lab_request_stats *stats, const char *line) {
  if (!strstr(written(stats), line))
    fail_msg("no %s in %s", line, text);
}

static void steps_and_statuses(void **state) {
  (void)state;
  lab_request_stats stats = {0};
  uint64_t now = lab_clock_mono();
  assert_null(strstr(written(&stats), "step="));
  for (int i = 0; i < 3; i++)
    lab_request_stats_count(&stats, 4, 200, now - 20 * LAB_MILLISECOND, now);
  lab_request_stats_count(&stats, 0, 204, now, now);
  lab_request_stats_count(&stats, 4, 500, now - 2 * LAB_SECOND, now);
  lab_request_stats_count(&stats, 4, 503, 0, 0); /* refused: it took no time */
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

static void many_steps_share_the_last_place(void **state) {
  (void)state;
  lab_request_stats stats = {0};
  for (int round = 0; round < 2; round++)
    for (int step = 0; step < 100; step++)
      lab_request_stats_count(&stats, step, 200, 0, 0);
  assert_has(&stats, "diaglab_requests_total{step=\"0\",code=\"2xx\"} 2\n");
  assert_has(&stats, "diaglab_requests_total{step=\"31\",code=\"2xx\"} 2\n");
  assert_null(strstr(text, "step=\"32\""));
  assert_has(&stats,
             "diaglab_requests_total{step=\"other\",code=\"2xx\"} 136\n");
  lab_request_stats_free(&stats);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(steps_and_statuses),
      cmocka_unit_test(many_steps_share_the_last_place),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
