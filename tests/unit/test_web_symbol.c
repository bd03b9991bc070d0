/* SPDX-License-Identifier: MIT
 * /debug/pprof/symbol with addresses that are next to an inaccessible page.
 *
 * Only the handler itself is under test, so this file takes the place of what
 * is around it: the request is a text, the work runs at once, and the answer is
 * kept. */
#include <stdbool.h>
#include <stdio.h>

#include "base/alloc.h"
#include "guard_page.h"
#include "web/slow.h"
#include "web/symbol.h"
#include "web/web_internal.h"

static const char *method;
static lab_http_str input;
static lab_buf answer;
static bool ended;

/* ---- what is around the handler ------------------------------------------ */

const char *lab_http_method(const lab_http_request *req) {
  (void)req;
  return method;
}

lab_http_str lab_http_query(const lab_http_request *req) {
  (void)req;
  assert_string_equal(method, "GET");
  return input;
}

lab_http_str lab_http_body(const lab_http_request *req) {
  (void)req;
  assert_string_equal(method, "POST");
  return input;
}

void lab_http_respond_buf(lab_http_request *req, int status,
                          const char *content_type, const char *extra_headers,
                          lab_buf *body) {
  (void)req;
  assert_int_equal(status, 200);
  assert_string_equal(content_type, LAB_WEB_TEXT);
  assert_string_equal(extra_headers, LAB_WEB_NOSNIFF);
  lab_buf_free(&answer);
  answer = *body;
  *body = (lab_buf)LAB_BUF_INIT;
  lab_buf_putc(&answer, '\0');
}

void lab_slow_begin(lab_slow *s, lab_web *web, lab_http_request *req,
                    void (*cleanup)(lab_slow *s)) {
  s->web = web;
  s->req = req;
  s->cleanup = cleanup;
}

void lab_slow_work(lab_slow *s, void (*run)(lab_slow *s),
                   void (*next)(lab_slow *s)) {
  run(s);
  next(s);
}

void lab_slow_end(lab_slow *s) {
  s->cleanup(s);
  lab_xfree(s);
  ended = true;
}

/* ---- the tests ----------------------------------------------------------- */

static void check_text(const char *text, size_t len, const char *expected) {
  input = (lab_http_str){text, len};
  ended = false;
  lab_web_symbol(NULL, NULL);
  assert_true(ended);
  assert_string_equal(answer.data, expected);
  lab_buf_free(&answer);
}

/* A request's text is followed by a 0, which is the last byte that may be
 * read. */
static void check(const char *text, const char *expected) {
  static const char *const methods[] = {"GET", "POST"};
  size_t len = strlen(text);
  guard_page g;
  guard_page_open(&g, len + 1);
  for (int i = 0; i < 2; i++) {
    method = methods[i];
    check_text(guard_page_end_string(&g, text), len, expected);
    check_text(guard_page_begin_string(&g, text), len, expected);
  }
  guard_page_close(&g);
}

#define NONE "num_symbols: 1\n"

static void passes_over_what_is_no_address(void **state) {
  static const char *const texts[] = {
      "",
      "+",
      "++++",
      "x",
      "0",
      "0x",
      "-1",
      " 1",
      "1 ",
      "1x",
      "0x1g",
      "08",
      "99999999999999999999999",
      "0x10000000000000000",
      "+0x",
      "0x+",
      "1234567890123456789012345678901",
      "12345678901234567890123456789012",
      "0x0000000000000000000000000000000000000000000000000000000000001"};
  (void)state;
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    check(texts[i], NONE);
}

static void names_a_function(void **state) {
  char text[64], expected[128];
  unsigned long long address = (uintptr_t)lab_web_symbol;
  (void)state;
  snprintf(text, sizeof text, "%#llx", address);
  snprintf(expected, sizeof expected, NONE "%#llx lab_web_symbol\n", address);
  check(text, expected);
  snprintf(text, sizeof text, "+x+%llu+", address);
  check(text, expected);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(passes_over_what_is_no_address),
      cmocka_unit_test(names_a_function),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
