/* SPDX-License-Identifier: MIT
 * Which steps are done, by the events of a progress: read on, torn, reset. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "diagnosis/progress.h"
#include "diagnosis/standing.h"
#include "temp_name.h"

static char folder[TEMP_NAME], path[80];

static int make_folder(void **state) {
  (void)state;
  if (!mkdtemp(write_temp_name(folder, "standing")))
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

enum { PATIENCE_MS = 50 };

static void add_event(const char *what, int step, const char *verdict) {
  lab_progress *p = lab_progress_new(folder, PATIENCE_MS);
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

/* The same inode, and more bytes than before. */
static void test_a_file_that_is_made_anew(void **state) {
  (void)state;
  lab_standing *s = lab_standing_new(folder);
  for (int step = 1; step < 9; step++)
    add_event("answer", step, "solved");
  expect_standing(s, "1s 2s 3s 4s 5s 6s 7s 8s ");
  assert_int_equal(truncate(path, 0), 0);
  for (int step = 11; step < 20; step++)
    add_event("answer", step, "solved");
  expect_standing(s, "11s 12s 13s 14s 15s 16s 17s 18s 19s ");
  expect_standing(s, "11s 12s 13s 14s 15s 16s 17s 18s 19s ");
  unlink(path); /* the next file may get its inode */
  for (int step = 21; step < 31; step++)
    add_event("answer", step, "solved");
  expect_standing(s, "21s 22s 23s 24s 25s 26s 27s 28s 29s 30s ");
  lab_standing_free(s);
}

static size_t count_events(void) {
  size_t n = 0;
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  for (int c; (c = fgetc(file)) != EOF;)
    n += c == '\n';
  fclose(file);
  return n;
}

/* LIMIT: of the bytes in a file, as if the disk were full then. */
static int add_limited(lab_progress *p, bool now, rlim_t limit) {
  struct rlimit before;
  lab_progress_event event = {.what = now ? "reset" : "visit", .step = 3};
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(
      setrlimit(RLIMIT_FSIZE, &(struct rlimit){limit, before.rlim_max}), 0);
  int rc = now ? lab_progress_add_now(p, &event) : lab_progress_add(p, &event);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
  return rc;
}

static void test_a_disk_that_is_full(void **state) {
  (void)state;
  lab_standing *s = lab_standing_new(folder);
  lab_progress *p = lab_progress_new(folder, PATIENCE_MS);
  add_event("answer", 3, "solved");
  struct stat st;
  assert_int_equal(stat(path, &st), 0);
  size_t n = count_events();
  rlim_t most = (rlim_t)st.st_size;
  assert_true(add_limited(p, true, most + 30) < 0);
  assert_int_equal(count_events(), n);
  expect_standing(s, "3s ");
  assert_true(add_limited(p, false, most + 30) < 0);
  assert_true(add_limited(p, false, most + 150) < 0); /* one would fit */
  assert_int_equal(count_events(), n);
  assert_int_equal(add_limited(p, false, most + 9000), 0);
  assert_int_equal(count_events(), n + 3); /* each once */
  expect_standing(s, "3s ");
  lab_progress_free(p);
  lab_standing_free(s);
}

static void test_a_lock_that_another_has(void **state) {
  (void)state;
  lab_progress_event reset = {.what = "reset", .step = 3};
  lab_progress_event visit = {.what = "visit", .step = 3};
  lab_progress *p = lab_progress_new(folder, PATIENCE_MS);
  add_event("answer", 3, "solved");
  int other = open(path, O_RDONLY | O_CLOEXEC);
  assert_true(other >= 0);
  assert_int_equal(flock(other, LOCK_EX), 0);
  assert_false(lab_progress_waits(p));
  assert_int_equal(lab_progress_add_now(p, &reset), -EAGAIN);
  assert_false(lab_progress_waits(p)); /* it was refused */
  assert_int_equal(lab_progress_add(p, &visit), -EAGAIN);
  assert_int_equal(lab_progress_add(p, &visit), -EAGAIN);
  assert_true(lab_progress_waits(p));
  assert_int_equal(count_events(), 1);
  close(other);
  assert_int_equal(lab_progress_add_all(p, NULL, 0), 0);
  assert_false(lab_progress_waits(p));
  assert_int_equal(count_events(), 3); /* each once */
  assert_int_equal(lab_progress_add_now(p, &reset), 0);
  assert_int_equal(count_events(), 4);
  lab_progress_free(p);
}

/* N hints of STEP, from the number FIRST on. */
static void add_hints(int step, int first, int n) {
  FILE *file = fopen(path, "a");
  assert_non_null(file);
  for (int i = first; i < first + n; i++)
    fprintf(file,
            "{\"at\": \"\", \"seconds\": 1, \"event\": \"hint\", \"step\": %d, "
            "\"attempt\": \"1\", \"captures\": 0, \"hint\": %d}\n",
            step, i);
  assert_int_equal(fclose(file), 0);
}

static void expect_hints(int step, int hints) {
  lab_standing *s = lab_standing_new(folder);
  lab_buf sums = LAB_BUF_INIT;
  lab_err err;
  char wanted[64];
  assert_int_equal(lab_standing_write(s, &sums, &err), 0);
  lab_buf_putc(&sums, '\0');
  snprintf(wanted, sizeof wanted, "\"hints\": %d, \"minutes\"", hints);
  const char *line = sums.data;
  for (int i = 0; i <= step; i++)
    line = strstr(line, "\"hints\": ") + 1;
  if (strncmp(line - 1, wanted, strlen(wanted)) != 0)
    fail_msg("step %d: not %d hints: %s", step, hints, sums.data);
  lab_buf_free(&sums);
  lab_standing_free(s);
}

/* A file that somebody has written: each hint is compared with those before. */
static void test_no_end_of_hints(void **state) {
  (void)state;
  add_hints(0, 1, 3);
  add_hints(0, 1, 3);
  add_hints(1, 1, 5000);
  add_hints(2, 9998, 5000);
  add_hints(2, -5, 6);
  expect_hints(0, 3);
  expect_hints(1, 256);
  expect_hints(2, 2);
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
      IN_FOLDER(test_a_file_that_is_made_anew),
      IN_FOLDER(test_a_disk_that_is_full),
      IN_FOLDER(test_a_lock_that_another_has),
      IN_FOLDER(test_no_end_of_hints),
      IN_FOLDER(test_lines_that_are_torn),
      IN_FOLDER(test_long_lines),
      cmocka_unit_test(test_nothing_is_kept),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
