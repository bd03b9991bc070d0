/* SPDX-License-Identifier: MIT
 * The newest lines of the log: whole lines, the newest ones, and a count of the
 * others. Whatever comes, kept and left out are all there were. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/log_tail.h"
#include "base/rng.h"

static void add_text(const char *text) {
  lab_log_tail_add(text, strlen(text));
}

static void expect_taken(const char *text, uint64_t left_out) {
  lab_buf out = LAB_BUF_INIT;
  uint64_t n;
  lab_log_tail_take(&out, &n);
  lab_buf_putc(&out, '\0');
  assert_string_equal(out.data, text);
  assert_int_equal(n, left_out);
  lab_buf_free(&out);
}

static void test_taken_once(void **state) {
  (void)state;
  lab_log_tail_watch(true);
  add_text("one\ntwo\n");
  add_text("three\n");
  expect_taken("one\ntwo\nthree\n", 0);
  expect_taken("", 0);
  add_text("four\n");
  expect_taken("four\n", 0);
  lab_log_tail_watch(false);
}

static void test_nobody_looks(void **state) {
  (void)state;
  add_text("unseen\n");
  lab_log_tail_watch(true);
  expect_taken("", 0);
  add_text("seen\n");
  lab_log_tail_watch(false);
  lab_log_tail_watch(true);
  expect_taken("", 0);
  lab_log_tail_watch(false);
}

/* Lines of LEN bytes with their newlines. */
static void add_lines(size_t n, size_t len) {
  lab_buf text = LAB_BUF_INIT;
  for (size_t i = 0; i < n; i++) {
    for (size_t k = 1; k < len; k++)
      lab_buf_putc(&text, 'x');
    lab_buf_putc(&text, '\n');
  }
  lab_log_tail_add(text.data, text.len);
  lab_buf_free(&text);
}

static void expect_counts(uint64_t lines, uint64_t left_out) {
  lab_buf out = LAB_BUF_INIT;
  uint64_t n, found = 0;
  lab_log_tail_take(&out, &n);
  assert_true(out.len <= LAB_LOG_TAIL);
  assert_true(out.len == 0 || out.data[out.len - 1] == '\n');
  for (size_t i = 0; i < out.len; i++)
    found += out.data[i] == '\n';
  assert_int_equal(found, lines);
  assert_int_equal(n, left_out);
  lab_buf_free(&out);
}

static void test_limits(void **state) {
  (void)state;
  lab_log_tail_watch(true);
  add_lines(1, LAB_LOG_TAIL); /* it fits exactly */
  expect_counts(1, 0);
  add_lines(1, LAB_LOG_TAIL + 1);
  expect_counts(0, 1);
  add_lines(8, LAB_LOG_TAIL / 8);
  expect_counts(8, 0);
  add_lines(9, LAB_LOG_TAIL / 8);
  expect_counts(8, 1);
  add_lines(8, LAB_LOG_TAIL / 8);
  add_lines(1, 1); /* one byte pushes a whole line out */
  expect_counts(8, 1);
  add_lines(2, LAB_LOG_TAIL / 2);
  add_lines(1, 2 * LAB_LOG_TAIL); /* is never kept */
  add_lines(1, 5);
  expect_counts(2, 2);
  lab_log_tail_watch(false);
}

static void test_nothing_is_lost(void **state) {
  (void)state;
  uint64_t rng = 7;
  lab_log_tail_watch(true);
  for (int round = 0; round < 2000; round++) {
    uint64_t put = 0, left_out, kept = 0;
    lab_buf out = LAB_BUF_INIT;
    for (uint64_t batch = lab_rng_next(&rng) % 5; batch > 0; batch--) {
      size_t n = 1 + lab_rng_next(&rng) % 6;
      add_lines(n, 1 + lab_rng_next(&rng) % 700);
      put += n;
    }
    lab_log_tail_take(&out, &left_out);
    for (size_t i = 0; i < out.len; i++)
      kept += out.data[i] == '\n';
    assert_int_equal(kept + left_out, put);
    lab_buf_free(&out);
  }
  lab_log_tail_watch(false);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_taken_once),
      cmocka_unit_test(test_nobody_looks),
      cmocka_unit_test(test_limits),
      cmocka_unit_test(test_nothing_is_lost),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
