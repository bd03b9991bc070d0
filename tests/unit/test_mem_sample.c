/* SPDX-License-Identifier: MIT
 * Heap sampling: its statistics, exact numbers at rate 1, and samples that
 * follow their blocks through realloc, failures and other threads.
 *
 * Statistics. A block of n bytes is sampled with probability p = 1 -
 * exp(-n/rate), independently of all others, because the points of a Poisson
 * process in separate intervals are independent. Each of N such blocks adds to
 * the estimate of their number 1/p with probability p and 0 otherwise: mean 1,
 * mean square 1/p, hence variance 1/p - 1. The estimate of N thus has the
 * standard deviation sqrt(N (1 - p) / p); that of the bytes n times as much.
 *
 * Seeds are fixed, so a run that is within 3 deviations today will always be.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/thread.h"
#include "mem/counters.h"
#include "mem/mem.h"
#include "mem/memstats.h"
#include "mem/own.h"
#include "mem/sample.h"

enum { STACK = 7, LABEL = 3, OWNER = 5, RATE = 512 << 10 };

/* ---- a sink that adds up; its callbacks run under the sampler's lock ------
 */

static struct {
  uint64_t allocated, freed; /* samples */
  double objects, bytes;     /* estimates of what was allocated */
  double live_objects, live_bytes;
  lab_mem_sample last_allocated, last_freed;
} seen;

static uint32_t stack_to_give;
static bool allocate_in_capture;

static void capture(lab_mem_sample *s) {
  if (allocate_in_capture) { /* forbidden, yet it must not recurse */
    void *p = lab_mem_alloc(10);
    lab_mem_free(p, 10);
  }
  s->label = LABEL;
  s->owner = OWNER;
  s->stack = stack_to_give;
}

static void on_allocated(lab_mem_sample *s) {
  seen.allocated++;
  seen.objects += s->weight;
  seen.bytes += s->weight * (double)s->size;
  seen.live_objects += s->weight;
  seen.live_bytes += s->weight * (double)s->size;
  seen.last_allocated = *s;
}

static void on_freed(const lab_mem_sample *s) {
  seen.freed++;
  seen.live_objects -= s->weight;
  seen.live_bytes -= s->weight * (double)s->size;
  seen.last_freed = *s;
}

static void on_shrunk(const lab_mem_sample *was, lab_mem_sample *now) {
  assert_true(now->size < was->size && now->weight >= was->weight);
  assert_int_equal(now->stack, was->stack);
  assert_int_equal(now->owner, OWNER);
  seen.live_objects += now->weight - was->weight;
  seen.live_bytes += now->weight * (double)now->size;
  seen.live_bytes -= was->weight * (double)was->size;
}

static const lab_mem_sink sink = {capture, on_allocated, on_freed, on_shrunk};

/* A new experiment: rate RATE from here on, points drawn from SEED. */
static void start(uint64_t rate, uint64_t seed) {
  lab_mem_thread *t = lab_mem_self();
  t->rng = seed;
  t->fuel = t->rest = 0; /* draw the first distance anew */
  lab_mem_set_rate(rate);
  lab_mem_set_sink(&sink);
  stack_to_give = STACK;
  allocate_in_capture = false;
  memset(&seen, 0, sizeof seen);
}

static void start_exact(void) {
  start(1, 1);
}

/* ---- the law ------------------------------------------------------------- */

static double probability(double size, double rate) {
  return 1 - exp(-size / rate);
}

static void check_estimate(double estimate, double count, double size) {
  double p = probability(size, RATE);
  double deviation = sqrt(count * (1 - p) / p);
  if (fabs(estimate - count) > 3 * deviation)
    print_message("%.0f of %.0f x %.0f B: %.1f deviations\n", estimate, count,
                  size, (estimate - count) / deviation);
  assert_true(fabs(estimate - count) <= 3 * deviation);
}

static void allocate_and_free(size_t count, size_t size) {
  for (size_t i = 0; i < count; i++) {
    void *p = lab_mem_alloc(size);
    assert_non_null(p);
    lab_mem_free(p, size);
  }
}

static void check_law(size_t count, size_t size, uint64_t seed) {
  start(RATE, seed);
  allocate_and_free(count, size);
  check_estimate(seen.objects, (double)count, (double)size);
  check_estimate(seen.bytes / (double)size, (double)count, (double)size);
  assert_true(seen.last_allocated.weight >= 1);
  assert_int_equal(seen.last_allocated.stack, STACK);
  assert_int_equal(seen.last_allocated.label, LABEL);
  assert_int_equal(seen.allocated, seen.freed);
  assert_true(fabs(seen.live_bytes) < 1e-3 * (double)size);
}

static void megabytes_obey_the_law(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 5; seed++)
    check_law(1000, 1000000, seed);
}

static void small_objects_obey_the_law(void **state) {
  (void)state;
  check_law(10000000, 100, 1);
}

