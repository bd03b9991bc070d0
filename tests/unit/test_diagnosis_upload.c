/* SPDX-License-Identifier: MIT
 * The kind of a profile that is sent. The file says what its values are called;
 * the lab knows which kinds there are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "diagnosis/upload.h"
#include "pprof_message.h"

/* Reads a profile whose values are called NAME. */
static lab_capture *read_profile(const char *name, const char *hint,
                                 lab_err *err) {
  char text[512];
  snprintf(text, sizeof text, "6'' 6'%s' 6'count' 1{1=1 2=2}", name);
  lab_buf m = message_make(text);
  lab_capture *c = lab_upload_read(m.data, m.len, hint, err);
  lab_buf_free(&m);
  return c;
}

static void check_kind(const char *name, const char *hint, const char *kind) {
  lab_err err = {""};
  lab_capture *c = read_profile(name, hint, &err);
  if (!c)
    fail_msg("%s: %s", name, err.text);
  assert_string_equal(c->kind, kind);
  lab_capture_unref(c);
}

static void check_refused(const char *name, const char *why) {
  lab_err err = {""};
  lab_capture *c = read_profile(name, "", &err);
  if (c)
    fail_msg("'%s' is of kind '%s'", name, c->kind);
  assert_non_null(strstr(err.text, why));
}

static void the_values_tell_the_kind(void **state) {
  static const char *const same[] = {"cpu",           "goroutine",
                                     "goroutineleak", "threadcreate",
                                     "lab.OpenFiles", "db.Connections"};
  (void)state;
  for (size_t i = 0; i < sizeof same / sizeof *same; i++)
    check_kind(same[i], "", same[i]);
  check_kind("time", "", "wall");
  check_kind("inuse_space", "", "heap");
  check_kind("delay", "block", "block");
  check_kind("delay", "mutex", "mutex");
  check_refused("delay", "say which");
}

/* Such words are kinds of what no profile is; or a terminal obeys them; or they
 * end within a character. */
static void other_words_are_no_kinds(void **state) {
  static const char *const words[] = {
      "metrics",
      "vars",
      "trace",
      "wall",
      "heap",
      "block",
      "",
      "\x1b]0;x\x07",
      "db.Conn\x1b[2J",
      "db.\xff",
      "samples",
      "a.b c",
      "a.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      "\xc3\xbc",
      "a.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
  };
  (void)state;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    check_refused(words[i], "no profile of the lab has such values");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_values_tell_the_kind),
      cmocka_unit_test(other_words_are_no_kinds),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
