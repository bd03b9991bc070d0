/* SPDX-License-Identifier: MIT
 * The JSON writer: its exact bytes, what it makes of input that is not UTF-8
 * (also where the input ends at a page that can't be read), and that a call out
 * of order aborts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"

static lab_buf text;

static void expect(const char *wanted) {
  lab_buf_putc(&text, '\0');
  assert_string_equal(text.data, wanted);
  lab_buf_free(&text);
}

static void begin(lab_json *j) {
  lab_buf_clear(&text);
  lab_json_start(j, &text);
}

/* ---- structure ----------------------------------------------------------- */

/* {"a": 1, "b": [], "c": [2, {}, "x"]} in one style. */
static void write_sample(lab_json_style style) {
  lab_json j;
  begin(&j);
  lab_json_begin_object(&j, style);
  lab_json_key(&j, "a");
  lab_json_int(&j, 1);
  lab_json_key(&j, "b");
  lab_json_begin_array(&j, style);
  lab_json_end(&j);
  lab_json_key(&j, "c");
  lab_json_begin_array(&j, style);
  lab_json_uint(&j, 2);
  lab_json_begin_object(&j, style);
  lab_json_end(&j);
  lab_json_text(&j, "x");
  lab_json_end(&j);
  lab_json_end(&j);
}

static void test_styles(void **state) {
  (void)state;
  write_sample(LAB_JSON_COMPACT);
  expect("{\"a\":1,\"b\":[],\"c\":[2,{},\"x\"]}");
  write_sample(LAB_JSON_SPACED);
  expect("{\"a\": 1, \"b\": [], \"c\": [2, {}, \"x\"]}");
  write_sample(LAB_JSON_COMMA_SPACE);
  expect("{\"a\":1, \"b\":[], \"c\":[2, {}, \"x\"]}");
  write_sample(LAB_JSON_COLON_SPACE);
  expect("{\"a\": 1,\"b\": [],\"c\": [2,{},\"x\"]}");
  write_sample(LAB_JSON_LINES);
  expect("{\n\"a\": 1,\n\"b\": [],\n\"c\": [\n2,\n{},\n\"x\"\n]\n}");
  write_sample(LAB_JSON_NEWLINES);
  expect("{\n\"a\":1,\n\"b\":[],\n\"c\":[\n2,\n{},\n\"x\"\n]\n}");
}

/* Each object and array keeps its own style. */
static void test_mixed_styles(void **state) {
  (void)state;
  lab_json j;
  begin(&j);
  lab_json_begin_object(&j, LAB_JSON_LINES);
  lab_json_key(&j, "tasks");
  lab_json_begin_object(&j, LAB_JSON_SPACED);
  lab_json_key(&j, "total");
  lab_json_int(&j, 3);
  lab_json_key(&j, "ids");
  lab_json_begin_array(&j, LAB_JSON_COMPACT);
  lab_json_int(&j, 1);
  lab_json_int(&j, 2);
  lab_json_end(&j);
  lab_json_end(&j);
  lab_json_key(&j, "version");
  lab_json_text(&j, "1");
  lab_json_end(&j);
  lab_json_finish(&j);
  expect("{\n\"tasks\": {\"total\": 3, \"ids\": [1,2]},\n"
         "\"version\": \"1\"\n}\n");
}

static void test_keys_are_escaped(void **state) {
  (void)state;
  lab_json j;
  begin(&j);
  lab_json_begin_object(&j, LAB_JSON_COMPACT);
  lab_json_key(&j, "\"\xff");
  lab_json_null(&j);
  lab_json_key(&j, "");
  lab_json_raw(&j, "[1, 2]", 6);
  lab_json_end(&j);
  expect("{\"\\\"\xef\xbf\xbd\":null,\"\":[1, 2]}");
}

static void test_text_in_pieces(void **state) {
  (void)state;
  lab_json j;
  lab_buf second = LAB_BUF_INIT;
  begin(&j);
  lab_json_begin_array(&j, LAB_JSON_LINES);
  lab_json_int(&j, 1);
  lab_json_continue_in(&j, &second);
  lab_json_int(&j, 2);
  lab_json_end(&j);
  lab_json_finish(&j);
  expect("[\n1");
  lab_buf_putc(&second, '\0');
  assert_string_equal(second.data, ",\n2\n]\n");
  lab_buf_free(&second);
}

static void test_deepest(void **state) {
  (void)state;
  char wanted[2 * LAB_JSON_DEPTH + 1] = "";
  lab_json j;
  begin(&j);
  for (int i = 0; i < LAB_JSON_DEPTH; i++) {
    lab_json_begin_array(&j, LAB_JSON_SPACED);
    wanted[i] = '[';
    wanted[2 * LAB_JSON_DEPTH - 1 - i] = ']';
  }
  for (int i = 0; i < LAB_JSON_DEPTH; i++)
    lab_json_end(&j);
  expect(wanted);
}

/* ---- numbers and words --------------------------------------------------- */

