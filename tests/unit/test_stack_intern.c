/* SPDX-License-Identifier: MIT
 * Function ids and stack ids: same content, same id, from any thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "base/rng.h"
#include "stack/intern.h"
#include "stack/numbers.h"
#include "stack/sources.h"
#include "stack/stack.h"

static uint32_t lua(const char *source, int line) {
  return lab_func_lua(source, strlen(source), line, 0);
}

static void test_frames(void **state) {
  (void)state;
  lab_frame f = lab_frame_script(0x7fffffff, 123456);
  assert_true(lab_frame_is_script(f));
  assert_int_equal(lab_frame_func(f), 0x7fffffff);
  assert_int_equal(lab_frame_line(f), 123456);
  assert_int_equal(lab_frame_line(lab_frame_script(1, -1)), 0);
  assert_false(lab_frame_is_script(0x7fffffffffff));
}

static void test_lua_functions(void **state) {
  (void)state;
  char buffer[] = "@/a/scenario.lua";
  uint32_t id = lua(buffer, 12);
  assert_int_not_equal(id, 0);
  buffer[2] = 'b'; /* Lua may reuse the memory of a chunk's name */
  uint32_t other = lua(buffer, 12);
  assert_int_not_equal(other, id);
  assert_int_equal(lua("@/a/scenario.lua", 12), id);
  assert_int_not_equal(lua("@/a/scenario.lua", 13), id);
  assert_int_not_equal(lab_func_lua("@/a/scenario.luax", 15, 12, 0), id);
  const lab_func *f = lab_func_get(id);
  assert_int_equal(f->kind, LAB_FUNC_LUA);
  assert_string_equal(f->source, "@/a/scenario.lua");
  assert_int_equal(f->line, 12);
  assert_null(f->name);
}

static void test_long_chunk_name(void **state) {
  (void)state;
  char text[5000];
  memset(text, 'x', sizeof text);
  uint32_t id = lab_func_lua(text, sizeof text, 1, 0);
  assert_int_equal(strlen(lab_func_get(id)->source), LAB_FUNC_NAME_MAX);
  text[LAB_FUNC_NAME_MAX - 1] = 'y';
  assert_int_not_equal(lab_func_lua(text, sizeof text, 1, 0), id);
}

static void test_c_and_pseudo_functions(void **state) {
  (void)state;
  static int a, b;
  assert_int_equal(lab_func_find_c(&a), 0);
  uint32_t id = lab_func_c(&a, "lab.copy_n", false);
  assert_int_equal(lab_func_c(&a, "another name", true), id);
  assert_int_equal(lab_func_find_c(&a), id);
  assert_string_equal(lab_func_get(id)->name, "lab.copy_n");
  assert_false(lab_func_get(id)->hidden);
  assert_true(lab_func_get(lab_func_c(&b, "lab.copy_n", true))->hidden);
  assert_int_not_equal(lab_func_find_c(&b), id);
  uint32_t gc = lab_func_pseudo("[lua gc]");
  assert_int_equal(lab_func_pseudo("[lua gc]"), gc);
  assert_int_not_equal(lua("[lua gc]", 0), gc);
  assert_null(lab_func_get(0));
  assert_null(lab_func_get(1000000));
}

static void test_stacks(void **state) {
  (void)state;
  lab_frame frames[] = {0x1000, 0x2000, lab_frame_script(1, 7)};
  uint32_t id = lab_stack_intern(frames, 3);
  assert_int_not_equal(id, 0);
  assert_int_equal(lab_stack_intern(frames, 3), id);
  assert_int_not_equal(lab_stack_intern(frames, 2), id);
  assert_int_equal(lab_stack_intern(frames, 0), 0);
  const lab_frame *kept;
  assert_int_equal(lab_stack_frames(id, &kept), 3);
  assert_memory_equal(kept, frames, sizeof frames);
  assert_ptr_not_equal(kept, frames);
  assert_int_equal(lab_stack_frames(0, &kept), 0);
  assert_int_equal(lab_stack_frames(UINT32_MAX, &kept), 0);
}

