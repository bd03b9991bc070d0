/* SPDX-License-Identifier: MIT
 * Walking a known chain of calls, from a signal handler and from within, and
 * naming what was found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "stack/symbols.h"
#include "stack/codemap.h"
#include "stack/unwind.h"

/* Sanitizers wrap libc's functions in their own, and TSan runs handlers some
 * time after the signal. */
#if defined(__SANITIZE_ADDRESS__)
enum { OWN_LIBC = 0, SIGNALS_AT_ONCE = 1 };
#elif defined(__SANITIZE_THREAD__)
enum { OWN_LIBC = 0, SIGNALS_AT_ONCE = 0 };
#else
enum { OWN_LIBC = 1, SIGNALS_AT_ONCE = 1 };
#endif

#define NOINLINE __attribute__((noinline))
#define BARRIER() __asm__ volatile("" ::: "memory")

/* ---- a chain a <- b <- c, and what is at its leaf
 * ------------------------------- */

typedef void work(void);
static lab_frame seen[LAB_UNWIND_MAX];
static volatile size_t nseen;
static volatile int stopped;
static volatile bool outside; /* of the leaf: a signal there isn't taken */
static bool stop_at_lua = true;

static void on_signal(int number, siginfo_t *info, void *context) {
  (void)number;
  (void)info;
  if (nseen || outside)
    return;
  lab_code code;
  nseen = lab_unwind_signal(context, seen, LAB_UNWIND_MAX, stop_at_lua, &code);
  stopped = (int)code;
}

NOINLINE void chain_c(work *leaf);
NOINLINE void chain_b(work *leaf);
enum { LINE_OF_A = __LINE__ + 1 };
NOINLINE void chain_a(work *leaf);
NOINLINE void chain_a(work *leaf) {
  leaf();
  BARRIER();
}
NOINLINE void chain_b(work *leaf) {
  chain_a(leaf);
  BARRIER();
}
NOINLINE void chain_c(work *leaf) {
  chain_b(leaf);
  BARRIER();
}

static const char *name_at(size_t i) {
  lab_symbol out[LAB_SYMBOL_INLINES];
  size_t n = lab_symbols_lookup(seen[i], i == 0, out);
  return out[n - 1].name;
}

static size_t find(const char *name) {
  for (size_t i = 0; i < nseen; i++)
    if (strcmp(name_at(i), name) == 0)
      return i;
  fail_msg("%s is not on the stack", name);
  return 0;
}

/* The frames from chain_a outwards; chain_a is at FROM. */
static void assert_chain(size_t from) {
  assert_true(from + 3 < nseen);
  assert_string_equal(name_at(from), "chain_a");
  assert_string_equal(name_at(from + 1), "chain_b");
  assert_string_equal(name_at(from + 2), "chain_c");
}

static int setup(void **state) {
  (void)state;
  struct sigaction action = {.sa_sigaction = on_signal,
                             .sa_flags = SA_SIGINFO | SA_RESTART};
  sigaction(SIGPROF, &action, NULL);
  return lab_unwind_init();
}

/* ---- signals
 * ---------------------------------------------------------------------- */

NOINLINE void raise_here(void);
NOINLINE void raise_here(void) {
  raise(SIGPROF);
  BARRIER();
}

static void test_signal_in_libc(void **state) {
  (void)state;
  if (!SIGNALS_AT_ONCE)
    skip();
  nseen = 0;
  chain_c(raise_here);
  size_t i = find("raise_here");
  assert_true(i > 0); /* the leaf is in libc */
  assert_int_equal(stopped, LAB_CODE_OTHER);
  assert_chain(i + 1);
}

/* A timer sends signals until one interrupts the code we want, or just until
 * one interrupts LEAF if IN is NULL. */
static bool sample(work *leaf, const char *in) {
  timer_t timer;
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL,
                           .sigev_signo = SIGPROF};
  assert_int_equal(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
  struct itimerspec tick = {{0, 1000000}, {0, 1000000}};
  uint64_t end = lab_clock_mono() + 60 * LAB_SECOND;
  bool hit = false;
  timer_settime(timer, 0, &tick, NULL);
  while (!hit && lab_clock_mono() < end) {
    nseen = 0;
    outside = true; /* until the leaf says that it runs */
    chain_c(leaf);
    outside = false;
    hit = nseen > 0 && (!in || strcmp(name_at(0), in) == 0);
  }
  timer_delete(timer);
  return hit;
}

static char from[1 << 22], to[1 << 22];
static char *volatile from_p = from, *volatile to_p = to;