/* Ten runs together show a bias that is smaller than the noise of one. */
static void there_is_no_bias(void **state) {
  (void)state;
  static const size_t sizes[] = {3000, 70000, 400000, 3000000};
  enum { RUNS = 10, COUNT = 1000 };
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    double total = 0;
    for (uint64_t seed = 1; seed <= RUNS; seed++) {
      start(RATE, seed);
      allocate_and_free(COUNT, sizes[i]);
      total += seen.objects;
    }
    check_estimate(total, RUNS * COUNT, (double)sizes[i]);
  }
}

static void live_blocks_obey_the_law(void **state) {
  (void)state;
  enum { COUNT = 4000, SIZE = 10000 };
  static void *blocks[COUNT];
  start(RATE, 5);
  for (size_t i = 0; i < COUNT; i++)
    blocks[i] = lab_mem_alloc(SIZE);
  for (size_t i = 0; i < COUNT; i += 2)
    lab_mem_free(blocks[i], SIZE);
  check_estimate(seen.objects, COUNT, SIZE);
  check_estimate(seen.live_bytes / SIZE, COUNT / 2, SIZE);
  for (size_t i = 1; i < COUNT; i += 2)
    lab_mem_free(blocks[i], SIZE);
  assert_int_equal(seen.allocated, seen.freed);
}

/* ---- rate 1, rate 0 ------------------------------------------------------ */

static void rate_1_is_exact(void **state) {
  (void)state;
  enum { COUNT = 100000 };
  static struct {
    void *p;
    size_t size;
  } blocks[COUNT];
  uint64_t seed = 3, bytes = 0;
  start_exact();
  for (size_t i = 0; i < COUNT; i++) {
    blocks[i].size = lab_rng_next(&seed) % 300;
    blocks[i].p = lab_mem_alloc(blocks[i].size);
    bytes += blocks[i].size;
  }
  assert_int_equal(seen.allocated, COUNT);
  assert_true(seen.live_objects == COUNT && seen.live_bytes == (double)bytes);
  for (size_t i = 0; i < COUNT; i++)
    lab_mem_free(blocks[i].p, blocks[i].size);
  assert_int_equal(seen.freed, COUNT);
  assert_true(seen.live_objects == 0 && seen.live_bytes == 0);
  lab_memstats s;
  lab_memstats_read(&s);
  assert_true(s.gc_sys < 256 << 10); /* the table has shrunk again */
}

static void rate_0_samples_nothing(void **state) {
  (void)state;
  start(0, 1);
  allocate_and_free(1000, 1000000);
  assert_int_equal(seen.allocated, 0);
  lab_mem_set_rate(1);
  allocate_and_free(10, 10);
  assert_int_equal(seen.allocated, 10);
  lab_mem_set_rate(0);
  allocate_and_free(10, 10);
  assert_int_equal(seen.allocated, 10);
}

static void what_has_no_stack_is_not_recorded(void **state) {
  (void)state;
  start_exact();
  stack_to_give = 0;
  void *p = lab_mem_alloc(100);
  assert_int_equal(seen.allocated, 0);
  stack_to_give = STACK;
  lab_mem_free(p, 100);
  assert_int_equal(seen.freed, 0);
  lab_mem_own_free(lab_mem_own_alloc(100));
  assert_int_equal(seen.allocated, 0);
  lab_mem_set_sink(NULL);
  allocate_and_free(10, 10);
  assert_int_equal(seen.allocated, 0);
}

static void capture_is_not_sampled(void **state) {
  (void)state;
  start_exact();
  allocate_in_capture = true;
  allocate_and_free(10, 100);
  assert_int_equal(seen.allocated, 10);
  assert_int_equal(seen.freed, 10);
}

/* ---- realloc ------------------------------------------------------------- */

static void growth_is_a_new_sample(void **state) {
  (void)state;
  start_exact();
  void *p = lab_mem_alloc(100);
  p = lab_mem_realloc(p, 100, 110); /* in place or not */
  assert_int_equal(seen.allocated, 2);
  assert_int_equal(seen.freed, 1);
  assert_int_equal(seen.last_freed.size, 100);
  assert_int_equal(seen.last_allocated.size, 110);
  p = lab_mem_realloc(p, 110, 3000000);
  assert_int_equal(seen.last_freed.size, 110);
  assert_int_equal(seen.last_allocated.size, 3000000);
  assert_true(seen.live_objects == 1 && seen.live_bytes == 3000000);
  lab_mem_free(p, 3000000);
  assert_true(seen.live_objects == 0 && seen.live_bytes == 0);
}

static void a_shrunk_block_shrinks_its_sample(void **state) {
  (void)state;
  start_exact();
  void *p = lab_mem_alloc(3000000);
  p = lab_mem_realloc(p, 3000000, 1000000);
  assert_true(seen.live_objects == 1 && seen.live_bytes == 1000000);
  p = lab_mem_realloc(p, 1000000, 10); /* moves */
  assert_true(seen.live_objects == 1 && seen.live_bytes == 10);
  assert_int_equal(seen.allocated, 1);
  assert_int_equal(seen.freed, 0);
  lab_mem_free(p, 10);
  assert_int_equal(seen.freed, 1);
  assert_int_equal(seen.last_freed.size, 10);
  assert_true(seen.live_objects == 0 && seen.live_bytes == 0);
}

