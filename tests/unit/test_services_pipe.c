/* SPDX-License-Identifier: MIT
 * The ends of pipes to a child: which is whose, and that nothing stays open
 * where a process may have no more descriptors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "prof/files.h"
#include "prof/registry.h"
#include "services/pipe.h"

enum { LIMIT = 64, RESERVED = LIMIT / 4 };

static const bool all[3] = {true, true, true};

static int count_descriptors(void) {
  int n = 0;
  for (int fd = 0; fd < 1024; fd++)
    n += fcntl(fd, F_GETFD) >= 0;
  return n;
}

static size_t count_listed(void) {
  const lab_profile_kind *kind = lab_registry_find("lab.OpenFiles");
  return kind->count(kind);
}

static void expect_byte(int from, int to) {
  char c = 0;
  assert_int_equal(write(from, "x", 1), 1);
  assert_int_equal(read(to, &c, 1), 1);
  assert_int_equal(c, 'x');
}

static void the_child_reads_from_the_first(void **state) {
  lab_pipe_ends ends = {0};
  int before = count_descriptors();
  (void)state;
  assert_int_equal(lab_pipe_ends_make(&ends, all, 0, 0), 0);
  assert_int_equal(count_descriptors(), before + 6);
  assert_int_equal(count_listed(), 3); /* the child's aren't the step's */
  expect_byte(ends.ours[0], ends.theirs[0]);
  expect_byte(ends.theirs[1], ends.ours[1]);
  expect_byte(ends.theirs[2], ends.ours[2]);
  for (int i = 0; i < 3; i++) {
    assert_true(fcntl(ends.ours[i], F_GETFL) & O_NONBLOCK);
    assert_false(fcntl(ends.theirs[i], F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(ends.ours[i], F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(ends.theirs[i], F_GETFD) & FD_CLOEXEC);
  }
  lab_pipe_ends_close_theirs(&ends);
  assert_int_equal(count_descriptors(), before + 3);
  assert_int_equal(write(ends.ours[0], "x", 1), -1);
  assert_int_equal(errno, EPIPE);
  lab_pipe_ends_close_ours(&ends);
  lab_pipe_ends_close_ours(&ends);
  assert_int_equal(count_descriptors(), before);
  assert_int_equal(count_listed(), 0);
}

static void only_those_that_are_wanted(void **state) {
  static const bool wanted[3] = {false, true, false};
  lab_pipe_ends ends = {0};
  (void)state;
  assert_int_equal(lab_pipe_ends_make(&ends, wanted, 0, 0), 0);
  assert_true(ends.ours[1] > 2 && ends.theirs[1] > 2);
  assert_int_equal(ends.ours[0] + ends.ours[2], 0);
  assert_int_equal(ends.theirs[0] + ends.theirs[2], 0);
  lab_pipe_ends_close_theirs(&ends);
  lab_pipe_ends_close_ours(&ends);
}

/* All pipes, of which the lab's part of the process's descriptors has none; or
 * none. */
static bool try_to_make(void) {
  lab_pipe_ends ends = {0};
  int before = count_descriptors();
  int rc = lab_pipe_ends_make(&ends, all, 0, 0);
  for (int i = 0; i < 3; i++)
    assert_true(rc ? !ends.ours[i] && !ends.theirs[i]
                   : ends.ours[i] < LIMIT - RESERVED);
  if (rc)
    assert_int_equal(rc, -EMFILE);
  lab_pipe_ends_close_theirs(&ends);
  lab_pipe_ends_close_ours(&ends);
  assert_int_equal(count_descriptors(), before);
  assert_int_equal(count_listed(), 0);
  return rc == 0;
}

/* With any number of descriptors left. */
static void all_or_none(void **state) {
  struct rlimit limit, small;
  int fillers[LIMIT], n = 0, made = 0;
  (void)state;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
  small = limit;
  small.rlim_cur = LIMIT;
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &small), 0);
  do {
    made += try_to_make();
    fillers[n] = open("/dev/null", O_RDONLY | O_CLOEXEC);
  } while (fillers[n++] >= 0);
  for (int i = 0; i < n - 1; i++)
    close(fillers[i]);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
  assert_true(made > 5 && n - made > RESERVED);
}

static int set_up(void **state) {
  (void)state;
  signal(SIGPIPE, SIG_IGN);
  lab_registry_add_files();
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_child_reads_from_the_first),
      cmocka_unit_test(only_those_that_are_wanted),
      cmocka_unit_test(all_or_none),
  };
  return cmocka_run_group_tests(tests, set_up, NULL);
}
