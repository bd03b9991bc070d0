/* SPDX-License-Identifier: MIT
 * The primitives on files: what they make, what they refuse, and where paths
 * lead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/remove_tree.h"
#include "prim/file.h"
#include "temp_name.h"

static char dir[TEMP_NAME];

static const char *in_dir(const char *name) {
  static char path[4][256];
  static unsigned next;
  char *p = path[next++ % 4];
  snprintf(p, sizeof path[0], "%s/%s", dir, name);
  return p;
}

static int setup(void **state) {
  (void)state;
  return lab_file_make_temp_dir(write_temp_name(dir, "prim-file"));
}

static int teardown(void **state) {
  (void)state;
  lab_remove_tree(dir, NULL);
  assert_int_equal(access(dir, F_OK), -1);
  return 0;
}

static void test_write_and_read(void **state) {
  (void)state;
  char template[128];
  snprintf(template, sizeof template, "%s", in_dir("fileXXXXXX"));
  int fd = lab_file_open_temp(template);
  assert_true(fd >= 0);
  assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
  struct stat st;
  assert_int_equal(stat(template, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);

  enum { SIZE = 3 << 20 };
  char *bytes = malloc(SIZE);
  assert_non_null(bytes);
  memset(bytes, 'x', SIZE);
  assert_int_equal(lab_file_write(fd, bytes, SIZE), SIZE);
  assert_int_equal(lab_file_sync(fd), 0);
  assert_int_equal(lab_file_close(fd), 0);
  assert_int_equal(lab_file_close(fd), -EBADF);

  fd = lab_file_open(template, O_RDONLY);
  assert_int_equal(lab_file_read(fd, bytes, SIZE - 1), SIZE - 1);
  assert_int_equal(lab_file_read(fd, bytes, SIZE), 1);
  assert_int_equal(lab_file_read(fd, bytes, SIZE), 0);
  assert_int_equal(lab_file_write(fd, "x", 1), -EBADF);
  assert_int_equal(lab_file_close(fd), 0);
  free(bytes);
}

static unsigned signals;

static void count_signal(int sig) {
  (void)sig;
  signals++;
}

/* It sleeps to the end, also when signals come. */
static void test_wait_for_disk(void **state) {
  (void)state;
  const uint64_t ns = 120 * LAB_MILLISECOND;
  const struct itimerval often = {{0, 7000}, {0, 7000}};
  static const struct itimerval never;
  struct sigaction before, counting = {.sa_handler = count_signal};
  assert_int_equal(sigaction(SIGALRM, &counting, &before), 0);
  assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
  uint64_t from = lab_clock_mono(), cpu = lab_clock_thread_cpu();
  lab_file_wait_for_disk(ns);
  assert_true(lab_clock_mono() - from >= ns);
  assert_true(lab_clock_thread_cpu() - cpu < ns / 2);
  assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
  sigaction(SIGALRM, &before, NULL);
  assert_true(signals > 0);
}

static void test_only_regular_files(void **state) {
  (void)state;
  assert_int_equal(lab_file_open(in_dir("missing"), O_RDONLY), -ENOENT);
  assert_int_equal(lab_file_open(dir, O_RDONLY), -EISDIR);
  assert_int_equal(mkfifo(in_dir("pipe"), 0600), 0);
  assert_int_equal(lab_file_open(in_dir("pipe"), O_RDONLY), -EINVAL);
}

static void test_make_dirs(void **state) {
  (void)state;
  struct stat st;
  assert_int_equal(lab_file_make_dirs(in_dir("a/b")), 0);
  assert_int_equal(stat(in_dir("a/b"), &st), 0);
  assert_int_equal(st.st_mode & 0777, 0700);
  assert_int_equal(lab_file_make_dirs(in_dir("a/b")), 0);
  assert_int_equal(lab_file_make_dirs(in_dir("x/y/z")), -ENOENT);
}

static void check_resolved(const char *path, const char *want) {
  char full[PATH_MAX];
  assert_int_equal(lab_file_resolve(path, full), 0);
  assert_string_equal(full, want);
}

static void test_resolve(void **state) {
  (void)state;
  char full[PATH_MAX];
  assert_int_equal(lab_file_make_dirs(in_dir("in")), 0);
  assert_int_equal(symlink("/usr", in_dir("in/out")), 0);
  assert_int_equal(symlink("/nowhere/at/all", in_dir("in/dangling")), 0);
  check_resolved(in_dir("in/../in/./new"), in_dir("in/new"));
  check_resolved(in_dir("in/out/bin/env"), "/usr/bin/env");
  check_resolved("/", "/");
  check_resolved("/no-such-name", "/no-such-name");
  assert_int_equal(lab_file_resolve(in_dir("no/new"), full), -ENOENT);
  assert_int_equal(lab_file_resolve(in_dir("no/.."), full), -ENOENT);
  /* Writing there would make a file elsewhere. */
  assert_int_equal(lab_file_resolve(in_dir("in/dangling"), full), -ENOENT);
}

static void test_is_within(void **state) {
  (void)state;
  assert_true(lab_file_is_within("/a/b/c", "/a/b"));
  assert_true(lab_file_is_within("/a/b", "/a/b"));
  assert_false(lab_file_is_within("/a/bc", "/a/b"));
  assert_false(lab_file_is_within("/a", "/a/b"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_write_and_read),
      cmocka_unit_test(test_wait_for_disk),
      cmocka_unit_test(test_only_regular_files),
      cmocka_unit_test(test_make_dirs),
      cmocka_unit_test(test_resolve),
      cmocka_unit_test(test_is_within),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
