/* SPDX-License-Identifier: MIT
 * The counters: identities of MemStats while threads allocate and free, frees
 * on other threads, the rules of realloc, and the limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "base/thread.h"
#include "mem/mem.h"
#include "mem/memstats.h"
#include "mem/own.h"

enum { THREADS = 4, SLOTS = 200, ROUNDS = 200000, KIB = 1024 };

static lab_memstats read_stats(void) {
  lab_memstats s;
  lab_memstats_read(&s);
  return s;
}

static void check_identities(const lab_memstats *s) {
  assert_int_equal(s->heap_sys, s->heap_idle + s->heap_inuse);
  assert_true(s->heap_inuse <= s->heap_sys);
  assert_true(s->heap_released <= s->heap_idle);
  assert_int_equal(s->alloc, s->heap_alloc);
  assert_int_equal(s->heap_objects, s->mallocs - s->frees);
  assert_true(s->frees <= s->mallocs);
  assert_true(s->heap_alloc <= s->total_alloc);
  assert_int_equal(s->sys, s->heap_sys + s->stack_sys + s->mspan_sys +
                               s->mcache_sys + s->buck_hash_sys + s->gc_sys +
                               s->other_sys);
}

/* ---- churn --------------------------------------------------------------- */

typedef struct block {
  char *p;
  size_t size;
  bool own;
} block;

static atomic_int running;

static size_t random_size(uint64_t *seed) {
  uint64_t r = lab_rng_next(seed);
  return r % 100 == 0 ? 1 + (r >> 8) % (200 * KIB) : 1 + (r >> 8) % 500;
}

static void give_back(block *b) {
  if (b->own)
    lab_mem_own_free(b->p);
  else
    lab_mem_free(b->p, b->size);
  b->p = NULL;
}

static void renew(block *b, uint64_t *seed) {
  size_t size = random_size(seed);
  if (!b->p)
    b->own = lab_rng_next(seed) % 4 == 0;
  b->p = b->own ? lab_mem_own_realloc(b->p, size)
                : lab_mem_realloc(b->p, b->size, size);
  b->size = size;
  assert_non_null(b->p);
  b->p[0] = b->p[size - 1] = 1;
}

static void churn(void *arg) {
  uint64_t seed = (uintptr_t)arg;
  block blocks[SLOTS] = {0};
  for (int i = 0; i < ROUNDS; i++) {
    block *b = &blocks[lab_rng_next(&seed) % SLOTS];
    if (b->p && lab_rng_next(&seed) % 2)
      give_back(b);
    else
      renew(b, &seed);
  }
  for (int i = 0; i < SLOTS; i++)
    if (blocks[i].p)
      give_back(&blocks[i]);
  running--;
}

static void identities_hold_under_churn(void **state) {
  (void)state;
  lab_memstats before = read_stats(), last = before;
  lab_thread *threads[THREADS];
  running = THREADS;
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(lab_thread_start(&threads[i], "churn", churn,
                                      (void *)(uintptr_t)(i + 1)),
                     0);
  while (running > 0) {
    lab_memstats now = read_stats();
    check_identities(&now);
    assert_true(now.total_alloc >= last.total_alloc);
    assert_true(now.mallocs >= last.mallocs);
    assert_true(now.frees >= last.frees);
    last = now;
  }
  for (int i = 0; i < THREADS; i++)
    lab_thread_join(threads[i]);
  last = read_stats();
  check_identities(&last);
  assert_int_equal(last.heap_objects, before.heap_objects);
  assert_int_equal(last.heap_alloc, before.heap_alloc);
  assert_true(last.mallocs - before.mallocs > THREADS * ROUNDS / 4);
}

/* ---- one block ----------------------------------------------------------- */

