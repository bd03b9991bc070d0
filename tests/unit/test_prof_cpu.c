/* SPDX-License-Identifier: MIT
 * The CPU profiler against known truth: threads that know, by their own CPU
 * clock, how long they were in which function. Nothing here depends on how fast
 * or how busy the machine is: all times compared are CPU times. */
#include "prof_fixture.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rng.h"
#include "base/thread.h"
#include "prof/cpu.h"
#include "prof/cpu_thread.h"
#include "stack/stack.h"
#include "stack/unwind.h"

#define MS LAB_MILLISECOND

/* ---- functions with a known share -----------------------------------------
 */

static void work(uint64_t ns) {
  volatile unsigned sink = 0;
  uint64_t until = lab_clock_thread_cpu() + ns;
  while (lab_clock_thread_cpu() < until)
    for (int i = 0; i < 1000; i++)
      sink += (unsigned)i;
}

__attribute__((noinline)) void burn_half(uint64_t ns);
__attribute__((noinline)) void burn_third(uint64_t ns);
__attribute__((noinline)) void burn_fifth(uint64_t ns);
__attribute__((noinline)) void burn_half(uint64_t ns) {
  work(ns);
}
__attribute__((noinline)) void burn_third(uint64_t ns) {
  work(ns);
}
__attribute__((noinline)) void burn_fifth(uint64_t ns) {
  work(ns);
}

typedef struct burner {
  uint64_t total_ns; /* to burn */
  uint64_t ns[3];    /* burnt in each function */
  uint64_t cpu;      /* all CPU time of the thread */
} burner;

static uint64_t timed(void (*burn)(uint64_t), uint64_t ns) {
  uint64_t before = lab_clock_thread_cpu();
  burn(ns);
  return lab_clock_thread_cpu() - before;
}

/* Slices of random length, so that no sampling rate is in step with them. */
void burner_main(void *arg);
void burner_main(void *arg) {
  burner *b = arg;
  uint64_t seed = 42;
  while (lab_clock_thread_cpu() < b->total_ns) {
    double unit = lab_rng_unit(&seed) * 4 * MS;
    b->ns[0] += timed(burn_half, (uint64_t)(unit * 5));
    b->ns[1] += timed(burn_third, (uint64_t)(unit * 3));
    b->ns[2] += timed(burn_fifth, (uint64_t)(unit * 2));
  }
  b->cpu = lab_clock_thread_cpu();
}

static void run_burner(burner *b) {
  lab_thread *t;
  assert_int_equal(lab_thread_start(&t, "burner", burner_main, b), 0);
  lab_thread_join(t);
}

static lab_cpu_session *start(int hz) {
  lab_cpu_session *s;
  lab_err err = {""};
  assert_int_equal(lab_cpu_start(&s, hz, &err), 0);
  return s;
}

/* Stops S if it runs, and reads its profile back. */
static fx_profile *finish(lab_cpu_session *s) {
  lab_buf out = LAB_BUF_INIT;
  lab_cpu_stop(s);
  assert_int_equal(lab_cpu_write(s, &out), 0);
  lab_cpu_free(s);
  return fx_read(&out);
}

/* ThreadSanitizer holds a signal back until the thread is at a place of its own
 * choosing, so that no stack can be walked there: only sums can be checked, and
 * those have other threads' time in them. */
#ifdef __SANITIZE_THREAD__
enum { STACKS_ARE_KNOWN = 0 };
static const double TOLERANCE = 0.2;
#else
enum { STACKS_ARE_KNOWN = 1 };
static const double TOLERANCE = 0.05;
#endif

static int64_t sum_of(const fx_profile *p, const char *name, size_t value) {
  return fx_cum(p, STACKS_ARE_KNOWN ? name : NULL, value);
}

static void assert_near(double value, double expected, double tolerance) {
  if (fabs(value - expected) > tolerance)
    fail_msg("%g is not %g +- %g", value, expected, tolerance);
}

/* Without perf the clock may be late on a busy machine: what it missed counts
 * as lost then, and fewer samples are less exact. */
static double with_lost(const fx_profile *p) {
  double lost = STACKS_ARE_KNOWN ? (double)fx_cum(p, "[lost samples]", 1) : 0;
  return (double)sum_of(p, "burner_main", 1) + lost;
}

/* ---- known truth -----------------------------------------------------------
 */