static void test_numbers(void **state) {
  (void)state;
  lab_json j;
  begin(&j);
  lab_json_begin_array(&j, LAB_JSON_COMPACT);
  lab_json_int(&j, 0);
  lab_json_int(&j, -1);
  lab_json_int(&j, INT64_MIN);
  lab_json_int(&j, INT64_MAX);
  lab_json_uint(&j, 0);
  lab_json_uint(&j, UINT64_MAX);
  lab_json_bool(&j, true);
  lab_json_bool(&j, false);
  lab_json_null(&j);
  lab_json_end(&j);
  expect("[0,-1,-9223372036854775808,9223372036854775807,0,"
         "18446744073709551615,true,false,null]");
}

static void test_decimals(void **state) {
  (void)state;
  lab_json j;
  begin(&j);
  lab_json_begin_array(&j, LAB_JSON_COMPACT);
  lab_json_decimal(&j, 0, 3);
  lab_json_decimal(&j, 5, 3);
  lab_json_decimal(&j, 1500, 3);
  lab_json_decimal(&j, 999999, 3);
  lab_json_decimal(&j, 12, 1);
  lab_json_decimal(&j, 1000000001, 9);
  lab_json_decimal(&j, UINT64_MAX, 9);
  lab_json_end(&j);
  expect("[0.000,0.005,1.500,999.999,1.2,1.000000001,18446744073.709551615]");
}

static void test_doubles(void **state) {
  (void)state;
  static const struct {
    double x;
    const char *wanted;
  } cases[] = {
      {0, "0"},
      {-2, "-2"},
      {0.1, "0.1"},
      {1e21, "1e+21"},
      {1e-7, "1e-07"},
      {1.0 / 3, "0.3333333333333333"},
      {NAN, "null"},
      {INFINITY, "null"},
      {-INFINITY, "null"},
      {DBL_MAX, "1.7976931348623157e+308"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    lab_json j;
    begin(&j);
    lab_json_double(&j, cases[i].x);
    expect(cases[i].wanted);
  }
}

/* ---- strings ------------------------------------------------------------- */

#define BAD "\xef\xbf\xbd" /* U+FFFD */

static const struct {
  const char *in, *wanted; /* without the quotes */
} strings[] = {
    {"", ""},
    {"plain", "plain"},
    {"\"\\/", "\\\"\\\\/"},
    {"a\nb\tc\x01\x1f\x7f", "a\\u000ab\\u0009c\\u0001\\u001f\\u007f"},
    /* the first and the last character of each length */
    {"\xc2\x80\xc2\x9f\xc2\xa0\xdf\xbf", "\\u0080\\u009f\xc2\xa0\xdf\xbf"},
    {"\xe0\xa0\x80\xef\xbf\xbf", "\xe0\xa0\x80\xef\xbf\xbf"},
    {"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"},
    /* next to the surrogates */
    {"\xed\x9f\xbf\xee\x80\x80", "\xed\x9f\xbf\xee\x80\x80"},
    /* overlong */
    {"\xc0\x80", BAD BAD},
    {"\xc1\xbf", BAD BAD},
    {"\xe0\x80\x80", BAD BAD BAD},
    {"\xe0\x9f\xbf", BAD BAD BAD},
    {"\xf0\x80\x80\x80", BAD BAD BAD BAD},
    {"\xf0\x8f\xbf\xbf", BAD BAD BAD BAD},
    /* surrogates: the first, the last, and a pair */
    {"\xed\xa0\x80", BAD BAD BAD},
    {"\xed\xbf\xbf", BAD BAD BAD},
    {"\xed\xa0\xbd\xed\xb8\x80", BAD BAD BAD BAD BAD BAD},
    /* beyond U+10FFFF, and lengths that are no more */
    {"\xf4\x90\x80\x80", BAD BAD BAD BAD},
    {"\xf7\xbf\xbf\xbf", BAD BAD BAD BAD},
    {"\xf8\x88\x80\x80\x80", BAD BAD BAD BAD BAD},
    {"\xfe\xff", BAD BAD},
    /* a byte of the middle alone */
    {"a\x80z", "a" BAD "z"},
    {"\xbf", BAD},
    /* broken off by another character */
    {"\xc3z", BAD "z"},
    {"\xe2\x82z", BAD BAD "z"},
    {"\xf0\x9f\x98z", BAD BAD BAD "z"},
    {"\xe2\xc3\xa9", BAD "\xc3\xa9"},
    {"\xc3\"", BAD "\\\""},
    /* broken off by the end */
    {"\xc3", BAD},
    {"\xe2", BAD},
    {"\xe2\x82", BAD BAD},
    {"\xf0", BAD},
    {"\xf0\x9f", BAD BAD},
    {"\xf0\x9f\x98", BAD BAD BAD},
    {"e\xcc\x81\xf0\x9f\x98\x80!", "e\xcc\x81\xf0\x9f\x98\x80!"},
};

/* A page, and behind it one that nobody may touch: what is put at its end is
 * followed by nothing. */
static char *page_end;

static int map_pages(void **state) {
  (void)state;
  size_t size = (size_t)sysconf(_SC_PAGESIZE);
  char *pages = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED || mprotect(pages + size, size, PROT_NONE))
    return -1;
  page_end = pages + size;
  return 0;
}