/* Also one that was shortened before. */
static void test_deep_stack_keeps_both_ends(void **state) {
  (void)state;
  lab_frame frames[LAB_STACK_DEPTH + 10];
  for (size_t i = 0; i < LAB_STACK_DEPTH + 10; i++)
    frames[i] = 0x5000 + i;
  uint32_t id = lab_stack_intern(frames, LAB_STACK_DEPTH + 10);
  const lab_frame *kept;
  size_t leaves = LAB_STACK_DEPTH - LAB_STACK_ROOTS - 1;
  assert_int_equal(lab_stack_frames(id, &kept), LAB_STACK_DEPTH);
  assert_memory_equal(kept, frames, leaves * sizeof *frames);
  assert_int_equal(lab_frame_count_left_out(kept[leaves]), 11);
  assert_memory_equal(kept + leaves + 1, frames + leaves + 11,
                      LAB_STACK_ROOTS * sizeof *frames);
  frames[leaves + 3] = lab_frame_left_out(500);
  id = lab_stack_intern(frames, LAB_STACK_DEPTH + 10);
  assert_int_equal(lab_stack_frames(id, &kept), LAB_STACK_DEPTH);
  assert_int_equal(lab_frame_count_left_out(kept[leaves]), 510);
  lab_stack_intern(frames, LAB_STACK_DEPTH);
  assert_int_equal(lab_frame_count_left_out(frames[0]), 0);
}

/* Threads make the same stacks and functions at the same time, in different
 * order; more than the first tables hold. */
enum { THREADS = 4, STACKS = 5000 };
static uint32_t ids[THREADS][STACKS];

static void *intern_all(void *arg) {
  uint32_t *mine = arg;
  uint64_t rng = (uintptr_t)arg;
  uint32_t first = (uint32_t)(lab_rng_next(&rng) % STACKS);
  for (uint32_t k = 0; k < STACKS; k++) {
    uint32_t i = (first + k) % STACKS;
    char name[32];
    int len = snprintf(name, sizeof name, "@thread%u.lua", i / 10);
    uint32_t func = lab_func_lua(name, (size_t)len, (int)(i % 10), 0);
    lab_frame frames[] = {lab_frame_script(func, (int)i), 0x77, i};
    mine[i] = lab_stack_intern(frames, 3);
    const lab_frame *kept;
    if (lab_stack_frames(mine[i], &kept) != 3 || kept[2] != i ||
        strcmp(lab_func_get(lab_frame_func(kept[0]))->source, name) != 0)
      mine[i] = 0;
  }
  return NULL;
}

static void test_threads(void **state) {
  (void)state;
  pthread_t threads[THREADS];
  for (int t = 0; t < THREADS; t++)
    assert_int_equal(pthread_create(&threads[t], NULL, intern_all, ids[t]), 0);
  for (int t = 0; t < THREADS; t++)
    pthread_join(threads[t], NULL);
  for (int i = 0; i < STACKS; i++) {
    assert_int_not_equal(ids[0][i], 0);
    for (int t = 1; t < THREADS; t++)
      assert_int_equal(ids[t][i], ids[0][i]);
  }
  assert_true(lab_stack_bytes() > STACKS * 3 * sizeof(lab_frame));
}

static const char *name_of_only_frame(uint32_t stack) {
  const lab_frame *frames;
  assert_int_equal(lab_stack_frames(stack, &frames), 1);
  const lab_func *f = lab_func_get(lab_frame_func(frames[0]));
  return f->name ? f->name : f->source;
}

/* What a script makes by load leaves room for what comes from files. */
static void test_room(void **state) {
  (void)state;
  static const char text[] = "function f() end\nfunction g() end\n";
  lab_sources_register("@/room.lua", "room", "/room.lua", text,
                       sizeof text - 1);
  assert_true(lab_sources_has("@/room.lua", 2, 0));
  assert_false(lab_sources_has("@/room.lua", 2, 1));
  assert_false(lab_sources_has("@/room.lua", 3, 0));
  assert_false(lab_sources_has("=room", 1, 0));
  uint32_t before = lab_func_lua("=before", 7, 1, 0);
  lab_frame old = lab_frame_script(before, 1);
  lab_stack_set_limit(0, 1, SIZE_MAX);
  assert_int_equal(lab_func_lua("=before", 7, 1, 0), before);
  assert_string_equal(lab_func_get(lab_func_lua("=after", 6, 1, 0))->name,
                      "[too many functions]");
  assert_string_equal(lab_func_get(lab_func_lua("@/room.lua", 10, 9, 0))->name,
                      "[too many functions]");
  lab_frame file = lab_frame_script(lab_func_lua("@/room.lua", 10, 2, 0), 2);
  assert_string_equal(name_of_only_frame(lab_stack_intern(&file, 1)),
                      "@/room.lua");
  assert_string_equal(name_of_only_frame(lab_stack_intern(&old, 1)),
                      "[too many different stacks]");
  lab_stack_set_limit(0, 1, 1);
  file = lab_frame_script(lab_func_lua("@/room.lua", 10, 1, 0), 1);
  assert_string_equal(lab_func_get(lab_frame_func(file))->name,
                      "[too many functions]");
  lab_stack_set_limit(0, 0, 0);
  assert_string_equal(name_of_only_frame(lab_stack_intern(&old, 1)), "=before");
}

