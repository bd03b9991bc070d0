/* SPDX-License-Identifier: MIT
 * Crashes, in processes that are made for it: each leaves a message that names
 * the signal, the thread and the function, and still ends by its signal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/app.h"
#include "base/thread.h"
#include "stack/unwind.h"

void crash_by_null(void *arg);
void crash_by_abort(void *arg);
void crash_by_signal(void *arg);
void crash_by_recursion(void *arg);

/* Not static, so that the symbol table has them. */
__attribute__((noinline)) void crash_by_null(void *arg) {
  *(volatile int *)arg = 1;
}

__attribute__((noinline)) void crash_by_abort(void *arg) {
  (void)arg;
  abort();
}

__attribute__((noinline)) void crash_by_signal(void *arg) {
  (void)arg;
  raise(SIGBUS);
}

/* It ends, for the compiler's sake, but not on any stack. */
__attribute__((noinline)) void crash_by_recursion(void *arg) {
  volatile char room[1000];
  uintptr_t depth = (uintptr_t)arg;
  room[depth % sizeof room] = 1;
  if (depth < UINTPTR_MAX)
    crash_by_recursion((void *)(depth + 1));
  room[0] = room[depth % sizeof room]; /* no tail call */
}

static void child(void (*crash)(void *)) {
  static lab_app app;
  const struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none); /* no litter */
  signal(SIGSEGV, SIG_DFL);      /* cmocka has its own */
  signal(SIGBUS, SIG_DFL);
  lab_unwind_init();
  lab_app_watch_crashes(&app);
  lab_thread *thread;
  if (lab_thread_start(&thread, "victim", crash, NULL) == 0)
    lab_thread_join(thread);
  _exit(0);
}

/* What the child writes to standard error; how it ended in *STATUS. */
static char *message_of(void (*crash)(void *), int *status) {
  static char text[16384];
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  pid_t pid = fork();
  if (pid == 0) {
    dup2(ends[1], STDERR_FILENO);
    child(crash);
  }
  close(ends[1]);
  size_t len = 0;
  for (ssize_t n; (n = read(ends[0], text + len, sizeof text - 1 - len)) > 0;)
    len += (size_t)n;
  text[len] = '\0';
  close(ends[0]);
  assert_int_equal(waitpid(pid, status, 0), pid);
  return text;
}

static void check(void (*crash)(void *), int signal, const char *words,
                  const char *function) {
  int status;
  char *text = message_of(crash, &status);
  assert_true(WIFSIGNALED(status));
  assert_int_equal(WTERMSIG(status), signal);
  assert_true(strncmp(text, words, strlen(words)) == 0);
  assert_non_null(strstr(text, "\nthread=victim LWP="));
  char frame[64];
  snprintf(frame, sizeof frame, " %s+0x", function);
  assert_non_null(strstr(text, frame));
  assert_non_null(strstr(text, "core: "));
}

static void test_fault(void **state) {
  (void)state;
  check(crash_by_null, SIGSEGV, "SIGSEGV: segmentation violation\n",
        "crash_by_null");
  int status;
  assert_non_null(strstr(message_of(crash_by_null, &status), " addr=0x0\n"));
}

static void test_stack_overflow(void **state) {
  (void)state;
  check(crash_by_recursion, SIGSEGV, "SIGSEGV: segmentation violation\n",
        "crash_by_recursion");
  int status;
  const char *words = "\nthis looks like a stack overflow";
  assert_non_null(strstr(message_of(crash_by_recursion, &status), words));
  assert_null(strstr(message_of(crash_by_null, &status), words));
}

static void test_abort(void **state) {
  (void)state;
  check(crash_by_abort, SIGABRT, "SIGABRT: abort\n", "crash_by_abort");
}

static void test_raise(void **state) {
  (void)state;
  check(crash_by_signal, SIGBUS, "SIGBUS: bus error\n", "crash_by_signal");
}

/* Sanitizers have handlers of their own: ours must leave them alone. */
static bool has_foreign_handler(void) {
  struct sigaction now;
  sigaction(SIGSEGV, NULL, &now);
  return now.sa_handler != SIG_DFL;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_fault),
      cmocka_unit_test(test_stack_overflow),
      cmocka_unit_test(test_abort),
      cmocka_unit_test(test_raise),
  };
  if (has_foreign_handler())
    return 0;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
