/* SPDX-License-Identifier: MIT
 * The command line's values. Its messages and exit codes are tested from
 * outside (integration/test_cli.lua). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/listen.h"
#include "app/options.h"

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

static void addresses(void **state) {
  static const char *const good[] = {":6060",     ":0",        "localhost:1",
                                     "a.b:65535", "[::]:8080", "[fe80::1]:1"};
  static const char *const bad[] = {
      "",        "6060",   "host",  "host:", "h:-1",
      "h:65536", "::1:80", "[::1]", "h:80x", "[::1]x:80"};
  lab_options o;
  (void)state;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    assert_int_equal(parse(&o, (const char *[]){"--listen", good[i], NULL}),
                     LAB_OPTIONS_RUN);
    lab_options_free(&o);
  }
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_int_equal(parse(&o, (const char *[]){"--listen", bad[i], NULL}),
                     LAB_OPTIONS_WRONG);
    lab_options_free(&o);
  }
}

static void host_of_an_address(void **state) {
  char host[LAB_LISTEN_NAME];
  (void)state;
  lab_listen_host(":6060", host);
  assert_string_equal(host, "");
  lab_listen_host("lab.example:6060", host);
  assert_string_equal(host, "lab.example");
  lab_listen_host("[::1]:6060", host);
  assert_string_equal(host, "::1");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(defaults),
      cmocka_unit_test(all_flags),
      cmocka_unit_test(addresses),
      cmocka_unit_test(host_of_an_address),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
