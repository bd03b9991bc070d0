/* SPDX-License-Identifier: MIT
 * Prometheus' text format and OpenMetrics: what differs, what must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "web/exposition.h"

static void assert_text(lab_buf *b, const char *want) {
  lab_buf_putc(b, '\0');
  assert_string_equal(b->data, want);
  lab_buf_free(b);
}

static void write_all(lab_exposition *e) {
  lab_exposition_family(e, "counter", "jobs", "Done.");
  lab_exposition_sample(e, "{kind=\"big\"}", 3);
  lab_exposition_one(e, "counter", "cpu_seconds_total", "Used.", 0.5);
  lab_exposition_one(e, "gauge", "temperature", "Now.", -1);
  lab_exposition_one(e, "unknown", "bytes_total", "Not told.", NAN);
  lab_exposition_family(e, "summary", "pause_seconds", "Waits.");
  lab_exposition_quantile(e, 0.5, 0.25);
  lab_exposition_quantile(e, 1, 3);
  lab_exposition_part(e, "_sum", "", 2);
  lab_exposition_part(e, "_count", "", 8);
  lab_exposition_end(e);
}

static void the_text_format(void **state) {
  (void)state;
  lab_buf b = LAB_BUF_INIT;
  lab_exposition e = {.out = &b};
  write_all(&e);
  assert_text(&b, "# HELP jobs_total Done.\n"
                  "# TYPE jobs_total counter\n"
                  "jobs_total{kind=\"big\"} 3\n"
                  "# HELP cpu_seconds_total Used.\n"
                  "# TYPE cpu_seconds_total counter\n"
                  "cpu_seconds_total 0.5\n"
                  "# HELP temperature Now.\n"
                  "# TYPE temperature gauge\n"
                  "temperature -1\n"
                  "# HELP bytes_total Not told.\n"
                  "# TYPE bytes_total untyped\n"
                  "bytes_total NaN\n"
                  "# HELP pause_seconds Waits.\n"
                  "# TYPE pause_seconds summary\n"
                  "pause_seconds{quantile=\"0.5\"} 0.25\n"
                  "pause_seconds{quantile=\"1\"} 3\n"
                  "pause_seconds_sum 2\n"
                  "pause_seconds_count 8\n");
}

/* A counter's family is called without _total there. */
static void openmetrics(void **state) {
  (void)state;
  lab_buf b = LAB_BUF_INIT;
  lab_exposition e = {.out = &b, .open = true};
  write_all(&e);
  assert_text(&b, "# HELP jobs Done.\n"
                  "# TYPE jobs counter\n"
                  "jobs_total{kind=\"big\"} 3\n"
                  "# HELP cpu_seconds Used.\n"
                  "# TYPE cpu_seconds counter\n"
                  "cpu_seconds_total 0.5\n"
                  "# HELP temperature Now.\n"
                  "# TYPE temperature gauge\n"
                  "temperature -1\n"
                  "# HELP bytes_total Not told.\n"
                  "# TYPE bytes_total unknown\n"
                  "bytes_total NaN\n"
                  "# HELP pause_seconds Waits.\n"
                  "# TYPE pause_seconds summary\n"
                  "pause_seconds{quantile=\"0.5\"} 0.25\n"
                  "pause_seconds{quantile=\"1.0\"} 3\n"
                  "pause_seconds_sum 2\n"
                  "pause_seconds_count 8\n"
                  "# EOF\n");
}

static void escaping(void **state) {
  (void)state;
  lab_buf b = LAB_BUF_INIT;
  lab_exposition_escape("a\"b\\c\nd\xc3\xa4", &b);
  assert_text(&b, "a\\\"b\\\\c\\nd\xc3\xa4");
  lab_exposition e = {.out = &b};
  lab_exposition_family(&e, "gauge", "g", "\"x\\y\nz\"");
  assert_text(&b, "# HELP g \"x\\\\y\\nz\"\n# TYPE g gauge\n");
  e.open = true;
  lab_exposition_family(&e, "gauge", "g", "\"x\\y\nz\"");
  assert_text(&b, "# HELP g \\\"x\\\\y\\nz\\\"\n# TYPE g gauge\n");
}

/* Buckets count what is up to their bound; the last one and the count agree. */
static void histograms(void **state) {
  (void)state;
  lab_buf b = LAB_BUF_INIT;
  lab_exposition e = {.out = &b};
  lab_histogram h;
  memset(&h, 0, sizeof h);
  lab_histogram_observe(&h, 9000);
  lab_histogram_observe(&h, 900000000);
  lab_histogram_observe(&h, 1000000000000);
  lab_exposition_family(&e, "histogram", "t_seconds", "T.");
  lab_exposition_histogram(&e, "step=\"4\"", &h);
  lab_buf_putc(&b, '\0');
  const char *const lines[] = {
      "t_seconds_bucket{step=\"4\",le=\"1e-05\"} 1\n",
      "t_seconds_bucket{step=\"4\",le=\"0.5\"} 1\n",
      "t_seconds_bucket{step=\"4\",le=\"1\"} 2\n",
      "t_seconds_bucket{step=\"4\",le=\"30\"} 2\n",
      "t_seconds_bucket{step=\"4\",le=\"+Inf\"} 3\n"
      "t_seconds_sum{step=\"4\"} 1000.900009\n"
      "t_seconds_count{step=\"4\"} 3\n",
  };
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
    assert_non_null(strstr(b.data, lines[i]));
  lab_buf_clear(&b);
  e.open = true;
  lab_exposition_histogram(&e, "", &h);
  lab_buf_putc(&b, '\0');
  assert_non_null(strstr(b.data, "t_seconds_bucket{le=\"1.0\"} 2\n"));
  assert_non_null(strstr(b.data, "t_seconds_bucket{le=\"+Inf\"} 3\n"
                                 "t_seconds_sum 1000.900009\n"
                                 "t_seconds_count 3\n"));
  lab_buf_free(&b);
}

static bool wants(const char *accept) {
  return lab_exposition_wants_open(accept, strlen(accept));
}

static void negotiation(void **state) {
  (void)state;
  assert_false(wants(""));
  assert_false(wants("*/*"));
  assert_false(wants("text/plain"));
  assert_false(wants("application/json, text/html;q=0.9"));
  assert_true(wants("application/openmetrics-text"));
  /* As Prometheus 2.42 asks. */
  assert_true(wants("application/openmetrics-text;version=1.0.0,"
                    "application/openmetrics-text;version=0.0.1;q=0.75,"
                    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"));
  assert_true(
      wants("text/plain; q=0.3 , Application/OpenMetrics-Text ; q=0.5"));
  assert_false(wants("text/plain;q=0.6, application/openmetrics-text;q=0.5"));
  assert_false(wants("application/openmetrics-text;q=0"));
  assert_false(wants("application/openmetrics-text-not"));
  assert_false(wants(",;,;;q=,;q=1"));
  assert_true(wants("application/openmetrics-text;q=0.999999999999999"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_text_format), cmocka_unit_test(openmetrics),
      cmocka_unit_test(escaping),        cmocka_unit_test(histograms),
      cmocka_unit_test(negotiation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
