/* SPDX-License-Identifier: MIT
 * Plans of loads: what is refused, and what a request looks like. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "load/plan.h"

static void expect_request(lab_load_plan plan, uint64_t number,
                           const char *text) {
  lab_buf out = LAB_BUF_INIT;
  lab_load_plan p = lab_load_plan_complete(&plan);
  lab_load_plan_write(&p, "a:80/x", 4, number, &out);
  lab_buf_putc(&out, '\0');
  assert_string_equal(out.data, text);
  lab_buf_free(&out);
}

static void requests(void **state) {
  (void)state;
  expect_request((lab_load_plan){0}, 1,
                 "GET / HTTP/1.1\r\nHost: a:80\r\n"
                 "User-Agent: diaglab-load\r\n\r\n");
  expect_request((lab_load_plan){.path = "/o/{n}?again={n}&{m}"}, 42,
                 "GET /o/42?again=42&{m} HTTP/1.1\r\nHost: a:80\r\n"
                 "User-Agent: diaglab-load\r\n\r\n");
  expect_request((lab_load_plan){.body = "x=1", .body_len = 3}, 1,
                 "POST / HTTP/1.1\r\nHost: a:80\r\n"
                 "User-Agent: diaglab-load\r\nContent-Length: 3\r\n\r\nx=1");
  expect_request((lab_load_plan){.method = "POST"}, 1,
                 "POST / HTTP/1.1\r\nHost: a:80\r\n"
                 "User-Agent: diaglab-load\r\nContent-Length: 0\r\n\r\n");
  expect_request((lab_load_plan){.method = "PUT",
                                 .headers = "X: y\r\nuser-agent: me\r\n",
                                 .body = "b",
                                 .body_len = 1},
                 1,
                 "PUT / HTTP/1.1\r\nHost: a:80\r\nX: y\r\nuser-agent: me\r\n"
                 "Content-Length: 1\r\n\r\nb");
  assert_true(lab_load_plan_is_numbered(&(lab_load_plan){.path = "/{n}"}));
  assert_false(lab_load_plan_is_numbered(&(lab_load_plan){.path = "/{m}"}));
  assert_false(lab_load_plan_is_numbered(&(lab_load_plan){0}));
  lab_load_plan p = lab_load_plan_complete(&(lab_load_plan){0});
  assert_int_equal(p.clients, 1);
  assert_true(p.timeout_ns == 10 * LAB_SECOND);
}

#define EXPECT_WRONG(message_, ...)                                            \
  do {                                                                         \
    lab_err err = {""};                                                        \
    assert_true(lab_load_plan_check(&(lab_load_plan){__VA_ARGS__}, &err) < 0); \
    assert_string_equal(err.text, message_);                                   \
  } while (0)

static void wrong_plans(void **state) {
  (void)state;
  static const lab_load_plan good = {.path = "/"}, bad = {.path = "x"},
                             nested = {.first = &good};
  assert_int_equal(lab_load_plan_check(
                       &(lab_load_plan){.first = &good, .beside = &good}, NULL),
                   0);
  EXPECT_WRONG("path: \"x\" doesn't begin with /", .path = "x");
  EXPECT_WRONG("path: \"/a b\" has a character that must be written as %20",
               .path = "/a b");
  EXPECT_WRONG("path: \"/\r\n\" has a character that must be written as %0D",
               .path = "/\r\n");
  EXPECT_WRONG("path: \"/#x\" has a character that must be written as %23",
               .path = "/#x");
  EXPECT_WRONG("method: \"get\" is not a method such as GET or POST",
               .method = "get");
  EXPECT_WRONG("method: \"\" is not a method such as GET or POST",
               .method = "");
  EXPECT_WRONG("method: \"CONNECT\" is not a method such as GET or POST",
               .method = "CONNECT");
  EXPECT_WRONG("header: \"X\" is not of the form \"Name: value\"",
               .headers = "X\r\n");
  EXPECT_WRONG("header: \"a b: c\" is not of the form \"Name: value\"",
               .headers = "a b: c\r\n");
  EXPECT_WRONG("header: \"X: a\nY: b\" has a control character",
               .headers = "X: a\nY: b\r\n");
  EXPECT_WRONG("header: \"X: a\" doesn't end with \\r\\n", .headers = "X: a");
  EXPECT_WRONG("header: \"host: a\" is one that the load sets itself",
               .headers = "X: a\r\nhost: a\r\n");
  EXPECT_WRONG("clients: 10001 is more than 10000", .clients = 10001);
  EXPECT_WRONG("rate: -1 is not from 0 to 1e6", .rate = -1);
  EXPECT_WRONG("rate: nan is not from 0 to 1e6", .rate = fabs(NAN));
  EXPECT_WRONG("first: path: \"x\" doesn't begin with /", .first = &bad);
  EXPECT_WRONG("beside: it can't have a first or a beside of its own",
               .beside = &nested);
}

static void seconds_in_ns(void **state) {
  (void)state;
  assert_true(lab_load_plan_ns(0.25) == 250 * LAB_MILLISECOND);
  assert_true(lab_load_plan_ns(0) == 0 && lab_load_plan_ns(-1) == 0);
  assert_true(lab_load_plan_ns(fabs(NAN)) == 0);
  assert_true(lab_load_plan_ns(1e-300) == 1); /* 0 is the default */
  assert_true(lab_load_plan_ns(1e300) == lab_load_plan_ns(INFINITY));
  assert_true(lab_load_plan_ns(1e300) > 9000000000 * LAB_SECOND - 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(requests),
      cmocka_unit_test(wrong_plans),
      cmocka_unit_test(seconds_in_ns),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
