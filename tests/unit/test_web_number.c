/* SPDX-License-Identifier: MIT
 * Numbers and quoting as Go's strconv: the expected texts were printed by a Go
 * program. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guard_page.h"
#include "web/number.h"

static guard_page page;

static int open_page(void **state) {
  (void)state;
  guard_page_open(&page, 4096);
  return 0;
}

static int close_page(void **state) {
  (void)state;
  guard_page_close(&page);
  return 0;
}

static void check_atoi(const char *text, int rc, int64_t expected) {
  int64_t value = 42;
  assert_int_equal(lab_web_atoi(text, &value), rc);
  assert_true(value == expected);
}

static void atoi_reads_what_go_reads(void **state) {
  static const struct {
    const char *text;
    int rc;
    int64_t value;
  } cases[] = {
      {"0", 0, 0},
      {"7", 0, 7},
      {"+7", 0, 7},
      {"-7", 0, -7},
      {"007", 0, 7},
      {"9223372036854775807", 0, INT64_MAX},
      {"-9223372036854775808", 0, INT64_MIN},
      {"9223372036854775808", -ERANGE, INT64_MAX},
      {"-9223372036854775809", -ERANGE, INT64_MIN},
      {"99999999999999999999999", -ERANGE, INT64_MAX},
      {"", -EINVAL, 0},
      {"-", -EINVAL, 0},
      {"+-1", -EINVAL, 0},
      {" 1", -EINVAL, 0},
      {"1 ", -EINVAL, 0},
      {"1.5", -EINVAL, 0},
      {"0x10", -EINVAL, 0},
      {"1_000", -EINVAL, 0},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    check_atoi(guard_page_end_string(&page, cases[i].text), cases[i].rc,
               cases[i].value);
    check_atoi(guard_page_begin_string(&page, cases[i].text), cases[i].rc,
               cases[i].value);
  }
}

static void check_quote(const char *text, const char *quoted) {
  lab_buf out = LAB_BUF_INIT;
  lab_web_quote(text, &out);
  assert_int_equal(out.len, strlen(quoted));
  assert_memory_equal(out.data, quoted, out.len);
  lab_buf_free(&out);
}

static void quote_writes_what_go_writes(void **state) {
  static const struct {
    const char *text, *quoted;
  } cases[] = {
      {"", "\"\""},
      {"x y", "\"x y\""},
      {"a\"b\\c", "\"a\\\"b\\\\c\""},
      {"\a\b\f\n\r\t\v", "\"\\a\\b\\f\\n\\r\\t\\v\""},
      {"\x01\x1f\x7f", "\"\\x01\\x1f\\x7f\""},
      {"gr\xc3\xbc\xc3\x9f \xe2\x82\xac",
       "\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac\""},
      {"\xff\xc3", "\"\\xff\\xc3\""},
      {"\xe2\x82", "\"\\xe2\\x82\""}, /* cut short */
      {"\xe2", "\"\\xe2\""},
      {"\xf0\x9f\x98", "\"\\xf0\\x9f\\x98\""},
      {"\xf4", "\"\\xf4\""},
      {"\xc0\xaf", "\"\\xc0\\xaf\""},             /* longer than needed */
      {"\xed\xa0\x80", "\"\\xed\\xa0\\x80\""},    /* a surrogate */
      {"\xc2\x80\xc2\x9b", "\"\\u0080\\u009b\""}, /* controls */
      {"\xc2\xa1", "\"\xc2\xa1\""},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    check_quote(guard_page_end_string(&page, cases[i].text), cases[i].quoted);
    check_quote(guard_page_begin_string(&page, cases[i].text), cases[i].quoted);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(atoi_reads_what_go_reads),
      cmocka_unit_test(quote_writes_what_go_writes),
  };
  return cmocka_run_group_tests(tests, open_page, close_page);
}
