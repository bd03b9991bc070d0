/* SPDX-License-Identifier: MIT
 * What the kernel says about this process: when the process has a name that
 * looks like fields of /proc/self/stat, when no descriptor is free; and whether
 * a thread sleeps. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/process.h"
#include "guard_page.h"

/* Reads into memory that ends at an inaccessible page. */
static lab_process read_guarded(guard_page *g) {
  lab_process empty = {0};
  lab_process *p = (void *)guard_page_end(g, &empty, sizeof empty);
  lab_process_read(p);
  return *p;
}

static void a_name_can_not_forge_numbers(void **state) {
  static const char *const names[] = {
      "plain",          "",         ")",         ") R 1 2 3 4 5", "x) S (y",
      "))))))))))))))", "((((((((", "a b\tc\nd", "\xff\xfe) \x01"};
  guard_page g;
  (void)state;
  guard_page_open(&g, sizeof(lab_process));
  assert_int_equal(lab_process_open(), 0);
  const lab_process first = read_guarded(&g);
  assert_true(first.rss > 0 && first.virtual_bytes > first.rss);
  assert_true(first.threads > 0 && first.start_ns > 0);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    assert_int_equal(prctl(PR_SET_NAME, names[i]), 0);
    const lab_process now = read_guarded(&g);
    assert_true(now.threads == first.threads);
    assert_true(now.virtual_bytes >= first.virtual_bytes / 2 &&
                now.virtual_bytes <= first.virtual_bytes * 2);
    assert_true(now.rss > 0 && now.rss < now.virtual_bytes);
    assert_true(now.start_ns == first.start_ns);
    assert_int_equal(now.fds, first.fds);
  }
  guard_page_close(&g);
}

static void descriptors_are_counted_also_when_none_is_free(void **state) {
  enum { MORE = 100 };
  int opened[MORE];
  struct rlimit before, now;
  lab_process p;
  (void)state;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
  lab_process_read(&p);
  const uint64_t first = p.fds;
  for (int i = 0; i < MORE; i++)
    assert_true((opened[i] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0);
  lab_process_read(&p);
  assert_int_equal(p.fds, first + MORE);
  now = before;
  now.rlim_cur = (rlim_t)opened[MORE - 1] + 1;
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
  lab_process_read(&p);
  assert_true(p.fds == first + MORE || p.fds == now.rlim_cur);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
  for (int i = 0; i < MORE; i++)
    close(opened[i]);
  lab_process_read(&p);
  assert_int_equal(p.fds, first);
}

static int pipe_ends[2];
static atomic_int reader;

static void *read_pipe(void *arg) {
  char byte;
  atomic_store(&reader, gettid());
  assert_int_equal(read(pipe_ends[0], &byte, 1), 1);
  return arg;
}

static void a_thread_in_a_system_call_sleeps(void **state) {
  pthread_t thread;
  (void)state;
  assert_int_equal(pipe(pipe_ends), 0);
  assert_int_equal(pthread_create(&thread, NULL, read_pipe, NULL), 0);
  while (!atomic_load(&reader) || !lab_process_is_asleep(atomic_load(&reader)))
    sched_yield();
  assert_false(lab_process_is_asleep(gettid()));
  assert_int_equal(write(pipe_ends[1], "", 1), 1);
  pthread_join(thread, NULL);
  assert_true(lab_process_is_asleep(-1)); /* no thread */
  close(pipe_ends[0]);
  close(pipe_ends[1]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_name_can_not_forge_numbers),
      cmocka_unit_test(descriptors_are_counted_also_when_none_is_free),
      cmocka_unit_test(a_thread_in_a_system_call_sleeps),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