static void counts_what_was_asked(void **state) {
  (void)state;
  lab_memstats a = read_stats();
  size_t app = lab_mem_app_bytes();
  void *p = lab_mem_alloc(100);
  lab_memstats b = read_stats();
  assert_int_equal(b.heap_alloc - a.heap_alloc, 100);
  assert_int_equal(b.total_alloc - a.total_alloc, 100);
  assert_int_equal(b.mallocs - a.mallocs, 1);
  assert_int_equal(lab_mem_app_bytes() - app, 100);
  lab_mem_free(p, 100);
  lab_memstats c = read_stats();
  assert_int_equal(c.heap_alloc, a.heap_alloc);
  assert_int_equal(c.total_alloc, b.total_alloc);
  assert_int_equal(c.frees - b.frees, 1);
  lab_mem_free(NULL, 0);
  assert_int_equal(read_stats().frees, c.frees);
}

static void growth_is_a_new_block(void **state) {
  (void)state;
  void *p = lab_mem_realloc(NULL, 7, 100); /* Lua's OLD is a type here */
  assert_non_null(p);
  memset(p, 'x', 100);
  lab_memstats a = read_stats();
  char *q = lab_mem_realloc(p, 100, 1000 * KIB);
  assert_non_null(q);
  assert_int_equal(q[99], 'x');
  lab_memstats b = read_stats();
  assert_int_equal(b.total_alloc - a.total_alloc, 1000 * KIB);
  assert_int_equal(b.heap_alloc - a.heap_alloc, 1000 * KIB - 100);
  assert_int_equal(b.mallocs - a.mallocs, 1);
  assert_int_equal(b.frees - a.frees, 1);
  assert_null(lab_mem_realloc(q, 1000 * KIB, 0));
  assert_int_equal(read_stats().heap_objects, a.heap_objects - 1);
}

static void shrinking_frees_the_difference(void **state) {
  (void)state;
  lab_memstats before = read_stats();
  char *p = lab_mem_alloc(1000 * KIB);
  assert_non_null(p);
  p[99] = 'x';
  lab_memstats a = read_stats();
  p = lab_mem_realloc(p, 1000 * KIB, 100);
  assert_non_null(p);
  assert_int_equal(p[99], 'x');
  lab_memstats b = read_stats();
  assert_int_equal(b.total_alloc, a.total_alloc);
  assert_int_equal(a.heap_alloc - b.heap_alloc, 1000 * KIB - 100);
  assert_int_equal(b.mallocs, a.mallocs);
  assert_int_equal(b.frees, a.frees);
  lab_mem_free(p, 100);
  assert_int_equal(read_stats().heap_alloc, before.heap_alloc);
}

static void own_memory_is_counted(void **state) {
  (void)state;
  lab_memstats a = read_stats();
  size_t app = lab_mem_app_bytes();
  char *text = lab_xstrdup("through base/alloc.h");
  char *zeros = lab_mem_own_calloc(1000, 100);
  assert_non_null(zeros);
  for (int i = 0; i < 100000; i++)
    assert_int_equal(zeros[i], 0);
  lab_memstats b = read_stats();
  assert_int_equal(b.heap_objects - a.heap_objects, 2);
  assert_true(b.heap_alloc - a.heap_alloc >= 100000);
  assert_int_equal(lab_mem_app_bytes(), app);
  assert_null(lab_mem_own_calloc(SIZE_MAX / 2, 4));
  zeros = lab_mem_own_realloc(zeros, 10);
  lab_mem_own_free(zeros);
  lab_xfree(text);
  assert_int_equal(read_stats().heap_alloc, a.heap_alloc);
  assert_int_equal(read_stats().heap_objects, a.heap_objects);
}

/* ---- a block freed by another thread ------------------------------------- */

static void free_it(void *arg) {
  lab_mem_free(arg, 5000);
}

static void another_thread_may_free(void **state) {
  (void)state;
  lab_memstats before = read_stats();
  for (int i = 0; i < 50; i++) {
    lab_thread *thread;
    void *p = lab_mem_alloc(5000);
    assert_int_equal(lab_thread_start(&thread, "freer", free_it, p), 0);
    lab_thread_join(thread);
  }
  lab_memstats after = read_stats();
  check_identities(&after);
  assert_int_equal(after.heap_alloc, before.heap_alloc);
  assert_int_equal(after.heap_objects, before.heap_objects);
}

