/* SPDX-License-Identifier: MIT
 * The command line's values. Its messages and exit codes are tested from
 * outside (integration/test_cli.lua). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "app/listen.h"
#include "app/options.h"
#include "guard_page.h"

enum { MAX = 16 };

/* Parses up to MAX words that end with NULL. */
static lab_options_result parse(lab_options *o, const char *const *words) {
  char *argv[MAX + 2] = {(char *)(uintptr_t) "diaglab"};
  int argc = 1;
  while (words[argc - 1]) {
    argv[argc] = (char *)(uintptr_t)words[argc - 1];
    argc++;
  }
  return lab_options_parse(o, argc, argv);
}

static void defaults(void **state) {
  lab_options o;
  (void)state;
  assert_int_equal(parse(&o, (const char *[]){NULL}), LAB_OPTIONS_RUN);
  assert_string_equal(o.config.listen, "localhost:6060");
  assert_int_equal(o.config.step, -1);
  assert_int_equal(o.config.scavenge, 300);
  assert_true(o.config.memprofile_rate == -1);
  assert_int_equal(o.config.blockprofile_rate, 1);
  assert_int_equal(o.config.mutexprofile_fraction, 1);
  assert_int_equal(o.config.workers, 0);
  assert_null(o.config.log_file);
  assert_int_equal(o.config.repair[0], '/');
  assert_string_equal(strrchr(o.config.repair, '/'), "/repair");
  assert_int_equal(o.hosts.n + o.params.n + o.scenarios.n, 0);
  lab_options_free(&o);
}

static void all_flags(void **state) {
  lab_options o;
  (void)state;
  const char *words[] = {"-listen",
                         "[::1]:0",
                         "--host=a",
                         "--host",
                         "b",
                         "--step=4",
                         "-param=4.a=1",
                         "--param",
                         "12.b_2=x=y",
                         "--scenarios=dir",
                         "--workers",
                         "3",
                         "--scavenge=-1",
                         "--blockprofile-rate=1000",
                         "--mutexprofile-fraction",
                         "0",
                         NULL};
  assert_int_equal(parse(&o, words), LAB_OPTIONS_RUN);
  assert_string_equal(o.config.listen, "[::1]:0");
  assert_int_equal(o.hosts.n, 2);
  assert_string_equal(o.hosts.items[1], "b");
  assert_int_equal(o.config.step, 4);
  assert_int_equal(o.params.n, 2);
  assert_string_equal(o.params.items[0], "4.a=1");
  assert_string_equal(o.params.items[1], "12.b_2=x=y");
  assert_string_equal(o.scenarios.items[0], "dir");
  assert_int_equal(o.config.workers, 3);
  assert_int_equal(o.config.scavenge, -1);
  assert_int_equal(o.config.blockprofile_rate, 1000);
  assert_int_equal(o.config.mutexprofile_fraction, 0);
  lab_options_free(&o);
}

/* FLAG with VALUE, which is next to an inaccessible page. */
static void check_value(const char *flag, const char *value,
                        lab_options_result expected) {
  lab_options o;
  guard_page g;
  guard_page_open(&g, strlen(value) + 1);
  const char *copy = guard_page_end_string(&g, value);
  assert_int_equal(parse(&o, (const char *[]){flag, copy, NULL}), expected);
  lab_options_free(&o);
  copy = guard_page_begin_string(&g, value);
  assert_int_equal(parse(&o, (const char *[]){flag, copy, NULL}), expected);
  lab_options_free(&o);
  guard_page_close(&g);
}

