/* SPDX-License-Identifier: MIT
 * A stack in a trace has LAB_TRACE_DEPTH lines at most, with its leaf and its
 * root, and one line counts exactly the calls that it lacks: also where it
 * lacks few of them, and where src/stack has left some out before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "inspect/trace_names.h"
#include "stack/stack.h"
#include "trace/names.h"

enum { DEEPEST = 1000 };

static uint32_t intern_calls(size_t n) {
  static lab_frame frames[DEEPEST];
  for (size_t i = 0; i < n; i++) {
    char name[32];
    snprintf(name, sizeof name, "call%zu", i);
    frames[i] = lab_frame_script(lab_func_pseudo(name), 0);
  }
  return lab_stack_intern(frames, n);
}

static void check_depth(size_t n) {
  lab_trace_frame out[LAB_TRACE_DEPTH];
  char root[32];
  size_t lines = lab_trace_name(intern_calls(n), out), left_out = 0, marks = 0;
  for (size_t i = 0; i < lines; i++)
    marks += sscanf(out[i].function, "[... %zu frames", &left_out) == 1;
  assert_int_equal(lines, n < LAB_TRACE_DEPTH ? n : LAB_TRACE_DEPTH);
  assert_int_equal(marks, n > LAB_TRACE_DEPTH);
  assert_int_equal(lines - marks + left_out, n);
  snprintf(root, sizeof root, "call%zu", n - 1);
  assert_string_equal(out[0].function, "call0");
  assert_string_equal(out[lines - 1].function, root);
}

static void test_depths(void **state) {
  (void)state;
  static const size_t depths[] = {1,   127, 128, 129, 130,
                                  255, 256, 257, 258, DEEPEST};
  for (size_t i = 0; i < sizeof depths / sizeof *depths; i++)
    check_depth(depths[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_depths)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
