/* SPDX-License-Identifier: MIT
 * Addresses of scenarios' servers, each next to an inaccessible page. */
#include "guard_page.h"

#include <errno.h>

#include "services/address.h"

static void check(const char *text, const char *expected) {
  char written[64];
  guard_page g;
  lab_serve_address a;
  guard_page_open(&g, strlen(text) + 1);
  for (int i = 0; i < 2; i++) {
    const char *copy =
        i ? guard_page_begin_string(&g, text) : guard_page_end_string(&g, text);
    if (!expected) {
      assert_true(lab_serve_address_parse(copy, &a) < 0);
      continue;
    }
    assert_int_equal(lab_serve_address_parse(copy, &a), 0);
    int port =
        ntohs(a.any.sa_family == AF_INET6 ? a.ip6.sin6_port : a.ip4.sin_port);
    lab_serve_address_write(&a, port, written, sizeof written);
    assert_string_equal(written, expected);
  }
  guard_page_close(&g);
}

static void good_addresses(void **state) {
  (void)state;
  check("10.1.2.3:8080", "10.1.2.3:8080");
  check("localhost:0", "127.0.0.1:0");
  check(":65535", "127.0.0.1:65535");
  check("[::1]:080", "[::1]:80");
  check("[::]:1", "[::]:1");
}

static void bad_addresses(void **state) {
  static const char *const bad[] = {
      "",
      ":",
      "80",
      "1.2.3.4",
      "1.2.3.4:",
      "1.2.3:1",
      "a.host:80",
      "[:80",
      "[x:80",
      "x]:80",
      "]:80",
      "[]:80",
      "[]",
      "[:]:80",
      "[::1]",
      "[::1:80",
      "::1:80",
      "[[::1]]:80",
      "[::1]x:80",
      "[1.2.3.4]:80",
      ":65536",
      ":-1",
      ":+1",
      ": 1",
      ":1 ",
      ":1x",
      "1.2.3.4 :1",
      " 1.2.3.4:1",
      "localhost.:1",
      ":99999999999999999999999",
      "1.2.3.4                                                        :80",
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:"
      "80"};
  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    check(bad[i], NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(good_addresses),
      cmocka_unit_test(bad_addresses),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
