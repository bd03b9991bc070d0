/* SPDX-License-Identifier: MIT
 * What the handbook explains with MemStats: freed memory stays with the process
 * as idle pages until it is released. MemStats and the kernel's RSS must agree
 * on that. Also the scavenger's rule, size classes and the collector's numbers.
 * libc's heap knows no idle pages, so these tests are skipped with it. */
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
#include "base/clock.h"
#include "base/thread.h"
#include "mem/mem.h"
#include "mem/memstats.h"
#include "mem/scavenge.h"

#if LAB_ALLOC_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif

#define MIB ((size_t)1 << 20)
enum { BLOCKS = 5 };

static lab_memstats read_stats(void) {
  lab_memstats s;
  lab_memstats_read(&s);
  assert_int_equal(s.heap_sys, s.heap_idle + s.heap_inuse);
  assert_true(s.heap_released <= s.heap_idle);
  return s;
}

static void allocate(char *blocks[BLOCKS]) {
  for (int i = 0; i < BLOCKS; i++) {
    blocks[i] = lab_mem_alloc(10 * MIB);
    assert_non_null(blocks[i]);
    memset(blocks[i], 1, 10 * MIB);
  }
}

static void give_back(char *blocks[BLOCKS]) {
  for (int i = 0; i < BLOCKS; i++)
    lab_mem_free(blocks[i], 10 * MIB);
}

#if LAB_ALLOC_JEMALLOC