static bool is_kept(uint64_t address) {
  lab_frame frame = address;
  const lab_frame *kept;
  return lab_stack_frames(lab_stack_intern(&frame, 1), &kept) == 1 &&
         kept[0] == frame;
}

/* Interns stacks until one isn't kept; returns how many were, or MOST. */
static uint64_t fill_stacks(uint64_t first, uint64_t most) {
  uint64_t n = 0;
  while (n < most && is_kept(first + n))
    n++;
  return n;
}

/* A step that takes all the room it can leaves some for each later one. */
static void test_room_of_visits(void **state) {
  (void)state;
  enum { MANY = 200000 };
  lab_stack_set_limit(0, 0, lab_stack_bytes() + (8 << 20));
  for (uint64_t visit = 1; visit <= 10; visit++) {
    lab_stack_begin_visit();
    uint64_t n = fill_stacks(visit << 32, MANY);
    assert_in_range(n, LAB_STACK_VISIT_ADDS, MANY - 1);
  }
  lab_stack_set_limit(20000, 0, 0);
  for (uint64_t visit = 11; visit <= 14; visit++) {
    lab_stack_begin_visit();
    assert_in_range(fill_stacks(visit << 32, MANY), LAB_STACK_VISIT_ADDS,
                    20000);
  }
  lab_stack_set_limit(0, 0, 0);
}

/* ---- giving back --------------------------------------------------------- */

static uint32_t intern_pair(uint64_t address) {
  lab_frame frames[] = {address, 0x7f};
  return lab_stack_intern(frames, 2);
}

static bool is_whole_pair(uint32_t id, uint64_t address) {
  const lab_frame *kept;
  return lab_stack_frames(id, &kept) == 2 && kept[0] == address;
}

static void begin_visits(int n) {
  for (int i = 0; i < n; i++)
    lab_stack_begin_visit();
}

/* Whoever makes few stacks keeps them. */
static void intern_many_pairs(uint64_t first) {
  for (uint64_t i = 0; i < 2 * LAB_STACK_KEPT; i++)
    assert_int_not_equal(intern_pair(first + i), 0);
}

static void test_stacks_of_left_visits(void **state) {
  (void)state;
  begin_visits(1);
  uint32_t left = intern_pair(0xa000000), kept = intern_pair(0xa000001),
           used = intern_pair(0xa000002);
  intern_many_pairs(0xb000000);
  begin_visits(1);
  assert_true(is_whole_pair(left, 0xa000000));
  assert_true(lab_stack_keep(kept));
  assert_int_equal(intern_pair(0xa000002), used);
  begin_visits(1);
  assert_string_equal(name_of_only_frame(left),
                      "[stack of a step left before]");
  assert_false(lab_stack_keep(left));
  assert_true(is_whole_pair(kept, 0xa000001));
  assert_true(is_whole_pair(used, 0xa000002));
  uint32_t again = intern_pair(0xa000000);
  assert_int_not_equal(again, left);
  assert_true(is_whole_pair(again, 0xa000000));
}

static void test_held_stacks(void **state) {
  (void)state;
  lab_stack_hold hold, late;
  begin_visits(1);
  uint32_t id = intern_pair(0xc000000);
  lab_stack_hold_begin(&hold);
  intern_many_pairs(0xd000000);
  begin_visits(3);
  assert_false(lab_stack_keep(id));
  assert_true(is_whole_pair(id, 0xc000000));
  lab_stack_hold_begin(&late);
  lab_stack_hold_end(&hold);
  begin_visits(1);
  assert_string_equal(name_of_only_frame(id), "[stack of a step left before]");
  lab_stack_hold_end(&late);
}