NOINLINE void leaf_loop(void);
NOINLINE void leaf_loop(void) {
  outside = false;
  for (volatile int i = 0; i < 1000000 && !nseen; i++)
    BARRIER();
  outside = true;
}
NOINLINE void leaf_memcpy(void);
NOINLINE void leaf_memcpy(void) {
  outside = false;
  for (int i = 0; i < 100 && !nseen; i++)
    memcpy(to_p, from_p, sizeof to);
  outside = true;
  BARRIER();
}
NOINLINE void leaf_getrandom(void);
NOINLINE void leaf_getrandom(void) {
  outside = false;
  for (int i = 0; i < 100 && !nseen; i++)
    if (getrandom(to_p, 65536, 0) < 0)
      abort();
  outside = true;
  BARRIER();
}
NOINLINE void leaf_clock(void);
NOINLINE void leaf_clock(void) {
  struct timespec now;
  outside = false;
  for (int i = 0; i < 100000 && !nseen; i++)
    clock_gettime(CLOCK_MONOTONIC, &now);
  outside = true;
  BARRIER();
}

static void test_own_leaf(void **state) {
  (void)state;
  if (!SIGNALS_AT_ONCE)
    skip();
  assert_true(sample(leaf_loop, "leaf_loop"));
  assert_chain(1);
}

/* memcpy is chosen at run time: a stripped libc has no symbol for it. */
static void test_leaf_without_symbol(void **state) {
  (void)state;
  if (!OWN_LIBC)
    skip();
  assert_true(sample(leaf_memcpy, "memcpy"));
  assert_string_equal(name_at(1), "leaf_memcpy");
  assert_chain(2);
}

static void test_leaf_in_system_call(void **state) {
  (void)state;
  if (!OWN_LIBC)
    skip();
  assert_true(sample(leaf_getrandom, "getrandom"));
  /* The system call is in libc's function, or that calls the vDSO's. */
  assert_chain(find("leaf_getrandom") + 1);
}

/* Whichever instruction of LEAF and the functions that it calls is interrupted:
 * they are named NAME, and their callers are there. */
static void assert_samples(work *leaf, const char *caller, const char *name) {
  for (int i = 0; i < 50; i++) {
    assert_true(sample(leaf, NULL));
    size_t at = find(caller);
    for (size_t k = 0; k < at; k++)
      if (strcmp(name_at(k), "[plt]") != 0)
        assert_string_equal(name_at(k), name);
    assert_chain(at + 1);
  }
}

static void test_leaf_in_vdso(void **state) {
  (void)state;
  if (!OWN_LIBC)
    skip();
  assert_samples(leaf_clock, "leaf_clock", "clock_gettime");
}

/* The vDSO has helpers without a symbol, and getrandom's has no unwind table
 * either: whatever instruction is interrupted, the leaf is the function that
 * called it, and the callers are there. Not all kernels have it. */
typedef ssize_t get_random(void *, size_t, unsigned, void *, size_t);
static get_random *vdso_getrandom;
static struct { uint32_t size, protection, flags, reserved[13]; } opaque;
static void *opaque_state;

NOINLINE void leaf_vdso_getrandom(void);
NOINLINE void leaf_vdso_getrandom(void) {
  outside = false;
  for (int i = 0; i < 100 && !nseen; i++)
    if (vdso_getrandom(to_p, 65536, 0, opaque_state, opaque.size) < 0)
      abort();
  outside = true;
  BARRIER();
}

static bool find_vdso_getrandom(void) {
  void *vdso = dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD);
  vdso_getrandom = vdso ? (get_random *)dlsym(vdso, "__vdso_getrandom") : NULL;
  if (!vdso_getrandom || vdso_getrandom(NULL, 0, 0, &opaque, (size_t)-1) != 0)
    return false;
  opaque_state =
      mmap(NULL, 65536, (int)opaque.protection, (int)opaque.flags, -1, 0);
  assert_true(opaque_state != MAP_FAILED);
  return true;
}

static void test_leaf_in_vdso_helper(void **state) {
  (void)state;
  if (!OWN_LIBC || !find_vdso_getrandom())
    skip();
  assert_samples(leaf_vdso_getrandom, "leaf_vdso_getrandom", "getrandom");
}

static int compare(const void *a, const void *b) {
  if (!nseen)
    raise(SIGPROF);
  return *(const char *)a - *(const char *)b;
}
NOINLINE void leaf_qsort(void);
NOINLINE void leaf_qsort(void) {
  char items[] = "unsorted";
  qsort(items, sizeof items - 1, 1, compare);
  BARRIER();
}

static void test_callback_from_libc(void **state) {
  (void)state;
  if (!SIGNALS_AT_ONCE)
    skip();
  nseen = 0;
  chain_c(leaf_qsort);
  size_t callback = find("compare"), caller = find("leaf_qsort");
  assert_true(callback + 1 < caller); /* libc's sort is between */
  assert_chain(caller + 1);
}

/* ---- where a walk ends
 * --------------------------------------------------------------- */

NOINLINE void luaV_execute(void);
NOINLINE void luaV_execute(void) {
  chain_b(raise_here);
  BARRIER();
}

