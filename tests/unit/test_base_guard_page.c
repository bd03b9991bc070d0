/* SPDX-License-Identifier: MIT
 * The tests' own helper: a step outside the input must not go unnoticed. */
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "guard_page.h"

/* True if reading the byte at P ends a child process. */
static bool is_deadly(const volatile char *p) {
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    signal(SIGSEGV, SIG_DFL); /* cmocka's handler would tell of a failure */
    char byte = *p;
    _exit(byte == 0x7f); /* uses it */
  }
  int status;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

static void one_byte_outside_is_deadly(void **state) {
  guard_page g;
  (void)state;
  guard_page_open(&g, 100);
  const char *text = guard_page_end(&g, "text", 4);
  assert_memory_equal(text, "text", 4);
  assert_false(is_deadly(text + 3));
  assert_true(is_deadly(text + 4));
  text = guard_page_begin(&g, "text", 4);
  assert_memory_equal(text, "text", 4);
  assert_false(is_deadly(text));
  assert_true(is_deadly(text - 1));
  text = guard_page_end_string(&g, "");
  assert_false(is_deadly(text));
  assert_true(is_deadly(text + 1));
  assert_true(is_deadly(guard_page_end(&g, NULL, 0)));
  guard_page_close(&g);
}

static void has_the_room_that_was_asked_for(void **state) {
  static const size_t rooms[] = {0, 1, 4095, 4096, 4097, 100000};
  static char bytes[100000];
  (void)state;
  memset(bytes, 'x', sizeof bytes);
  for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
    guard_page g;
    guard_page_open(&g, rooms[i]);
    const char *copy = guard_page_end(&g, bytes, rooms[i]);
    assert_memory_equal(copy, bytes, rooms[i]);
    assert_true(is_deadly(copy + rooms[i]));
    copy = guard_page_begin(&g, bytes, rooms[i]);
    assert_memory_equal(copy, bytes, rooms[i]);
    assert_true(is_deadly(copy - 1));
    guard_page_close(&g);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_byte_outside_is_deadly),
      cmocka_unit_test(has_the_room_that_was_asked_for),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
