/* SPDX-License-Identifier: MIT
 * The histogram against the sorted values themselves, and the reports made of
 * it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "load/hdr.h"
#include "load/report.h"

enum { VALUES = 20000 };

static uint64_t values[VALUES];

static int compare_values(const void *a, const void *b) {
  uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;
  return (one > other) - (one < other);
}

/* Values of all sizes from 1 to 2^BITS. */
static lab_hdr *fill(unsigned bits, uint64_t seed) {
  lab_hdr *h = lab_hdr_new();
  for (size_t i = 0; i < VALUES; i++) {
    uint64_t shift = 64 - 1 - lab_rng_next(&seed) % bits;
    values[i] = lab_rng_next(&seed) >> shift;
    lab_hdr_add(h, values[i]);
  }
  qsort(values, VALUES, sizeof *values, compare_values);
  return h;
}

static void expect_percentile(const lab_hdr *h, double percent) {
  size_t rank = (size_t)ceil(percent / 100 * VALUES - 1e-6);
  uint64_t exact = values[rank ? rank - 1 : 0];
  uint64_t got = lab_hdr_percentile(h, percent);
  if (got < exact || (double)got > (double)exact * 1.001 + 0.5)
    fail_msg("p%g: %llu, not %llu", percent, (unsigned long long)got,
             (unsigned long long)exact);
}

static void against_sorting(void **state) {
  (void)state;
  static const double percents[] = {0, 0.01, 1, 25, 50, 90, 99, 99.9, 99.99};
  for (unsigned bits = 1; bits <= LAB_HDR_BITS; bits++) {
    lab_hdr *h = fill(bits, bits);
    for (size_t i = 0; i < sizeof percents / sizeof *percents; i++)
      expect_percentile(h, percents[i]);
    assert_true(lab_hdr_percentile(h, 100) == values[VALUES - 1]);
    assert_true(h->least == values[0] && h->greatest == values[VALUES - 1]);
    assert_true(h->count == VALUES);
    double sum = 0;
    for (size_t i = 0; i < VALUES; i++)
      sum += (double)values[i];
    assert_true(fabs(lab_hdr_mean(h) - sum / VALUES) <= sum / VALUES * 1e-9);
    lab_xfree(h);
  }
}

/* Each value up to 2^13 lies in a bucket that is less than 0.1 % wide. */
static void each_bucket(void **state) {
  (void)state;
  for (uint64_t v = 0; v < 8192; v++) {
    lab_hdr *h = lab_hdr_new();
    lab_hdr_add(h, v);
    lab_hdr_add(h, 1ull << 40); /* else the greatest is exact */
    uint64_t got = lab_hdr_percentile(h, 50);
    assert_true(got >= v && got < v + 1 + v / 1024);
    assert_int_equal(lab_hdr_count_to(h, v), 1);
    lab_xfree(h);
  }
}

static void merging(void **state) {
  (void)state;
  lab_hdr *a = fill(20, 1), *b = fill(40, 2), *empty = lab_hdr_new();
  lab_hdr *both = lab_hdr_new();
  lab_hdr_merge(both, empty);
  lab_hdr_merge(both, a);
  lab_hdr_merge(both, b);
  lab_hdr_merge(both, empty);
  assert_true(both->count == 2 * VALUES);
  assert_true(both->greatest == b->greatest);
  for (size_t i = 0; i < LAB_HDR_BUCKETS; i++)
    assert_true(both->buckets[i] == a->buckets[i] + b->buckets[i]);
  assert_true(fabs(both->sum - a->sum - b->sum) <= both->sum * 1e-12);
  lab_xfree(a);
  lab_xfree(b);
  lab_xfree(both);
  lab_xfree(empty);
}

static void the_ends(void **state) {
  (void)state;
  lab_hdr *h = lab_hdr_new();
  assert_true(lab_hdr_percentile(h, 99) == 0 && lab_hdr_mean(h) == 0);
  lab_hdr_add(h, UINT64_MAX); /* beyond all buckets, and still known */
  lab_hdr_add(h, 5);
  assert_true(lab_hdr_percentile(h, 50) == 5);
  assert_true(lab_hdr_percentile(h, 100) == UINT64_MAX);
  assert_true(h->least == 5);
  lab_xfree(h);
}