static void test_stops_at_lua(void **state) {
  (void)state;
  if (!SIGNALS_AT_ONCE)
    skip();
  nseen = 0;
  chain_c(luaV_execute);
  assert_int_equal(stopped, LAB_CODE_LUA_VM);
  assert_string_equal(name_at(nseen - 1), "chain_b");
  nseen = 0;
  stop_at_lua = false;
  chain_c(luaV_execute);
  stop_at_lua = true;
  assert_int_equal(stopped, LAB_CODE_OTHER);
  assert_chain(find("luaV_execute") + 1);
}

NOINLINE void job_entry(void);
NOINLINE void job_entry(void) {
  chain_c(raise_here);
  BARRIER();
}

static void test_end_at(void **state) {
  (void)state;
  if (!SIGNALS_AT_ONCE)
    skip();
  lab_unwind_end_at((const void *)job_entry);
  lab_unwind_end_at((const void *)job_entry);
  nseen = 0;
  job_entry();
  assert_string_equal(name_at(nseen - 1), "chain_c");
}

/* ---- from within
 * ------------------------------------------------------------------------ */

static size_t wanted = LAB_UNWIND_MAX, skipped;

NOINLINE void take(void);
NOINLINE void take(void) {
  nseen = lab_unwind_here(seen, wanted, skipped, true);
  BARRIER();
}

static void test_here(void **state) {
  (void)state;
  chain_c(take);
  assert_chain(0);
  lab_symbol out[LAB_SYMBOL_INLINES];
  lab_symbols_lookup(seen[0], true, out);
  assert_int_equal(out[0].line, LINE_OF_A + 2); /* the call, not what follows */
  skipped = 1;
  chain_c(take);
  assert_string_equal(name_at(0), "chain_b");
  skipped = 0;
  wanted = 2;
  chain_c(take);
  wanted = LAB_UNWIND_MAX;
  assert_int_equal(nseen, 2);
}

NOINLINE void descend(int n);
NOINLINE void descend(int n) {
  if (n > 0)
    descend(n - 1);
  else
    take();
  BARRIER();
}

/* Of a deep stack the last frame says that others are missing; not of one that
 * has just so many. */
static void test_deep(void **state) {
  (void)state;
  descend(1000);
  assert_int_equal(nseen, LAB_UNWIND_MAX);
  assert_string_equal(name_at(LAB_UNWIND_MAX - 2), "descend");
  assert_int_equal(seen[LAB_UNWIND_MAX - 1], lab_frame_left_out(0));
  descend(10);
  assert_true(nseen < LAB_UNWIND_MAX);
  wanted = nseen;
  assert_false(lab_frame_is_script(seen[nseen - 1]));
  descend(10);
  assert_int_equal(nseen, wanted);
  assert_false(lab_frame_is_script(seen[nseen - 1]));
  wanted = LAB_UNWIND_MAX;
}

/* Walks on several threads at once share no state. */
static void *walk_often(void *arg) {
  size_t *bad = arg;
  for (int i = 0; i < 2000; i++) {
    lab_frame frames[LAB_UNWIND_MAX];
    size_t n = lab_unwind_here(frames, LAB_UNWIND_MAX, 0, false);
    *bad += n == 0 || n == LAB_UNWIND_MAX;
  }
  return NULL;
}

static void test_threads(void **state) {
  (void)state;
  pthread_t threads[4];
  size_t bad[4] = {0};
  for (int i = 0; i < 4; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, walk_often, &bad[i]), 0);
  for (int i = 0; i < 4; i++) {
    pthread_join(threads[i], NULL);
    assert_int_equal(bad[i], 0);
  }
}

static void test_code_map(void **state) {
  (void)state;
  uintptr_t start = 0, pc = (uintptr_t)chain_a + 1;
  assert_string_equal(lab_code_name(pc, &start), "chain_a");
  assert_int_equal(start, (uintptr_t)chain_a);
  assert_int_equal(lab_code_class(pc), LAB_CODE_OWN);
  assert_int_equal(lab_code_class((uintptr_t)luaV_execute), LAB_CODE_LUA_VM);
  assert_null(lab_code_name((uintptr_t)&start, NULL));
  assert_int_equal(lab_code_class((uintptr_t)&start), LAB_CODE_OTHER);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_signal_in_libc),
      cmocka_unit_test(test_own_leaf),
      cmocka_unit_test(test_leaf_without_symbol),
      cmocka_unit_test(test_leaf_in_system_call),
      cmocka_unit_test(test_leaf_in_vdso),
      cmocka_unit_test(test_leaf_in_vdso_helper),
      cmocka_unit_test(test_callback_from_libc),
      cmocka_unit_test(test_stops_at_lua),
      cmocka_unit_test(test_end_at),
      cmocka_unit_test(test_here),
      cmocka_unit_test(test_deep),
      cmocka_unit_test(test_threads),
      cmocka_unit_test(test_code_map),
  };
  return cmocka_run_group_tests(tests, setup, NULL);
}