/* Many blocks that shrink, some more than once: what is live is estimated as if
 * all had been allocated with their last size. */
static void shrunk_blocks_obey_the_law(void **state) {
  (void)state;
  enum { N = 4000, FIRST = 1 << 20, SECOND = 300000, LAST = 60000 };
  static void *p[N];
  start(RATE, 4);
  for (int i = 0; i < N; i++) {
    p[i] = lab_mem_alloc(FIRST);
    p[i] = lab_mem_realloc(p[i], FIRST, SECOND);
    p[i] = lab_mem_realloc(p[i], SECOND, LAST);
  }
  assert_int_equal(seen.objects > 0.9 * N && seen.objects < 1.1 * N, 1);
  check_estimate(seen.live_objects, N, LAST);
  check_estimate(seen.live_bytes / LAST, N, LAST);
  for (int i = 0; i < N; i++)
    lab_mem_free(p[i], LAST);
  assert_int_equal(seen.allocated, seen.freed);
  assert_true(fabs(seen.live_bytes) < 1);
}

static void a_failure_changes_nothing(void **state) {
  (void)state;
  start_exact();
  void *p = lab_mem_alloc(100);
  lab_mem_set_limit(lab_mem_app_bytes() + 1000);
  assert_null(lab_mem_realloc(p, 100, 2000));
  assert_null(lab_mem_alloc(2000));
  lab_mem_set_limit(0);
#if LAB_ALLOC_JEMALLOC
  /* Here the heap itself refuses, after the sample was taken out. */
  assert_null(lab_mem_realloc(p, 100, (size_t)PTRDIFF_MAX));
#endif
  assert_int_equal(seen.allocated, 1);
  assert_int_equal(seen.freed, 0);
  lab_mem_free(p, 100);
  assert_int_equal(seen.freed, 1);
}

/* ---- threads ------------------------------------------------------------- */

static void free_it(void *arg) {
  lab_mem_free(arg, 100);
}

static void another_thread_may_free(void **state) {
  (void)state;
  start_exact();
  lab_thread *thread;
  void *p = lab_mem_alloc(100);
  assert_int_equal(lab_thread_start(&thread, "freer", free_it, p), 0);
  lab_thread_join(thread);
  assert_int_equal(seen.allocated, 1);
  assert_int_equal(seen.freed, 1);
}

/* Threads pass blocks on all the time, so the address of a sample is soon that
 * of another thread's sample. An entry that stayed behind would make the sums
 * wrong. */
enum { SHARED = 64, ROUNDS = 20000, THREADS = 3 };
static _Atomic(void *) shared[SHARED];

static void swap_blocks(void *arg) {
  uint64_t seed = (uintptr_t)arg;
  for (int i = 0; i < ROUNDS; i++) {
    void *p = lab_mem_alloc(64);
    p = lab_mem_realloc(p, 64, 200);
    p = lab_mem_realloc(p, 200, 40);
    p = atomic_exchange(&shared[lab_rng_next(&seed) % SHARED], p);
    lab_mem_free(p, 40);
  }
}

static void samples_balance_across_threads(void **state) {
  (void)state;
  start_exact();
  lab_thread *threads[THREADS];
  for (uintptr_t i = 0; i < THREADS; i++)
    assert_int_equal(
        lab_thread_start(&threads[i], "swap", swap_blocks, (void *)(i + 1)), 0);
  for (int i = 0; i < THREADS; i++)
    lab_thread_join(threads[i]);
  for (int i = 0; i < SHARED; i++)
    lab_mem_free(atomic_exchange(&shared[i], NULL), 40);
  assert_int_equal(seen.allocated, THREADS * ROUNDS * 2);
  assert_int_equal(seen.freed, seen.allocated);
  assert_true(seen.live_objects == 0 && seen.live_bytes == 0);
}

static int setup(void **state) {
  (void)state;
  return lab_mem_init();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(megabytes_obey_the_law),
      cmocka_unit_test(small_objects_obey_the_law),
      cmocka_unit_test(there_is_no_bias),
      cmocka_unit_test(live_blocks_obey_the_law),
      cmocka_unit_test(rate_1_is_exact),
      cmocka_unit_test(rate_0_samples_nothing),
      cmocka_unit_test(what_has_no_stack_is_not_recorded),
      cmocka_unit_test(capture_is_not_sampled),
      cmocka_unit_test(growth_is_a_new_sample),
      cmocka_unit_test(a_shrunk_block_shrinks_its_sample),
      cmocka_unit_test(shrunk_blocks_obey_the_law),
      cmocka_unit_test(a_failure_changes_nothing),
      cmocka_unit_test(another_thread_may_free),
      cmocka_unit_test(samples_balance_across_threads),
  };
  return cmocka_run_group_tests(tests, setup, NULL);
}
