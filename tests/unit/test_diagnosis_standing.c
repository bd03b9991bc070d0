/* SPDX-License-Identifier: MIT
 * Which steps are done, by the events of a progress: read on, torn, reset. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "diagnosis/progress.h"
#include "diagnosis/standing.h"

static char folder[64], path[80];

static int make_folder(void **state) {
  (void)state;
  snprintf(folder, sizeof folder, "/tmp/standing-XXXXXX");
  if (!mkdtemp(folder))
    return -1;
  snprintf(path, sizeof path, "%s/progress.jsonl", folder);
  return 0;
}

static int remove_folder(void **state) {
  (void)state;
  unlink(path);
  return rmdir(folder);
}

static void append_text(const char *text) {
  FILE *file = fopen(path, "a");
  assert_non_null(file);
  assert_true(fputs(text, file) >= 0);
  assert_int_equal(fclose(file), 0);
}

static void note_step(int step, bool solved, bool repaired, void *arg) {
  char *out = arg;
  snprintf(out + strlen(out), 256 - strlen(out), "%d%s%s ", step,
           solved ? "s" : "", repaired ? "r" : "");
}

static void expect_standing(lab_standing *s, const char *wanted) {
  char out[256] = "";
  lab_standing_each(s, note_step, out);
  assert_string_equal(out, wanted);
}

static void add_event(const char *what, int step, const char *verdict) {
  lab_progress *p = lab_progress_new(folder);
  lab_judge_result result = {0};
  snprintf(result.verdict, sizeof result.verdict, "%s", verdict);
  bool answer = strcmp(what, "answer") == 0,
       repair = strcmp(what, "repair") == 0;
  lab_progress_event event = {.what = what,
                              .step = step,
                              .result = answer ? &result : NULL,
                              .verdict = repair ? verdict : NULL};
  assert_int_equal(lab_progress_add(p, &event), 0);
  lab_progress_free(p);
}

static void test_reads_on(void **state) {
  (void)state;
  lab_standing *s = lab_standing_new(folder);
  expect_standing(s, ""); /* there is no file */
  add_event("visit", 5, "");
  add_event("answer", 5, "partial");
  add_event("repair", 5, "still there");
  expect_standing(s, "");
  add_event("answer", 5, "solved");
  add_event("repair", 3, "repaired");
  add_event("repair", 5, "solved"); /* no word of a repair */
  add_event("answer", 3, "repaired");
  expect_standing(s, "3r 5s ");
  expect_standing(s, "3r 5s ");
  add_event("repair", 5, "repaired");
  add_event("answer", 9999, "solved");
  add_event("answer", 10000, "solved"); /* no step has that number */
  expect_standing(s, "3r 5sr 9999s ");
  add_event("reset", 5, "");
  expect_standing(s, "3r 9999s ");
  add_event("reset", -1, "");
  expect_standing(s, "");
  add_event("answer", 0, "solved");
  expect_standing(s, "0s ");
  lab_standing_free(s);
}

static void test_a_file_that_is_replaced(void **state) {
  (void)state;
  lab_standing *s = lab_standing_new(folder);
  add_event("answer", 1, "solved");
  expect_standing(s, "1s ");
  unlink(path);
  expect_standing(s, "");
  add_event("answer", 2, "solved");
  expect_standing(s, "2s ");
  assert_int_equal(truncate(path, 0), 0);
  expect_standing(s, "");
  lab_standing_free(s);
}

static void test_lines_that_are_torn(void **state) {
  (void)state;
  lab_standing *s = lab_standing_new(folder);
  append_text("{\"event\": \"answer\", \"step\": 1, \"verdict\": \"solved\"");
  expect_standing(s, "");
  append_text("}\n"); /* it was being written */
  expect_standing(s, "1s ");
  append_text("{\"event\": \"answer\", \"step\": 2, \"verdict\": \"sol\n");
  append_text("\n}\n{}\n{\"step\": }\n{\"event\": \"answer\", \"step\": ");
  add_event("answer", 3, "solved");
  append_text(
      "{\"event\": \"answer\", \"step\": x, \"verdict\": \"solved\"}\n"
      "{\"event\": \"reset\", \"step\": 99999999999999999999, \"a\": 1}\n"
      "{\"event\": \"visit\", \"step\": 4, "
      "\"class\": \"\\\"verdict\\\": \\\"solved\\\"\"}\n");
  expect_standing(s, "1s 3s ");
  lab_standing_free(s);
}

static void test_long_lines(void **state) {
  (void)state;
  lab_standing *s = lab_standing_new(folder);
  FILE *file = fopen(path, "a");
  assert_non_null(file);
  for (int i = 0; i < 200000; i++)
    fputc('x', file);
  fputs("\n", file);
  for (int i = 0; i < 2000; i++) /* beyond one piece */
    fprintf(file, "{\"event\": \"visit\", \"step\": %d, \"a\": \"%0*d\"}\n", i,
            i % 200, 0);
  assert_int_equal(fclose(file), 0);
  add_event("answer", 7, "solved");
  expect_standing(s, "7s ");
  lab_standing_free(s);
}

static void test_nothing_is_kept(void **state) {
  (void)state;
  lab_standing *s = lab_standing_new(NULL);
  expect_standing(s, "");
  lab_standing_free(s);
  lab_standing_free(NULL);
}

#define IN_FOLDER(f)                                                           \
  cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)

int main(void) {
  const struct CMUnitTest tests[] = {
      IN_FOLDER(test_reads_on),
      IN_FOLDER(test_a_file_that_is_replaced),
      IN_FOLDER(test_lines_that_are_torn),
      IN_FOLDER(test_long_lines),
      cmocka_unit_test(test_nothing_is_kept),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
