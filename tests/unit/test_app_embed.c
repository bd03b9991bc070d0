/* SPDX-License-Identifier: MIT
 * A lab inside another program, by include/diaglab/diaglab.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/thread.h"
#include "diaglab/diaglab.h"

static char reply[4096];

/* A client on a thread of its own: one request, then the end of the lab. */
static void *client(void *arg) {
  static const char request[] = "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n";
  lab_app *app = arg;
  struct sockaddr_in to = {.sin_family = AF_INET,
                           .sin_port = htons((uint16_t)lab_port(app))};
  inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  size_t n = 0;
  if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0 &&
      write(fd, request, sizeof request - 1) > 0)
    for (ssize_t got; (got = read(fd, reply + n, sizeof reply - 1 - n)) > 0;)
      n += (size_t)got;
  close(fd);
  lab_stop(app);
  return NULL;
}

/* What the program had before lab_init. */
static void test_signals(void **state) {
  struct sigaction child;
  sigset_t blocked;
  (void)state;
  sigaction(SIGCHLD, NULL, &child);
  assert_true(child.sa_handler == SIG_DFL);
  pthread_sigmask(SIG_SETMASK, NULL, &blocked);
  assert_false(sigismember(&blocked, SIGPROF));
  assert_false(sigismember(&blocked, SIGURG));
  assert_true(sigismember(&blocked, SIGUSR1));
}

static void count_self(lab_thread *t, void *arg) {
  if (pthread_equal(t->handle, pthread_self()))
    ++*(int *)arg;
}

static int count_listed(void) {
  int n = 0;
  lab_thread_each(count_self, &n);
  return n;
}

typedef struct thread_counts {
  int all, open; /* those that take SIGPROF, as proc(5) says it */
} thread_counts;

static void count_open(lab_thread *t, void *arg) {
  thread_counts *counts = arg;
  char path[64], line[256];
  unsigned long long blocked = ~0ull;
  snprintf(path, sizeof path, "/proc/self/task/%d/status", (int)t->tid);
  FILE *f = fopen(path, "re");
  while (f && fgets(line, sizeof line, f))
    sscanf(line, "SigBlk: %llx", &blocked);
  if (f)
    fclose(f);
  counts->all++;
  counts->open += !(blocked >> (SIGPROF - 1) & 1);
}

static lab_app *start_app(unsigned workers) {
  char error[256];
  lab_config config;
  lab_app *app;
  lab_config_init(&config);
  config.listen = "127.0.0.1:0";
  config.workers = workers;
  if (lab_new(&app, &config, error, sizeof error))
    fail_msg("%s", error);
  return app;
}

static void end_app(lab_app *app) {
  lab_stop(app);
  lab_run(app);
  lab_free(app);
}

/* All of the lab's own threads do, whatever the one that starts them blocks. */
static void test_blocked_later(void **state) {
  (void)state;
  thread_counts counts;
  sigset_t prof;
  sigemptyset(&prof);
  sigaddset(&prof, SIGPROF);
  pthread_sigmask(SIG_BLOCK, &prof, NULL);
  lab_app *app = start_app(2);
  do { /* each of control, log, vm, worker-1, worker-2 enlists itself */
    counts = (thread_counts){0};
    lab_thread_each(count_open, &counts);
  } while (counts.all < 5);
  pthread_sigmask(SIG_UNBLOCK, &prof, NULL);
  assert_int_equal(counts.open, counts.all - 1);
  end_app(app);
}

/* A thread that was watched is the lab's, and listed once, while there is a
 * lab. */
static void test_watched_before(void **state) {
  (void)state;
  lab_watch_thread("main");
  assert_int_equal(count_listed(), 1);
  lab_app *app = start_app(0);
  assert_int_equal(count_listed(), 1);
  assert_string_equal(lab_thread_self()->name, "control");
  lab_unwatch_thread();
  assert_int_equal(count_listed(), 1);
  end_app(app);
  assert_int_equal(count_listed(), 0);
}

static void test_run_and_stop(void **state) {
  (void)state;
  lab_app *app = start_app(0);
  assert_in_range(lab_port(app), 1, 65535);
  pthread_t thread;
  pthread_create(&thread, NULL, client, app);
  lab_run(app);
  pthread_join(thread, NULL);
  lab_free(app);
  assert_non_null(strstr(reply, "200 OK"));
  assert_non_null(strstr(reply, "hello world"));
}

static void test_failure(void **state) {
  (void)state;
  char error[256] = "";
  lab_config config;
  lab_app *app;
  lab_config_init(&config);
  config.listen = "127.0.0.1:0";
  config.step = 9876;
  assert_true(lab_new(&app, &config, error, sizeof error) < 0);
  assert_non_null(strstr(error, "Invalid step 9876"));
}

/* Whoever makes a config may get its address wrong. */
static void test_wrong_address(void **state) {
  static const char *const wrong[] = {"", "localhost", "[:80", "[]:80"};
  (void)state;
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    char error[256] = "";
    lab_config config;
    lab_app *app;
    lab_config_init(&config);
    config.listen = wrong[i];
    assert_true(lab_new(&app, &config, error, sizeof error) < 0);
    assert_non_null(strstr(error, "is not of the form HOST:PORT"));
  }
}

/* Without descriptors there is no event loop, however few are missing. */
static void test_no_descriptors(void **state) {
  struct rlimit before, few;
  lab_config config;
  (void)state;
  int next = dup(STDERR_FILENO); /* the lowest one that is free */
  assert_true(next >= 0);
  close(next);
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
  few = before;
  lab_config_init(&config);
  config.listen = "127.0.0.1:0";
  for (int n = 0; n < 4; n++) {
    char error[256] = "";
    lab_app *app;
    few.rlim_cur = (rlim_t)(next + n);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    int rc = lab_new(&app, &config, error, sizeof error);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(rc, -EMFILE);
    assert_string_equal(error,
                        "can't make the event loop: too many open files");
  }
}

int main(void) {
  static const int before[] = {SIGPROF, SIGURG, SIGUSR1};
  sigset_t set;
  sigemptyset(&set);
  for (size_t i = 0; i < sizeof before / sizeof *before; i++)
    sigaddset(&set, before[i]);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  signal(SIGCHLD, SIG_IGN);
  if (lab_init())
    return 1;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_signals),
      cmocka_unit_test(test_failure),
      cmocka_unit_test(test_wrong_address),
      cmocka_unit_test(test_no_descriptors),
      cmocka_unit_test(test_watched_before),
      cmocka_unit_test(test_blocked_later),
      cmocka_unit_test(test_run_and_stop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
