/* SPDX-License-Identifier: MIT
 * Durations as Go prints them, JSON strings, buffers. The durations were
 * printed by Go 1.19's time.Duration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/decimal.h"
#include "base/nearest.h"

static void trims_what_is_not_used(void **state) {
  lab_buf b = LAB_BUF_INIT;
  (void)state;
  lab_buf_trim(&b);
  assert_null(b.data);
  lab_buf_puts(&b, "bytes");
  assert_true(b.cap > 10);
  lab_buf_trim(&b);
  assert_int_equal(b.cap, 5);
  lab_buf_trim(&b);
  lab_buf_puts(&b, " and more");
  assert_memory_equal(b.data, "bytes and more", b.len);
  size_t cap = b.cap;
  while (b.len <= b.cap / 2)
    lab_buf_putc(&b, 'x');
  lab_buf_trim(&b);
  assert_int_equal(b.cap, cap);
  lab_buf_free(&b);
}

static void reads_decimal_numbers(void **state) {
  (void)state;
  static const struct {
    const char *text, *rest; /* NULL: there is no number */
    double value;
  } cases[] = {
      {"0", "", 0},         {"16", "", 16},
      {"0.5s", "s", 0.5},   {".5", "", 0.5},
      {"5.", "", 5},        {"1e3", "", 1000},
      {"2E-1ms", "ms", .2}, {"1e", "e", 1},
      {"1e+", "e+", 1},     {"1e999", "", HUGE_VAL},
      {"0x10", "x10", 0},   {"0x1p4", "x1p4", 0},
      {"1_0", "_0", 1},     {"", NULL, 0},
      {".", NULL, 0},       {"+1", NULL, 0},
      {"-1", NULL, 0},      {" 1", NULL, 0},
      {"nan", NULL, 0},     {"inf", NULL, 0},
      {"e3", NULL, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    double value = 42;
    const char *rest = lab_decimal_read(cases[i].text, &value);
    assert_true(value == (cases[i].rest ? cases[i].value : 42));
    if (cases[i].rest)
      assert_string_equal(rest, cases[i].rest);
    else
      assert_null(rest);
  }
}

static void test_durations(void **state) {
  (void)state;
  static const struct {
    uint64_t ns;
    const char *text;
  } cases[] = {
      {0, "0s"},
      {1, "1ns"},
      {999, "999ns"},
      {1000, "1\xc2\xb5s"},
      {14100, "14.1\xc2\xb5s"},
      {742278017, "742.278017ms"},
      {10000000, "10ms"},
      {1000000000, "1s"},
      {1500000000, "1.5s"},
      {60000000000, "1m0s"},
      {62500000000, "1m2.5s"},
      {3600000000000, "1h0m0s"},
      {3723000000001, "1h2m3.000000001s"},
      {UINT64_C(9223372036854775807), "2562047h47m16.854775807s"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char text[LAB_DURATION_MAX];
    size_t n = lab_clock_format(text, cases[i].ns);
    assert_string_equal(text, cases[i].text);
    assert_int_equal(n, strlen(text));
  }
}

static void test_json(void **state) {
  (void)state;
  lab_buf b = LAB_BUF_INIT;
  const char in[] = "a\"\\\n\xc3\xa9\xff\xed\xa0\x80";
  lab_buf_json_string(&b, in, sizeof in - 1);
  lab_buf_putc(&b, '\0');
  assert_string_equal(b.data,
                      "\"a\\\"\\\\\\u000a\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd"
                      "\xef\xbf\xbd\xef\xbf\xbd\"");
  lab_buf_free(&b);
}

static void test_long_text(void **state) {
  (void)state;
  lab_buf b = LAB_BUF_INIT;
  lab_buf_puts(&b, "x");
  lab_buf_printf(&b, "%05000d", 7);
  assert_int_equal(b.len, 5001);
  assert_int_equal(b.data[5000], '7');
  lab_buf_free(&b);
}

/* A scenario's memory: LIMIT bytes, and the bytes that were copied to get so
 * far. */
enum { LIMIT = 1 << 20 };
static size_t copied;

static void *grow_within_limit(void *p, size_t old, size_t size) {
  if (size > LIMIT)
    return NULL;
  copied += old;
  return realloc(p, size);
}

static void free_limited(void *p, size_t size) {
  (void)size;
  free(p);
}

/* In small pieces, until there is no more: all of it is used, and it isn't
 * copied again for each piece. */
static void fills_what_there_is(void **state) {
  static const lab_counted_allocator limited = {grow_within_limit,
                                                free_limited};
  lab_buf b = LAB_BUF_INIT;
  char piece[100] = "";
  (void)state;
  lab_alloc_install_counted(&limited);
  while (lab_buf_try_append(&b, piece, sizeof piece))
    assert_true(b.cap <= LIMIT);
  assert_true(b.len > LIMIT - sizeof piece);
  assert_true(copied < 40 * (size_t)LIMIT);
  lab_buf_free(&b);
}

static void test_nearest(void **state) {
  (void)state;
  static const char *const known[] = {
      "go", "gc", "channel", "cpu_time", "timeout", "temp_file", "temp_dir"};
  static const struct {
    const char *word, *meant;
  } cases[] = {
      {"chanel", "channel"},
      {"channels", "channel"},
      {"cahnnel", "channel"},
      {"Channel", "channel"},
      {"timout", "timeout"},
      {"temp_fiel", "temp_file"},
      {"tempdir", "temp_dir"},
      {"goo", "go"},
      {"frobnicate", NULL},
      {"", NULL},
      {"x", NULL},
      {"cputimes", "cpu_time"},
      {"a_word_that_is_far_longer_than_any_that_somebody_would_type_by_mistake",
       NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *meant =
        lab_nearest(cases[i].word, known, sizeof known / sizeof *known);
    if (cases[i].meant)
      assert_string_equal(meant, cases[i].meant);
    else
      assert_null(meant);
  }
  assert_null(lab_nearest("go", known, 0));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_decimal_numbers),
      cmocka_unit_test(test_durations),
      cmocka_unit_test(trims_what_is_not_used),
      cmocka_unit_test(test_json),
      cmocka_unit_test(test_long_text),
      cmocka_unit_test(fills_what_there_is),
      cmocka_unit_test(test_nearest),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
