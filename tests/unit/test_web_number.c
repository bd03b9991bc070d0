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

#include "web/handlers.h"

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
    int64_t value = 42;
    assert_int_equal(lab_web_atoi(cases[i].text, &value), cases[i].rc);
    assert_true(value == cases[i].value);
  }
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
      {"\xe2\x82", "\"\\xe2\\x82\""},          /* cut short */
      {"\xc0\xaf", "\"\\xc0\\xaf\""},          /* longer than needed */
      {"\xed\xa0\x80", "\"\\xed\\xa0\\x80\""}, /* a surrogate */
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    lab_buf out = LAB_BUF_INIT;
    lab_web_quote(cases[i].text, &out);
    assert_int_equal(out.len, strlen(cases[i].quoted));
    assert_memory_equal(out.data, cases[i].quoted, out.len);
    lab_buf_free(&out);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(atoi_reads_what_go_reads),
      cmocka_unit_test(quote_writes_what_go_writes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