static void addresses(void **state) {
  static const char *const good[] = {
      ":6060",     ":0",          "localhost:1",    "a.b:65535",
      "[::]:8080", "[fe80::1]:1", "[fe80::1%lo]:1", "127.0.0.1:080"};
  static const char *const bad[] = {"",
                                    "6060",
                                    "host",
                                    "host:",
                                    "h:-1",
                                    "h:65536",
                                    "::1:80",
                                    "[::1]",
                                    "h:80x",
                                    "[::1]x:80",
                                    ":",
                                    "[:80",
                                    "[x:80",
                                    "]:80",
                                    "x]:80",
                                    "[]:80",
                                    "[:]:80",
                                    "[x]:80",
                                    "[::1:80",
                                    "::1]:80",
                                    "[[::1]]:80",
                                    "[::1]]:80",
                                    "x[::1]:80",
                                    "[%lo]:80",
                                    "[1.2.3.4]:80",
                                    ":+80",
                                    ": 80",
                                    ":80 ",
                                    ":80:",
                                    "[",
                                    ":18446744073709551696",
                                    "h:72767",
                                    "h:+80",
                                    "h: 80",
                                    "h:0x50",
                                    "[::%3][::3]:3",
                                    "[::1%]:80",
                                    "[::1%lo%lo]:80",
                                    "a b:80",
                                    "a\n:80",
                                    "http://h:80",
                                    "u@h:80"};
  char host[300];
  (void)state;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    check_value("--listen", good[i], LAB_OPTIONS_RUN);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    check_value("--listen", bad[i], LAB_OPTIONS_WRONG);
  memset(host, 'a', sizeof host);
  memcpy(host + 255, ":1", 3);
  check_value("--listen", host, LAB_OPTIONS_RUN);
  memcpy(host + 255, "a:1", 4);
  check_value("--listen", host, LAB_OPTIONS_WRONG);
}

static void recorders(void **state) {
  static const char *const good[] = {"0", "5s", "0.5", "500ms,8MiB",
                                     "1m,512KiB"};
  static const char *const bad[] = {"",    "s",     "0x10s",       "nan",
                                    "+5s", "5s,",   "5s,0x800KiB", "5h",
                                    " 5s", "1e-3x", "5s, 8MiB"};
  (void)state;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    check_value("--flight", good[i], LAB_OPTIONS_RUN);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    check_value("--flight", bad[i], LAB_OPTIONS_WRONG);
}

static void params_and_hosts(void **state) {
  static const char *const good[] = {"0.a=", "4.a=1", "9999._x2=y=z"};
  static const char *const bad[] = {"",     "4",      "4.",       "4.a",
                                    ".a=1", "4.2=1",  "12345.a=", "x.a=1",
                                    "4.=1", "4.a-b=", "4.a b=1"};
  static const char *const origins[] = {
      "*", "https://a.example", "HTTP://a.example:8080 , http://[::1]:1,",
      "chrome-extension://abcdef"};
  static const char *const no_hosts[] = {"", "a/b", "a b", "\t"};
  (void)state;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    check_value("--param", good[i], LAB_OPTIONS_RUN);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    check_value("--param", bad[i], LAB_OPTIONS_WRONG);
  check_value("--host", "a", LAB_OPTIONS_RUN);
  for (size_t i = 0; i < sizeof origins / sizeof *origins; i++)
    check_value("--allow-origin", origins[i], LAB_OPTIONS_RUN);
  check_value("--allow-origin", "https://a.example/", LAB_OPTIONS_WRONG);
  for (size_t i = 0; i < sizeof no_hosts / sizeof *no_hosts; i++)
    check_value("--host", no_hosts[i], LAB_OPTIONS_WRONG);
}

static void numbers(void **state) {
  static const char *const bad[] = {
      "", "-", "x", "1x", " 1", "10000", "-1", "99999999999999999999"};
  (void)state;
  check_value("--step", "0", LAB_OPTIONS_RUN);
  check_value("--step", "9999", LAB_OPTIONS_RUN);
  check_value("--scavenge", "0", LAB_OPTIONS_RUN);
  check_value("--scavenge", "-5", LAB_OPTIONS_RUN);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    check_value("--step", bad[i], LAB_OPTIONS_WRONG);
}

static void check_host(const char *address, const char *expected) {
  char host[LAB_LISTEN_NAME];
  guard_page g;
  guard_page_open(&g, strlen(address) + 1);
  lab_listen_host(guard_page_end_string(&g, address), host);
  assert_string_equal(host, expected);
  lab_listen_host(guard_page_begin_string(&g, address), host);
  assert_string_equal(host, expected);
  guard_page_close(&g);
}

static void host_of_an_address(void **state) {
  (void)state;
  check_host(":6060", "");
  check_host("lab.example:6060", "lab.example");
  check_host("[::1]:6060", "::1");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(defaults),           cmocka_unit_test(all_flags),
      cmocka_unit_test(addresses),          cmocka_unit_test(recorders),
      cmocka_unit_test(params_and_hosts),   cmocka_unit_test(numbers),
      cmocka_unit_test(host_of_an_address),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