static size_t rss(void) {
  unsigned long total, resident;
  FILE *f = fopen("/proc/self/statm", "r");
  assert_non_null(f);
  assert_int_equal(fscanf(f, "%lu %lu", &total, &resident), 2);
  fclose(f);
  return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static void assert_near(size_t a, size_t b, size_t tolerance) {
  assert_in_range(a, b > tolerance ? b - tolerance : 0, b + tolerance);
}

static void idle_memory_stays_until_released(void **state) {
  (void)state;
  char *blocks[BLOCKS];
  lab_memstats start = read_stats();
  allocate(blocks);
  size_t rss_live = rss();
  lab_memstats live = read_stats();
  assert_true(live.heap_inuse - start.heap_inuse >= 50 * MIB);
  give_back(blocks);

  /* Freed: nothing in use, all of it idle, none of it returned. */
  for (int i = 0; i < 10; i++) {
    allocate(blocks);
    give_back(blocks);
  }
  lab_memstats idle = read_stats();
  assert_int_equal(idle.heap_alloc, start.heap_alloc);
  assert_true(idle.heap_idle >= 50 * MIB);
  assert_true(idle.heap_released < MIB);
  assert_near(rss(), rss_live, 5 * MIB);
  assert_true(idle.heap_sys < 70 * MIB);
  assert_int_equal(idle.total_alloc - start.total_alloc, 550 * MIB);

  /* Released: MemStats and the kernel agree. */
  size_t rss_idle = rss();
  size_t returned = lab_mem_release();
  lab_memstats released = read_stats();
  assert_true(returned >= 50 * MIB);
  assert_int_equal(released.heap_released - idle.heap_released, returned);
  assert_true(rss_idle - rss() >= 45 * MIB);
  assert_int_equal(released.heap_sys, idle.heap_sys);

  /* Used again: taken from what was released, no new address space. */
  allocate(blocks);
  lab_memstats again = read_stats();
  assert_true(released.heap_released - again.heap_released >= 48 * MIB);
  assert_near(again.heap_sys, idle.heap_sys, 16 * MIB);
  give_back(blocks);
}

/* A step that is left has filled much memory with what tables and tasks need.
 * What the arena needs to describe that stays, so it must be little. */
static void small_blocks_leave_little(void **state) {
  (void)state;
  static const size_t sizes[] = {64, 768};
  static void *blocks[40 * MIB / 64];
  for (size_t i = 0; i < 2; i++) {
    size_t n = 40 * MIB / sizes[i];
    lab_memstats before = read_stats();
    for (size_t k = 0; k < n; k++)
      assert_non_null(blocks[k] = lab_mem_alloc(sizes[i]));
    for (size_t k = 0; k < n; k++)
      lab_mem_free(blocks[k], sizes[i]);
    lab_mem_release();
    lab_memstats after = read_stats();
    assert_in_range(after.mspan_inuse - before.mspan_inuse, 0, 40 * MIB / 80);
  }
}

/* What the hooks counted, compared with jemalloc's own three kinds of pages
 * that have memory. They must be equal here, because nothing else runs. */
static void hooks_count_what_jemalloc_has(void **state) {
  (void)state;
  static const char *kinds[] = {"pactive", "pdirty", "pmuzzy"};
  char name[64];
  unsigned arenas;
  size_t size = sizeof arenas, pages, total = 0;
  lab_memstats s = read_stats(); /* refreshes jemalloc's numbers as well */
  assert_int_equal(mallctl("arenas.narenas", &arenas, &size, NULL, 0), 0);
  size = sizeof(size_t);
  for (int i = 0; i < 3; i++) {
    snprintf(name, sizeof name, "stats.arenas.%u.%s", arenas - 1, kinds[i]);
    assert_int_equal(mallctl(name, &pages, &size, NULL, 0), 0);
    total += pages * 4096;
  }
  assert_int_equal(s.heap_sys - s.heap_released, total);
  assert_true(s.mspan_inuse > 0 && s.mspan_inuse <= s.mspan_sys);
}

/* jemalloc maps more than it was asked for. What was never used has no memory,
 * so it isn't idle: nobody could give it back. */
static void unused_space_is_not_idle(void **state) {
  (void)state;
  for (size_t size = MIB; size <= 64 * MIB; size *= 2) {
    char *block = lab_mem_alloc(size);
    assert_non_null(block);
    memset(block, 1, size);
    lab_mem_free(block, size);
    lab_memstats s = read_stats();
    assert_true(s.heap_idle - s.heap_released < rss());
  }
  lab_mem_release();
  lab_memstats s = read_stats();
  assert_int_equal(s.heap_idle, s.heap_released);
}

static void most_freed_is_not_most_returned(void **state) {
  (void)state;
  enum { COUNT = 200000, SIZE = 100 };
  static void *blocks[COUNT];
  lab_mem_release();
  lab_memstats before = read_stats();
  for (int i = 0; i < COUNT; i++)
    blocks[i] = lab_mem_alloc(SIZE);
  for (int i = 0; i < COUNT; i++)
    if (i % 50)
      lab_mem_free(blocks[i], SIZE);
  lab_mem_release();
  lab_memstats after = read_stats();
  assert_int_equal(after.heap_alloc - before.heap_alloc, COUNT / 50 * SIZE);
  assert_true(after.heap_inuse - before.heap_inuse > 10 * MIB);
  for (int i = 0; i < COUNT; i += 50)
    lab_mem_free(blocks[i], SIZE);
}

static void size_classes_count_small_blocks(void **state) {
  (void)state;
  enum { COUNT = 10000, SIZE = 100, CLASS = 112 };
  static void *blocks[COUNT];
  lab_memstats a = read_stats();
  for (int i = 0; i < COUNT; i++)
    blocks[i] = lab_mem_alloc(SIZE);
  lab_memstats b = read_stats();
  assert_int_equal(b.by_size[0].size, 0);
  int i = 1;
  while (b.by_size[i].size < SIZE)
    assert_true(b.by_size[i].size < b.by_size[i + 1].size), i++;
  assert_int_equal(b.by_size[i].size, CLASS);
  uint64_t more = b.by_size[i].mallocs - a.by_size[i].mallocs;
  assert_in_range(more, COUNT - 1000, COUNT + 1000); /* caches */
  for (int j = 0; j < COUNT; j++)
    lab_mem_free(blocks[j], SIZE);
  lab_memstats c = read_stats();
  assert_true(c.by_size[i].frees - b.by_size[i].frees >= COUNT - 1000);
  assert_true(c.mcache_inuse > 0 && c.mcache_inuse < 2 * MIB);
}

/* What a library allocates with malloc is not in the heap. */
static void malloc_is_other_memory(void **state) {
  (void)state;
  lab_memstats a = read_stats();
  char *p = malloc(20 * MIB);
  assert_non_null(p);
  p[0] = 1;
  lab_memstats b = read_stats();
  assert_true(b.other_sys - a.other_sys >= 20 * MIB);
  assert_int_equal(b.heap_sys, a.heap_sys);
  assert_int_equal(b.heap_alloc, a.heap_alloc);
  free(p);
}

#endif

/* ---- with any heap ------------------------------------------------------- */

static void scavenger_waits_for_quiet(void **state) {
  (void)state;
  char *blocks[BLOCKS];
  uint64_t now = lab_clock_mono();
  lab_mem_set_scavenge(10);
  allocate(blocks);
  give_back(blocks);
  uint64_t released = read_stats().heap_released;
  assert_false(lab_scavenge_tick_at(now += LAB_SECOND));
  assert_false(lab_scavenge_tick_at(now + 9 * LAB_SECOND));
  void *p = lab_mem_alloc(64 << 10); /* busy again */
  lab_mem_free(p, 64 << 10);
  assert_false(lab_scavenge_tick_at(now += 10 * LAB_SECOND));
  p = lab_mem_alloc(1000); /* too small to count */
  lab_mem_free(p, 1000);
  assert_true(read_stats().heap_released <= released);
  assert_true(lab_scavenge_tick_at(now += 10 * LAB_SECOND));
#if LAB_ALLOC_JEMALLOC
  assert_true(read_stats().heap_released >= released + 45 * MIB);
#endif
  assert_false(lab_scavenge_tick_at(now += LAB_SECOND));
}

static void scavenger_always_or_never(void **state) {
  (void)state;
  uint64_t now = lab_clock_mono() + 3600 * LAB_SECOND;
  lab_mem_set_scavenge(-1);
  assert_false(lab_scavenge_tick_at(now += 3600 * LAB_SECOND));
  lab_mem_set_scavenge(0);
  assert_true(lab_scavenge_tick_at(now));
  assert_true(lab_scavenge_tick_at(now));
}

/* What a scenario frees waits for a quiet time, and that may be never. */
static void what_the_lab_frees_goes_soon(void **state) {
  enum { PIECE = 1000, PIECES = LAB_SCAVENGE_FALL / PIECE * 2 };
  static void *pieces[PIECES];
  char *blocks[BLOCKS];
  uint64_t now = lab_clock_mono();
  (void)state;
  lab_mem_set_scavenge(-1);
  lab_scavenge_tick_at(now); /* what was freed before */
  allocate(blocks);
  give_back(blocks);
  assert_false(lab_scavenge_tick_at(now));
  lab_mem_own_free(lab_mem_own_alloc(2 * LAB_SCAVENGE_FALL));
  assert_true(lab_scavenge_tick_at(now));
  assert_false(lab_scavenge_tick_at(now));
  lab_mem_own_free(lab_mem_own_alloc(LAB_SCAVENGE_FALL / 2));
  assert_false(lab_scavenge_tick_at(now));
  for (int i = 0; i < PIECES; i++)
    pieces[i] = lab_counted_realloc(NULL, 0, PIECE);
  for (int i = 0; i < PIECES; i++)
    lab_counted_free(pieces[i], PIECE);
  assert_true(lab_scavenge_tick_at(now));
  for (int i = 0; i < PIECES; i++)
    pieces[i] = lab_mem_own_alloc(PIECE);
  assert_false(lab_scavenge_tick_at(now));
  for (int i = 0; i < PIECES; i++)
    lab_mem_own_free(pieces[i]);
  assert_true(lab_scavenge_tick_at(now));
  assert_false(lab_scavenge_tick_at(now));
}

static void cycles_of_the_collector(void **state) {
  (void)state;
  uint64_t before = lab_clock_real();
  for (uint64_t i = 0; i < 300; i++)
    lab_memstats_gc_cycle(1000 + i, 10, 5000 + i, i % 3 == 0);
  lab_memstats s = read_stats();
  assert_int_equal(s.num_gc, 300);
  assert_int_equal(s.num_forced_gc, 100);
  assert_int_equal(s.next_gc, 5299);
  assert_int_equal(s.pause_ns[(s.num_gc + 255) % 256], 1299);
  assert_int_equal(s.pause_ns[s.num_gc % 256], 1044); /* the oldest kept */
  assert_int_equal(s.pause_total_ns, 300 * 1000 + 299 * 300 / 2);
  assert_true(s.last_gc >= before && s.last_gc <= lab_clock_real());
  assert_int_equal(s.pause_end[(s.num_gc + 255) % 256], s.last_gc);
  assert_true(s.gc_cpu_fraction > 0 && s.gc_cpu_fraction <= 1);
  assert_true(s.enable_gc && !s.debug_gc);
}

static void the_rest_of_sys(void **state) {
  (void)state;
  lab_memstats a = read_stats();
  lab_thread *self = lab_thread_adopt("test");
  lab_memstats_add_buck_hash(1000);
  lab_memstats b = read_stats();
  assert_int_equal(b.stack_sys - a.stack_sys, self->stack_size);
  assert_int_equal(b.buck_hash_sys - a.buck_hash_sys, 1000);
  assert_true(b.gc_sys > 0 && b.max_rss >= MIB);
  lab_memstats_add_buck_hash(-1000);
  lab_thread_abandon();
  assert_int_equal(read_stats().buck_hash_sys, a.buck_hash_sys);
}

static int setup(void **state) {
  (void)state;
  return lab_mem_init();
}

int main(void) {
  const struct CMUnitTest tests[] = {
#if LAB_ALLOC_JEMALLOC
    cmocka_unit_test(idle_memory_stays_until_released),
    cmocka_unit_test(small_blocks_leave_little),
    cmocka_unit_test(hooks_count_what_jemalloc_has),
    cmocka_unit_test(unused_space_is_not_idle),
    cmocka_unit_test(most_freed_is_not_most_returned),
    cmocka_unit_test(size_classes_count_small_blocks),
    cmocka_unit_test(malloc_is_other_memory),
#endif
    cmocka_unit_test(scavenger_waits_for_quiet),
    cmocka_unit_test(scavenger_always_or_never),
    cmocka_unit_test(what_the_lab_frees_goes_soon),
    cmocka_unit_test(cycles_of_the_collector),
    cmocka_unit_test(the_rest_of_sys),
  };
  return cmocka_run_group_tests(tests, setup, NULL);
}
