/* SPDX-License-Identifier: MIT
 * Programs with a planted fault, by which torture.lua --selftest proves that it
 * finds each kind. PLANT names the program's answer to a refused allocation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/err.h"

enum { BLOCKS = 3, SIZE = 100 };

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

static int is_planted(const char *name) {
  return strcmp(TEXT(PLANT), name) == 0;
}

/* The faults that a program may have when P, which was refused, is NULL. OTHER
 * is a block of SIZE bytes. */
static void commit_fault(volatile char *p, volatile char *other) {
  static volatile int turns;
  if (is_planted("dereference") || is_planted("dereference_bare"))
    p[0] = 1;
  if (is_planted("abort"))
    abort();
  LAB_ASSERT(!is_planted("assertion"));
  while (is_planted("spin"))
    turns++;
  while (is_planted("sleep"))
    pause();
  if (is_planted("reuse")) {
    free((char *)other);
    other[0] = 1;
  }
}

/* cmocka prints the first KiB of what it says, and so not that it failed. */
static void compare_long_texts(void *p) {
  char text[2 * 1024];
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = 0;
  assert_string_equal(p ? text : "", text);
}

static void use_memory(void **state) {
  (void)state;
  for (int i = 0; i < BLOCKS; i++) {
    char *volatile other = malloc(SIZE); /* volatile: gcc mustn't drop them */
    char *volatile p = is_planted("memory") ? lab_xmalloc(SIZE) : malloc(SIZE);
    if (is_planted("expectation"))
      assert_non_null(p);
    if (is_planted("long_expectation"))
      compare_long_texts(p);
    if (!p && other)
      commit_fault(p, other);
    if (p)
      memset(p, 0, SIZE);
    if (p || !(is_planted("leak") || is_planted("reuse")))
      free(other);
    free(p);
  }
}

int main(void) {
  if (is_planted("dereference_bare")) { /* cmocka would catch the signal */
    use_memory(NULL);
    return 0;
  }
  const struct CMUnitTest tests[] = {cmocka_unit_test(use_memory)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
