/* SPDX-License-Identifier: MIT
 * Text that is safe for a log. */
#include <stdio.h>

#include "base/plain.h"
#include "guard_page.h"

#define TRACE "\nstack traceback:\n\t[C]: in ?"

static const struct {
  const char *text, *plain; /* NULL: stays as it is */
} cases[] = {
    {"", NULL},
    {"hello", NULL},
    {"a\tb", NULL},
    {"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80", NULL},
    {"\xc2\xa0", NULL},
    {"\x1b[31m", "\\x1b[31m"},
    {"a\rb\x7f", "a\\x0db\\x7f"},
    {"\x01\x1f\x08", "\\x01\\x1f\\x08"},
    {"\xc2\x80\xc2\x9b\xc2\x9f", "\\xc2\\x80\\xc2\\x9b\\xc2\\x9f"},
    {"\x9b"
     "2J",
     "\\x9b"
     "2J"},
    {"\xff\xc3", "\\xff\\xc3"},
    {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
    {"a\nb\nc", "a\n\tb\n\tc"},
    {"a\n\nb\n", "a\n\n\tb\n"},
    {"a\n\tb", "a\n\tb"},
    {"a\n2026/11/28 10:00:00 b", "a\n\t2026/11/28 10:00:00 b"},
    {"a" TRACE, "a" TRACE},
    {"a\nstack traceback: b", "a\n\tstack traceback: b"},
    {"a" TRACE "\nb", "a" TRACE "\n\tb"},
};

static void check_text(guard_page *g, const char *text, bool indented,
                       const char *want) {
  lab_buf out = LAB_BUF_INIT;
  size_t len = strlen(text);
  lab_plain_append(&out, guard_page_end(g, text, len), len, indented);
  assert_int_equal(out.len, strlen(want));
  if (out.len > 0)
    assert_memory_equal(out.data, want, out.len);
  lab_buf_free(&out);
}

static void makes_each_text_plain(void **state) {
  guard_page g;
  (void)state;
  guard_page_open(&g, 100);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *text = cases[i].text, *plain = cases[i].plain;
    size_t len = strlen(text);
    assert_int_equal(lab_plain_is(guard_page_end(&g, text, len), len),
                     plain == NULL);
    check_text(&g, text, true, plain ? plain : text);
  }
  check_text(&g, "a\nb\x1b\n", false, "a\nb\\x1b\n");
  guard_page_close(&g);
}

/* Texts of all lengths, with each of these at each place. */
static void each_place_is_looked_at(void **state) {
  static const struct {
    char byte;
    const char *want;
  } bytes[] = {{'\x1b', "\\x1b"}, {'\x7f', "\\x7f"}, {'\x80', "\\x80"},
               {' ', " "},        {'~', "~"},        {'\t', "\t"}};
  (void)state;
  guard_page g;
  guard_page_open(&g, 100);
  for (size_t len = 1; len < 50; len++)
    for (size_t at = 0; at < len; at++)
      for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) {
        char text[51] = "", want[60] = "";
        memset(text, 'a', len);
        text[at] = bytes[i].byte;
        snprintf(want, sizeof want, "%.*s%s%s", (int)at, text, bytes[i].want,
                 text + at + 1);
        check_text(&g, text, true, want);
        assert_int_equal(lab_plain_is(guard_page_end(&g, text, len), len),
                         strcmp(text, want) == 0);
      }
  guard_page_close(&g);
}

static void a_zero_byte_is_seen(void **state) {
  lab_buf out = LAB_BUF_INIT;
  (void)state;
  lab_plain_append(&out, "a\0b", 3, true);
  assert_int_equal(out.len, 6);
  assert_memory_equal(out.data, "a\\x00b", 6);
  assert_false(lab_plain_is("a\0b", 3));
  lab_buf_free(&out);
}

/* An empty text is no NULL for fwrite: UBSan tells. */
static void writes_all_of_it(void **state) {
  char text[8] = "";
  (void)state;
  FILE *f = tmpfile();
  lab_plain_write(f, "", 0);
  lab_plain_write(f, "a\0b", 3);
  rewind(f);
  assert_int_equal(fread(text, 1, sizeof text, f), 6);
  assert_memory_equal(text, "a\\x00b", 6);
  fclose(f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(makes_each_text_plain),
      cmocka_unit_test(each_place_is_looked_at),
      cmocka_unit_test(a_zero_byte_is_seen),
      cmocka_unit_test(writes_all_of_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
