/* SPDX-License-Identifier: MIT
 * Times become numbers of samples, and nobody gets those of others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "prof/spread.h"
#include "stack/stack.h"

enum { MS = 1000000, ROWS = 4000 };

static lab_spread_row rows[ROWS];

/* The function LEAF at LINE, called by main at the line CALLER. */
static uint32_t stack_of(const char *leaf, int line, int caller) {
  const lab_frame frames[] = {
      lab_frame_script(lab_func_pseudo(leaf), line),
      lab_frame_script(lab_func_pseudo("main"), caller)};
  return lab_stack_intern(frames, 2);
}

static void set_row(size_t i, uint32_t stack, int64_t ns) {
  rows[i] = (lab_spread_row){.stack = stack, .label = 7, .ns = ns};
}

static int64_t count_of(const char *leaf, size_t n) {
  uint32_t func = lab_func_pseudo(leaf);
  int64_t sum = 0;
  for (size_t i = 0; i < n; i++) {
    const lab_frame *frames;
    lab_stack_frames(rows[i].stack, &frames);
    if (lab_frame_func(frames[0]) == func)
      sum += rows[i].count;
  }
  return sum;
}

/* A stack for each line, as of a recording with a higher rate. */
static void tiny_rows_have_their_shares(void **state) {
  (void)state;
  for (int i = 0; i < ROWS; i++)
    set_row((size_t)i, stack_of(i % 4 ? "often" : "rare", i, 1), MS / 2);
  lab_spread_count(rows, ROWS, 50 * MS);
  int64_t often = count_of("often", ROWS), rare = count_of("rare", ROWS);
  assert_int_equal(often + rare, 40);
  assert_in_range(often, 29, 31);
}

/* Each of 2000 callers calls both: a hundred rows make a sample, so that it
 * would always be the same one's. */
static void two_in_turns_have_a_half_each(void **state) {
  (void)state;
  for (int i = 0; i < ROWS; i++)
    set_row((size_t)i, stack_of(i % 2 ? "ping" : "pong", 1, i / 2), MS / 2);
  lab_spread_count(rows, ROWS, 50 * MS);
  int64_t ping = count_of("ping", ROWS), pong = count_of("pong", ROWS);
  assert_int_equal(ping + pong, 40);
  assert_in_range(ping, 10, 30);
}

static void one_of_a_hundred_is_not_counted_up(void **state) {
  (void)state;
  set_row(0, stack_of("large", 1, 1), 990 * MS);
  set_row(1, stack_of("small", 1, 1), 10 * MS);
  lab_spread_count(rows, 2, 50 * MS);
  assert_int_equal(count_of("large", 2), 20);
  assert_int_equal(count_of("small", 2), 0);
}

/* A clock that is a little late, as of a recording that is alone. */
static void whole_samples_stay_whole(void **state) {
  (void)state;
  for (int i = 0; i < 40; i++)
    set_row((size_t)i, stack_of("f", i, 1), 10 * MS + i * 1000);
  lab_spread_count(rows, 40, 10 * MS);
  for (int i = 0; i < 40; i++)
    assert_int_equal(rows[i].count, 1);
}

/* What counts is what is there, and not who was seen first. */
static void the_order_of_rows_is_their_own(void **state) {
  static lab_spread_row first[100];
  (void)state;
  for (int i = 0; i < 100; i++)
    set_row((size_t)i, stack_of("f", i, 1), 7 * MS);
  lab_spread_count(rows, 100, 10 * MS);
  memcpy(first, rows, sizeof first);
  for (int i = 0; i < 100; i++)
    set_row((size_t)i, stack_of("f", 99 - i, 1), 7 * MS);
  lab_spread_count(rows, 100, 10 * MS);
  for (int i = 0; i < 100; i++) {
    assert_int_equal(rows[i].stack, first[i].stack);
    assert_int_equal(rows[i].count, first[i].count);
  }
  lab_spread_count(NULL, 0, 10 * MS);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tiny_rows_have_their_shares),
      cmocka_unit_test(two_in_turns_have_a_half_each),
      cmocka_unit_test(one_of_a_hundred_is_not_counted_up),
      cmocka_unit_test(whole_samples_stay_whole),
      cmocka_unit_test(the_order_of_rows_is_their_own),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
