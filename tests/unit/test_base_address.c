/* SPDX-License-Identifier: MIT
 * Addresses as texts, each next to an inaccessible page. */
#include "guard_page.h"

#include "base/address.h"

static void check(const char *text, const char *expected) {
  char written[LAB_ADDRESS_TEXT];
  guard_page g;
  lab_address a;
  guard_page_open(&g, strlen(text) + 1);
  for (int i = 0; i < 2; i++) {
    const char *copy =
        i ? guard_page_begin_string(&g, text) : guard_page_end_string(&g, text);
    const char *wrong = lab_address_parse(copy, &a);
    if (!expected) {
      assert_non_null(wrong);
      continue;
    }
    assert_null(wrong);
    lab_address_write(&a.any, written);
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

static void loopback(void **state) {
  static const char *const near[] = {":1", "127.0.0.1:0", "127.255.1.2:80",
                                     "[::1]:5"};
  static const char *const far[] = {"128.0.0.1:1", "0.0.0.0:1",
                                    "10.0.0.1:1",  "[::]:1",
                                    "[::2]:1",     "[::ffff:127.0.0.1]:1"};
  lab_address a;
  (void)state;
  for (size_t i = 0; i < sizeof near / sizeof *near; i++) {
    assert_null(lab_address_parse(near[i], &a));
    assert_true(lab_address_is_loopback(&a.any));
  }
  for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
    assert_null(lab_address_parse(far[i], &a));
    assert_false(lab_address_is_loopback(&a.any));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(good_addresses),
      cmocka_unit_test(bad_addresses),
      cmocka_unit_test(loopback),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