/* The numbers of stacks, too, take no memory for ever. */
static void test_endless_visits(void **state) {
  (void)state;
  begin_visits(3);
  size_t before = 0;
  for (uint64_t visit = 0; visit < 300; visit++) {
    intern_many_pairs(0xe000000 + visit * 2 * LAB_STACK_KEPT);
    begin_visits(1);
    if (visit == 10)
      before = lab_stack_bytes();
  }
  assert_in_range(lab_stack_bytes(), before / 2, before + before / 4);
}

/* Readers on other threads, with holds, beside visits that leave what they
 * read. */
static atomic_bool reading;

static void *read_held_stacks(void *arg) {
  uint64_t address = 0xf000000 + (uint64_t)(uintptr_t)arg * 0x1000000,
           wrong = 0;
  for (uint64_t i = 0; atomic_load(&reading); i++) {
    lab_stack_hold hold;
    lab_stack_hold_begin(&hold);
    uint32_t id = intern_pair(address + i);
    for (int k = 0; k < 10; k++)
      wrong += !is_whole_pair(id, address + i);
    lab_stack_hold_end(&hold);
  }
  return (void *)(uintptr_t)wrong;
}

static void test_readers_beside_visits(void **state) {
  (void)state;
  pthread_t threads[2];
  void *wrong;
  atomic_store(&reading, true);
  for (int t = 0; t < 2; t++)
    assert_int_equal(pthread_create(&threads[t], NULL, read_held_stacks,
                                    (void *)(uintptr_t)t),
                     0);
  for (uint64_t visit = 0; visit < 100; visit++) {
    intern_many_pairs(0x20000000 + visit * 0x10000);
    begin_visits(1);
  }
  atomic_store(&reading, false);
  for (int t = 0; t < 2; t++) {
    pthread_join(threads[t], &wrong);
    assert_null(wrong);
  }
}

static void test_numbers(void **state) {
  (void)state;
  enum { PLACES = 3 * LAB_NUMBERS_BLOCK + 5 };
  static lab_numbers n;
  static char things[PLACES];
  assert_null(lab_numbers_at(&n, 0));
  assert_null(lab_numbers_at(&n, LAB_NUMBERS_MAX - 1));
  for (uint32_t i = 0; i < PLACES; i++)
    lab_numbers_put(&n, i, &things[i]);
  int blocks = 0;
  for (uint32_t i = PLACES; i-- > 0;) {
    assert_ptr_equal(lab_numbers_at(&n, i), &things[i]);
    lab_numbers_block *b = lab_numbers_remove(&n, i);
    assert_int_equal(b != NULL, i % LAB_NUMBERS_BLOCK == 0 &&
                                    i + LAB_NUMBERS_BLOCK < PLACES);
    blocks += b != NULL;
    lab_numbers_free_block(b);
    assert_null(lab_numbers_at(&n, i));
  }
  assert_int_equal(blocks, 3);
}

/* Last: it leaves the table full. */
static void test_limit(void **state) {
  (void)state;
  lab_frame known[] = {0x123456}, fresh[] = {0x654321}, other[] = {0x111111};
  uint32_t id = lab_stack_intern(known, 1);
  lab_stack_set_limit(1, 0, 0);
  uint32_t full = lab_stack_intern(fresh, 1);
  assert_int_not_equal(full, id);
  assert_int_equal(lab_stack_intern(other, 1), full);
  assert_int_equal(lab_stack_intern(known, 1), id);
  const lab_frame *kept;
  assert_int_equal(lab_stack_frames(full, &kept), 1);
  assert_string_equal(lab_func_get(lab_frame_func(kept[0]))->name,
                      "[too many different stacks]");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_frames),
      cmocka_unit_test(test_lua_functions),
      cmocka_unit_test(test_long_chunk_name),
      cmocka_unit_test(test_c_and_pseudo_functions),
      cmocka_unit_test(test_stacks),
      cmocka_unit_test(test_deep_stack_keeps_both_ends),
      cmocka_unit_test(test_threads),
      cmocka_unit_test(test_room),
      cmocka_unit_test(test_room_of_visits),
      cmocka_unit_test(test_stacks_of_left_visits),
      cmocka_unit_test(test_held_stacks),
      cmocka_unit_test(test_endless_visits),
      cmocka_unit_test(test_readers_beside_visits),
      cmocka_unit_test(test_numbers),
      cmocka_unit_test(test_limit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