static void test_strings(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
    size_t n = strlen(strings[i].in);
    char wanted[64];
    lab_json j;
    snprintf(wanted, sizeof wanted, "\"%s\"", strings[i].wanted);
    memcpy(page_end - n, strings[i].in, n);
    begin(&j);
    lab_json_string(&j, page_end - n, n);
    expect(wanted);
  }
}

static void test_zero_byte(void **state) {
  (void)state;
  lab_json j;
  begin(&j);
  lab_json_string(&j, "a\0b", 3);
  expect("\"a\\u0000b\"");
}

/* Whatever three bytes come, the string is valid UTF-8 and ends where it
 * should: no quote, backslash or control character is left as it was. */
static bool is_valid_string(const unsigned char *s, size_t n) {
  if (n < 2 || s[0] != '"' || s[n - 1] != '"')
    return false;
  for (size_t i = 1; i < n - 1;) {
    if (s[i] < 0x20 || s[i] == '"')
      return false;
    size_t len = s[i] == '\\'  ? (s[i + 1] == 'u' ? 6 : 2)
                 : s[i] < 0x80 ? 1
                 : s[i] < 0xc2 ? 0
                 : s[i] < 0xe0 ? 2
                 : s[i] < 0xf0 ? 3
                 : s[i] < 0xf5 ? 4
                               : 0;
    for (size_t k = 1; k < len && s[i] >= 0x80; k++)
      if (s[i + k] < 0x80 || s[i + k] > 0xbf)
        return false;
    if (len == 0 || i + len > n - 1)
      return false;
    i += len;
  }
  return true;
}

static void test_all_of_three_bytes(void **state) {
  (void)state;
  for (unsigned x = 0; x < 1u << 24; x += 3) {
    char *in = page_end - 3;
    in[0] = (char)(x >> 16);
    in[1] = (char)(x >> 8);
    in[2] = (char)x;
    lab_buf_clear(&text);
    lab_buf_json_string(&text, in, 3);
    if (!is_valid_string((const unsigned char *)text.data, text.len))
      fail_msg("bytes %06x", x);
  }
  lab_buf_free(&text);
}

/* ---- calls out of order -------------------------------------------------- */

static void end_nothing(lab_json *j) {
  lab_json_end(j);
}

static void write_two_texts(lab_json *j) {
  lab_json_int(j, 1);
  lab_json_int(j, 2);
}

static void write_member_without_key(lab_json *j) {
  lab_json_begin_object(j, LAB_JSON_COMPACT);
  lab_json_int(j, 1);
}

static void write_two_keys(lab_json *j) {
  lab_json_begin_object(j, LAB_JSON_COMPACT);
  lab_json_key(j, "a");
  lab_json_key(j, "b");
}

static void write_key_in_array(lab_json *j) {
  lab_json_begin_array(j, LAB_JSON_COMPACT);
  lab_json_key(j, "a");
}

static void end_after_key(lab_json *j) {
  lab_json_begin_object(j, LAB_JSON_COMPACT);
  lab_json_key(j, "a");
  lab_json_end(j);
}

static void finish_open_array(lab_json *j) {
  lab_json_begin_array(j, LAB_JSON_COMPACT);
  lab_json_finish(j);
}

static void finish_empty_text(lab_json *j) {
  lab_json_finish(j);
}

static void nest_too_deep(lab_json *j) {
  for (int i = 0; i <= LAB_JSON_DEPTH; i++)
    lab_json_begin_array(j, LAB_JSON_COMPACT);
}

static bool aborts(void (*misuse)(lab_json *j)) {
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    lab_json j;
    signal(SIGABRT, SIG_DFL);
    if (!freopen("/dev/null", "w", stderr))
      _exit(1);
    begin(&j);
    misuse(&j);
    _exit(0);
  }
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void test_misuse(void **state) {
  (void)state;
  void (*const misuses[])(lab_json *) = {
      end_nothing,       write_two_texts,    write_member_without_key,
      write_two_keys,    write_key_in_array, end_after_key,
      finish_open_array, finish_empty_text,  nest_too_deep,
  };
  for (size_t i = 0; i < sizeof misuses / sizeof *misuses; i++)
    if (!aborts(misuses[i]))
      fail_msg("misuse %zu went unseen", i);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_styles),
      cmocka_unit_test(test_mixed_styles),
      cmocka_unit_test(test_keys_are_escaped),
      cmocka_unit_test(test_text_in_pieces),
      cmocka_unit_test(test_deepest),
      cmocka_unit_test(test_numbers),
      cmocka_unit_test(test_decimals),
      cmocka_unit_test(test_doubles),
      cmocka_unit_test(test_strings),
      cmocka_unit_test(test_zero_byte),
      cmocka_unit_test(test_all_of_three_bytes),
      cmocka_unit_test(test_misuse),
  };
  return cmocka_run_group_tests(tests, map_pages, NULL);
}