static void check_shares(int hz, lab_cpu_source source, uint64_t total_ns) {
  static const char *const names[] = {"burn_half", "burn_third", "burn_fifth"};
  lab_cpu_set_source(source);
  lab_cpu_session *s = start(hz);
  burner b = {.total_ns = total_ns};
  run_burner(&b);
  fx_profile *p = finish(s);
  lab_cpu_set_source(LAB_CPU_AUTO);
  double all = (double)sum_of(p, "burner_main", 1);
  double period = 1e9 / hz;
  assert_near(with_lost(p), (double)b.cpu,
              TOLERANCE * (double)b.cpu + 2 * period);
  assert_near((double)sum_of(p, "burner_main", 0) * period, all,
              0.05 * all + period);
  double n = all / period / (lab_cpu_perf_allowed() ? 1 : 4);
  for (int i = 0; i < 3 && STACKS_ARE_KNOWN; i++) {
    double truth = (double)b.ns[i] / (double)b.cpu;
    double sigma = sqrt(truth * (1 - truth) / n);
    assert_near((double)fx_cum(p, names[i], 1) / all, truth, 4 * sigma);
  }
  fx_free(p);
}

static void shares_at_100_hz(void **state) {
  (void)state;
  check_shares(100, LAB_CPU_AUTO, 2000 * MS);
}

static void shares_at_1000_hz(void **state) {
  (void)state;
  check_shares(1000, LAB_CPU_AUTO, 1000 * MS);
}

static void shares_by_wall_clock_timer(void **state) {
  (void)state;
  check_shares(1000, LAB_CPU_MONOTONIC, 1000 * MS);
}

/* From a clock that ticks 250 times a second, and late: fewer samples, or none
 * for a while, but the same sum. */
static void check_sum_of_cpu_clock(int hz) {
  lab_cpu_set_source(LAB_CPU_TIMER);
  lab_cpu_session *s = start(hz);
  burner b = {.total_ns = 500 * MS};
  run_burner(&b);
  fx_profile *p = finish(s);
  lab_cpu_set_source(LAB_CPU_AUTO);
  assert_near(with_lost(p), (double)b.cpu,
              TOLERANCE * (double)b.cpu + 2e9 / hz);
  fx_free(p);
}

static void sum_of_cpu_clock(void **state) {
  (void)state;
  check_sum_of_cpu_clock(100);
  check_sum_of_cpu_clock(1000);
}

/* A thread that mostly sleeps is charged for what it runs, not for the ticks
 * of the wall clock. */
static void sleeper_main(void *arg) {
  const struct timespec ms = {0, 1000000};
  for (int i = 0; i < 200; i++)
    nanosleep(&ms, NULL);
  *(uint64_t *)arg = lab_clock_thread_cpu();
}

static void a_sleeping_thread_uses_nothing(void **state) {
  (void)state;
  lab_cpu_set_source(LAB_CPU_MONOTONIC);
  lab_cpu_session *s = start(1000);
  lab_thread *t;
  uint64_t cpu;
  assert_int_equal(lab_thread_start(&t, "sleeper", sleeper_main, &cpu), 0);
  lab_thread_join(t);
  fx_profile *p = finish(s);
  lab_cpu_set_source(LAB_CPU_AUTO);
  if (STACKS_ARE_KNOWN)
    assert_true(fx_cum(p, "sleeper_main", 1) <= (int64_t)cpu);
  fx_free(p);
}

/* ---- sessions --------------------------------------------------------------
 */

static void sessions_overlap(void **state) {
  (void)state;
  burner first = {.total_ns = 300 * MS}, second = first, third = first;
  lab_cpu_session *slow = start(100);
  run_burner(&first);
  lab_cpu_session *fast = start(1000), *middle = start(250);
  run_burner(&second);
  fx_profile *pf = finish(fast), *pm = finish(middle);
  run_burner(&third);
  fx_profile *ps = finish(slow);
  double all = (double)(first.cpu + second.cpu + third.cpu);
  /* Three threads, each of which may end just before its next tick. */
  assert_near(with_lost(ps), all, TOLERANCE * all + 60 * MS);
  assert_near(with_lost(pf), (double)second.cpu,
              TOLERANCE * (double)second.cpu + 2 * MS);
  assert_near(with_lost(pm), (double)second.cpu,
              TOLERANCE * (double)second.cpu + 2 * MS);
  assert_int_equal(ps->period, 10000000);
  assert_int_equal(pf->period, 1000000);
  assert_int_equal(pm->period, 4000000);
  /* Each counts in its own periods. */
  assert_near((double)fx_cum(pm, NULL, 0) * 4 * MS, (double)fx_cum(pm, NULL, 1),
              2 * MS);
  fx_free(pf);
  fx_free(pm);
  fx_free(ps);
}

