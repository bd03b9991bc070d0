/* SPDX-License-Identifier: MIT
 * UTF-8: which sequences are valid, at the edges of each form; how other bytes
 * become valid; and where a text may be cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/utf8.h"

static void expect_text(const char *from, size_t n, const char *wanted) {
  lab_buf out = LAB_BUF_INIT;
  lab_utf8_append(&out, from, n);
  lab_buf_putc(&out, '\0');
  assert_string_equal(out.data, wanted);
  lab_buf_free(&out);
}

#define EXPECT(from, wanted) expect_text(from, sizeof from - 1, wanted)
#define BAD "\xef\xbf\xbd"

static void test_valid_text_stays(void **state) {
  (void)state;
  static const char *const texts[] = {
      "",
      "plain",
      "a text of more than eight bytes",
      "caf\xc3\xa9",
      "\xc2\x80 \xdf\xbf",                 /* U+80, U+7FF */
      "\xe0\xa0\x80 \xef\xbf\xbf",         /* U+800, U+FFFF */
      "\xed\x9f\xbf \xee\x80\x80",         /* around the surrogates */
      "\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf", /* U+10000, U+10FFFF */
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    size_t n = strlen(texts[i]);
    assert_int_equal(lab_utf8_valid_length(texts[i], n), n);
    expect_text(texts[i], n, texts[i]);
  }
}

static void test_bad_bytes_are_replaced(void **state) {
  (void)state;
  EXPECT("caf\xe9", "caf" BAD);
  EXPECT("caf\xe9 au lait, eight bytes on",
         "caf" BAD " au lait, eight bytes on");
  EXPECT("\x80", BAD);
  EXPECT("\xff\xfe", BAD BAD);
  EXPECT("\xc0\x80", BAD BAD);         /* overlong U+0 */
  EXPECT("\xc1\xbf", BAD BAD);         /* overlong U+7F */
  EXPECT("\xe0\x9f\xbf", BAD BAD BAD); /* overlong U+7FF */
  EXPECT("\xf0\x8f\xbf\xbf", BAD BAD BAD BAD);
  EXPECT("\xed\xa0\x80", BAD BAD BAD);         /* a surrogate */
  EXPECT("\xf4\x90\x80\x80", BAD BAD BAD BAD); /* U+110000 */
  EXPECT("\xf8\x88\x80\x80\x80", BAD BAD BAD BAD BAD);
  EXPECT("\xe2\x82", BAD BAD); /* the end is missing */
  EXPECT("\xe2\x82x\xc3\xa9", BAD BAD "x\xc3\xa9");
}

static void test_a_cut_breaks_no_sequence(void **state) {
  (void)state;
  static const char text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
  static const size_t ends[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10};
  for (size_t n = 0; n < sizeof text; n++)
    assert_int_equal(lab_utf8_trim(text, n), ends[n]);
  assert_int_equal(lab_utf8_trim("\x80\x80\x80\x80", 4), 4);
}

/* What comes out is valid, and valid text is left as it is. */
static void test_random_bytes(void **state) {
  (void)state;
  uint64_t rng = 1;
  for (int round = 0; round < 20000; round++) {
    char bytes[24];
    size_t n = lab_rng_next(&rng) % (sizeof bytes + 1);
    for (size_t i = 0; i < n; i++) {
      uint64_t x = lab_rng_next(&rng);
      bytes[i] = (char)(x & 0x300 ? x | 0x80 : x & 0x7f);
    }
    lab_buf once = LAB_BUF_INIT, twice = LAB_BUF_INIT;
    lab_utf8_append(&once, bytes, n);
    assert_int_equal(lab_utf8_valid_length(once.data, once.len), once.len);
    lab_utf8_append(&twice, once.data, once.len);
    assert_int_equal(once.len, twice.len);
    if (once.len > 0)
      assert_memory_equal(once.data, twice.data, once.len);
    lab_buf_free(&once);
    lab_buf_free(&twice);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_valid_text_stays),
      cmocka_unit_test(test_bad_bytes_are_replaced),
      cmocka_unit_test(test_a_cut_breaks_no_sequence),
      cmocka_unit_test(test_random_bytes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