/* 99.9 % of 1000 values is the 999th and not the 1000th. */
static void ranks(void **state) {
  (void)state;
  lab_hdr *h = lab_hdr_new();
  for (uint64_t i = 1; i <= 1000; i++)
    lab_hdr_add(h, i);
  assert_int_equal(lab_hdr_percentile(h, 99.9), 999);
  assert_int_equal(lab_hdr_percentile(h, 99), 990);
  assert_int_equal(lab_hdr_percentile(h, 50), 500);
  lab_xfree(h);
}

/* ---- reports ---------------------------------------------------------------
 */

static lab_load_result make_result(lab_hdr *h) {
  for (int i = 0; i < 98; i++)
    lab_hdr_add(h, 150000);
  lab_hdr_add(h, 1500000);
  lab_hdr_add(h, 9999999);
  return (lab_load_result){.sent = 100,
                           .status = {1, 0, 97, 0, 0, 2},
                           .elapsed_ns = 2000000000,
                           .latency = h,
                           .error = "closed without an answer"};
}

static void text_report(void **state) {
  (void)state;
  lab_hdr *h = lab_hdr_new();
  lab_load_result r = make_result(h);
  lab_buf out = LAB_BUF_INIT;
  lab_load_report_text(&r, "http://a/", &out);
  lab_buf_putc(&out, '\0');
  assert_string_equal(
      out.data,
      "100 requests to http://a/ in 2s, 49.5 answers per second\n"
      "  2xx        97\n"
      "  5xx        2\n"
      "  no answer  1\n"
      "  first failure: closed without an answer\n"
      "Latency\n"
      "  mean       262µs\n"
      "  p50        150µs\n"
      "  p90        150µs\n"
      "  p99        1.5ms\n"
      "  p99.9      10ms\n"
      "  max        10ms\n"
      "How many took up to ...\n"
      "     200µs        98 ########################################\n"
      "     500µs         0\n"
      "       1ms         0\n"
      "       2ms         1 #\n"
      "       5ms         0\n"
      "      10ms         1 #\n");
  assert_int_equal(lab_load_count_failed(&r), 3);
  lab_buf_clear(&out);
  lab_load_report_line(&r, &out);
  lab_buf_putc(&out, '\0');
  assert_string_equal(out.data,
                      "2.0s: 100 requests, 50 per second, p99 1.5ms, 3 failed");
  lab_buf_free(&out);
  lab_xfree(h);
}

static void json_report(void **state) {
  (void)state;
  lab_hdr *h = lab_hdr_new();
  lab_load_result r = make_result(h);
  lab_buf out = LAB_BUF_INIT;
  lab_load_report_json(&r, "http://a/", &out);
  lab_buf_putc(&out, '\0');
  assert_string_equal(
      out.data,
      "{\"url\":\"http://a/"
      "\",\"requests\":100,\"status\":{\"none\":1,\"1xx\":0,"
      "\"2xx\":97,\"3xx\":0,\"4xx\":0,\"5xx\":2},\"timeouts\":0,\"unsent\":0,"
      "\"connections\":0,\"bytes\":0,\"seconds\":2.000000000,\"rate\":49.5,"
      "\"latency\":{\"mean\":0.000261999,\"p50\":0.000150015,\"p90\":"
      "0.000150015,\"p99\":0.001500159,\"p99.9\":0.009999999,\"max\":"
      "0.009999999},\"histogram\":[[0.000200000,98],[0.000500000,0],"
      "[0.001000000,0],[0.002000000,1],[0.005000000,0],[0.010000000,1]],"
      "\"error\":\"closed without an answer\",\"interrupted\":false}\n");
  lab_buf_free(&out);
  lab_xfree(h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(against_sorting), cmocka_unit_test(each_bucket),
      cmocka_unit_test(merging),         cmocka_unit_test(the_ends),
      cmocka_unit_test(ranks),           cmocka_unit_test(text_report),
      cmocka_unit_test(json_report),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