/* Samples of the fast one are a hundredth of the slow one's period. */
static void a_faster_one_beside_changes_no_counts(void **state) {
  static const char *const names[] = {"burn_half", "burn_third", "burn_fifth"};
  (void)state;
  burner b = {.total_ns = 500 * MS};
  lab_cpu_session *slow = start(20), *fast = start(2000);
  run_burner(&b);
  lab_cpu_free(fast);
  fx_profile *p = finish(slow);
  assert_near((double)fx_cum(p, NULL, 0) * 50 * MS, (double)fx_cum(p, NULL, 1),
              25 * MS);
  for (int i = 0; i < 3 && STACKS_ARE_KNOWN; i++)
    assert_near((double)fx_cum(p, names[i], 0) * 50 * MS,
                (double)fx_cum(p, names[i], 1), 50 * MS);
  fx_free(p);
}

/* The slow session's next sample will stand for time before the fast one. */
static void a_session_gets_nothing_from_before_it(void **state) {
  (void)state;
  lab_cpu_session *slow = start(2);
  work(300 * MS);
  lab_cpu_session *fast = start(1000);
  uint64_t before = lab_clock_thread_cpu();
  work(100 * MS);
  double used = (double)(lab_clock_thread_cpu() - before);
  fx_profile *pf = finish(fast);
  work(700 * MS);
  fx_profile *ps = finish(slow);
  assert_near((double)fx_cum(pf, NULL, 1), used, 0.1 * used + 5 * MS);
  assert_true(fx_cum(ps, NULL, 1) >= 600 * (int64_t)MS);
  fx_free(pf);
  fx_free(ps);
}

static void freeing_a_running_session_leaves_the_others(void **state) {
  (void)state;
  burner b = {.total_ns = 300 * MS};
  lab_cpu_session *kept = start(100), *gone = start(2000);
  lab_cpu_free(gone);
  assert_true(lab_cpu_active());
  run_burner(&b);
  fx_profile *p = finish(kept);
  assert_near(with_lost(p), (double)b.cpu, 0.05 * (double)b.cpu + 20 * MS);
  fx_free(p);
  assert_false(lab_cpu_active());
  lab_cpu_free(start(100));
  assert_false(lab_cpu_active());
}

static void rates_have_limits(void **state) {
  (void)state;
  lab_cpu_session *s = NULL;
  lab_err err = {""};
  assert_int_equal(lab_cpu_start(&s, 0, &err), -EINVAL);
  assert_int_equal(lab_cpu_start(&s, LAB_CPU_HZ_MAX + 1, &err), -EINVAL);
  assert_string_equal(err.text, "hz must be 1 to 2000, not 2001");
  assert_null(s);
}

static void signals_of_others_are_ignored(void **state) {
  (void)state;
  /* Time enough that a sample would be due, but no tick of its own. */
  lab_cpu_session *s = start(1);
  work(700 * MS);
  for (int i = 0; i < 100; i++) {
    raise(SIGPROF);
    kill(getpid(), SIGPROF);
    assert_int_equal(sigqueue(getpid(), SIGPROF, (union sigval){0}), 0);
  }
  fx_profile *p = finish(s);
  assert_int_equal(p->nsamples, 0);
  assert_true(p->nmappings > 0); /* an empty profile has its program */
  fx_free(p);
}

static void what_is_dropped_is_shown(void **state) {
  (void)state;
  lab_cpu_set_ring_words(32); /* three samples between two drains */
  lab_cpu_session *s = start(2000);
  burner b = {.total_ns = 500 * MS};
  run_burner(&b);
  fx_profile *p = finish(s);
  lab_cpu_set_ring_words(1 << 16);
  double lost = (double)fx_cum(p, "[lost samples]", 1);
  double all = (double)fx_cum(p, NULL, 1);
  assert_true(lost > 0);
  assert_true(lost < all);
  /* Other threads work a little too. */
  assert_near(all, (double)b.cpu, 0.1 * (double)b.cpu);
  fx_free(p);
}

/* ---- a VM that keeps its samples -------------------------------------------
 */

static atomic_uint vm_kept;

static bool vm_signal(const void *context, uint32_t weight) {
  (void)context;
  atomic_fetch_add(&vm_kept, weight);
  return true;
}

static uint32_t vm_pending(void) {
  return atomic_load(&vm_kept);
}

static const lab_cpu_vm test_vm = {vm_signal, vm_pending, NULL, NULL, NULL};

static struct { atomic_bool stop, ended; } vm;

/* A C function that doesn't return until it is told to; then a safe point. */
static void vm_main(void *arg) {
  (void)arg;
  lab_cpu_set_vm(&test_vm);
  while (!atomic_load(&vm.stop))
    work(MS);
  uint32_t weight = atomic_load(&vm_kept);
  lab_frame lua = lab_frame_script(lab_func_pseudo("lua.work"), 0);
  lab_cpu_emit(NULL, 0, lab_stack_intern(&lua, 1), 0, weight);
  atomic_fetch_sub(&vm_kept, weight);
  atomic_store(&vm.ended, true);
  const struct timespec pause = {0, 1000000};
  while (lab_cpu_active())
    nanosleep(&pause, NULL);
  lab_cpu_set_vm(NULL);
}