/* ---- the limit ----------------------------------------------------------- */

static void the_limit_is_exact_for_large_blocks(void **state) {
  (void)state;
  lab_mem_set_limit(lab_mem_app_bytes() + 1000 * KIB);
  char *p = lab_mem_alloc(1000 * KIB);
  assert_non_null(p);
  p[0] = 'x';
  lab_memstats a = read_stats();
  assert_null(lab_mem_alloc(64 * KIB));
  assert_null(lab_mem_realloc(p, 1000 * KIB, 1000 * KIB + 1));
  lab_memstats b = read_stats();
  assert_int_equal(b.total_alloc, a.total_alloc);
  assert_int_equal(b.heap_alloc, a.heap_alloc);
  assert_int_equal(b.mallocs, a.mallocs);
  assert_int_equal(p[0], 'x');
  void *own = lab_mem_own_alloc(1000 * KIB);
  assert_non_null(own); /* the lab itself has no limit */
  lab_mem_own_free(own);
  lab_mem_free(p, 1000 * KIB);
  p = lab_mem_alloc(900 * KIB);
  assert_non_null(p);
  lab_mem_free(p, 900 * KIB);
  lab_mem_set_limit(0);
}

static void small_blocks_pass_it_by_one_step_at_most(void **state) {
  (void)state;
  static void *blocks[20 * KIB];
  size_t n = 0, most = lab_mem_app_bytes() + 1000 * KIB;
  lab_mem_set_limit(most);
  while (n < 20 * KIB && (blocks[n] = lab_mem_alloc(100)))
    n++;
  assert_true(n < 20 * KIB);
  assert_true(lab_mem_app_bytes() <= most + 64 * KIB);
  assert_true(lab_mem_app_bytes() + 100 > most);
  lab_mem_set_limit(0);
  void *more = lab_mem_alloc(100);
  assert_non_null(more);
  lab_mem_free(more, 100);
  while (n > 0)
    lab_mem_free(blocks[--n], 100);
}

/* Each allocation of some work fails once; the limit makes it fail. The work
 * gives up cleanly, and nothing is left over. */
static bool work(size_t *done) {
  char *p = NULL;
  size_t size = 0;
  while (*done < 20) {
    char *q = lab_mem_realloc(p, size, size + 64 * KIB);
    if (!q)
      break;
    p = q;
    size += 64 * KIB;
    ++*done;
  }
  lab_mem_free(p, size);
  return *done == 20;
}

static void work_survives_failure_at_every_step(void **state) {
  (void)state;
  size_t app = lab_mem_app_bytes();
  uint64_t objects = read_stats().heap_objects;
  for (size_t n = 0; n <= 20; n++) {
    size_t done = 0;
    lab_mem_set_limit(app + n * 64 * KIB + 1);
    assert_int_equal(work(&done), n == 20);
    assert_int_equal(done, n);
    assert_int_equal(lab_mem_app_bytes(), app);
    assert_int_equal(read_stats().heap_objects, objects);
  }
  lab_mem_set_limit(0);
  assert_null(lab_mem_alloc(SIZE_MAX));
  assert_null(lab_mem_alloc((size_t)PTRDIFF_MAX + 1));
  assert_int_equal(lab_mem_app_bytes(), app);
}

static int setup(void **state) {
  (void)state;
  return lab_mem_init();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(identities_hold_under_churn),
      cmocka_unit_test(counts_what_was_asked),
      cmocka_unit_test(growth_is_a_new_block),
      cmocka_unit_test(shrinking_frees_the_difference),
      cmocka_unit_test(own_memory_is_counted),
      cmocka_unit_test(another_thread_may_free),
      cmocka_unit_test(the_limit_is_exact_for_large_blocks),
      cmocka_unit_test(small_blocks_pass_it_by_one_step_at_most),
      cmocka_unit_test(work_survives_failure_at_every_step),
  };
  return cmocka_run_group_tests(tests, setup, NULL);
}