static void wait_for_kept(uint32_t us) {
  const struct timespec pause = {0, 1000000};
  while (atomic_load(&vm_kept) < us)
    nanosleep(&pause, NULL);
}

static void kept_samples_belong_to_their_session(void **state) {
  (void)state;
  lab_thread *t;
  lab_cpu_session *outer = start(500);
  assert_int_equal(lab_thread_start(&t, "vm", vm_main, NULL), 0);
  wait_for_kept(100000);
  /* The VM's thread goes on while this one may be waiting for a processor. */
  uint32_t before = atomic_load(&vm_kept);
  lab_cpu_session *inner = start(1000);
  uint32_t from = atomic_load(&vm_kept);
  wait_for_kept(from + 100000);
  uint32_t to = atomic_load(&vm_kept);
  fx_profile *pi = finish(inner);
  uint32_t later = atomic_load(&vm_kept);
  lab_cpu_session *last = start(100);
  atomic_store(&vm.stop, true);
  while (!atomic_load(&vm.ended))
    sched_yield();
  fx_profile *po = finish(outer), *pl = finish(last);
  lab_thread_join(t);
  int64_t running = fx_cum(pi, "[running C function]", 1);
  assert_true(running >= (int64_t)(to - from) * 1000);
  assert_true(running <= (int64_t)(later - before) * 1000 + 20 * (int64_t)MS);
  assert_int_equal(fx_cum(pi, "lua.work", 1), 0);
  assert_true(fx_cum(po, "lua.work", 1) >= (int64_t)later * 1000);
  assert_true(fx_cum(pl, "lua.work", 1) <=
              fx_cum(po, "lua.work", 1) - (int64_t)to * 1000);
  fx_free(pi);
  fx_free(po);
  fx_free(pl);
}

/* ---- threads and sessions that come and go ---------------------------------
 */

enum { BRIEFS = 100 }; /* 20 ticks of the slowest session */
static atomic_uint briefs;

static void brief_main(void *arg) {
  (void)arg;
  work(2 * MS);
  atomic_fetch_add(&briefs, 1);
}

static atomic_bool churning;

static void churner_main(void *arg) {
  (void)arg;
  while (atomic_load(&churning)) {
    lab_thread *t[4];
    for (int i = 0; i < 4; i++)
      assert_int_equal(lab_thread_start(&t[i], "brief", brief_main, NULL), 0);
    for (int i = 0; i < 4; i++)
      lab_thread_join(t[i]);
  }
}

static void threads_churn_while_sessions_do(void **state) {
  (void)state;
  lab_thread *t;
  atomic_store(&churning, true);
  lab_cpu_session *all = start(100);
  assert_int_equal(lab_thread_start(&t, "churner", churner_main, NULL), 0);
  for (int i = 0; i < 30 || atomic_load(&briefs) < BRIEFS; i++) {
    lab_cpu_session *s = start(i % 2 ? 2000 : 700);
    const struct timespec pause = {0, 10000000};
    nanosleep(&pause, NULL);
    if (i % 3 == 0)
      lab_cpu_free(s);
    else
      fx_free(finish(s));
  }
  atomic_store(&churning, false);
  lab_thread_join(t);
  fx_profile *p = finish(all);
  assert_true(sum_of(p, "brief_main", 1) > 0);
  fx_free(p);
}

int main(void) {
  /* First those that allocate often: where torture.lua refuses an allocation,
   * the program ends at its first one after some CPU time. */
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rates_have_limits),
      cmocka_unit_test(freeing_a_running_session_leaves_the_others),
      cmocka_unit_test(sessions_overlap),
      cmocka_unit_test(a_faster_one_beside_changes_no_counts),
      cmocka_unit_test(a_session_gets_nothing_from_before_it),
      cmocka_unit_test(shares_at_100_hz),
      cmocka_unit_test(shares_at_1000_hz),
      cmocka_unit_test(shares_by_wall_clock_timer),
      cmocka_unit_test(sum_of_cpu_clock),
      cmocka_unit_test(a_sleeping_thread_uses_nothing),
      cmocka_unit_test(signals_of_others_are_ignored),
      cmocka_unit_test(what_is_dropped_is_shown),
      cmocka_unit_test(kept_samples_belong_to_their_session),
      cmocka_unit_test(threads_churn_while_sessions_do),
  };
  lab_thread_adopt("main");
  if (lab_unwind_init() || lab_cpu_init())
    return 1;
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  lab_thread_abandon();
  return failed;
}
