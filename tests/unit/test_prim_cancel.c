/* SPDX-License-Identifier: MIT
 * Long primitives on a worker end soon when their job is cancelled, and keep
 * what they did until then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "mem/mem.h"
#include "prim/buffer.h"
#include "prim/cpu.h"
#include "prim/file.h"
#include "task/worker.h"

static lab_sched *sched;
static lab_workers *workers;

typedef struct job {
  lab_job base;
  lab_buffer b;
  lab_prng prng;
  ssize_t copied;
  double used;
} job;

static void no_tasks(lab_task *task, void *arg) {
  (void)task;
  (void)arg;
}

static void done(lab_job *base) {
  (void)base;
  lab_sched_stop(sched);
}

/* Runs one job to its end. */
static void run_job(job *j, void (*run)(lab_job *)) {
  static const lab_sched_ops ops = {.resume = no_tasks};
  j->base.run = run;
  j->base.done = done;
  sched = lab_sched_new(&ops, NULL);
  assert_int_equal(lab_workers_new(&workers, 1, sched), 0);
  lab_workers_submit(workers, &j->base);
  lab_sched_run(sched);
  lab_workers_free(workers);
  lab_sched_free(sched);
}

/* A reader that cancels its own job at the fourth read. */
static int reads;

static ssize_t cancel_at_fourth(lab_reader *self, void *out, size_t n) {
  (void)self;
  if (++reads == 4)
    atomic_store(&lab_worker_job()->cancelled, true);
  memset(out, 'x', n);
  return (ssize_t)n;
}

static void copy(lab_job *base) {
  job *j = LAB_CONTAINER(base, job, base);
  lab_reader reader = {cancel_at_fourth};
  j->copied = lab_copy_n(&j->b, &reader, 1 << 30);
}

static void test_copy(void **state) {
  (void)state;
  job j = {.copied = -1};
  reads = 0;
  run_job(&j, copy);
  assert_int_equal(reads, 4);
  /* Each read fills the buffer: 512, 1536, 3584, 7680 bytes. */
  assert_int_equal(j.copied, 7680);
  assert_int_equal(j.b.len, 7680);
  assert_int_equal(j.b.cap, 7680); /* it does not grow for nothing */
  lab_buffer_free(&j.b);
}

/* Cancelled before its first read: it allocates nothing. */
static void copy_prng(lab_job *base) {
  job *j = LAB_CONTAINER(base, job, base);
  lab_prng_init(&j->prng, 7);
  atomic_store(&base->cancelled, true);
  j->copied = lab_copy_n(&j->b, &j->prng.reader, 1 << 20);
}

static void test_cancelled_before(void **state) {
  (void)state;
  job j = {.copied = -1};
  run_job(&j, copy_prng);
  assert_int_equal(j.copied, 0);
  assert_int_equal(j.b.cap, 0);
}

static void burn(lab_job *base) {
  job *j = LAB_CONTAINER(base, job, base);
  j->used = lab_burn(0.02);
  atomic_store(&base->cancelled, true);
  j->used += lab_burn(1e9);
}

static void test_burn(void **state) {
  (void)state;
  job j = {.used = 0};
  run_job(&j, burn);
  assert_true(j.used >= 0.02 && j.used < 0.03);
}

/* Nobody sends the worker a signal. */
static void *cancel_soon(void *arg) {
  const struct timespec pause = {0, 20 * LAB_MILLISECOND};
  nanosleep(&pause, NULL);
  atomic_store(&((lab_job *)arg)->cancelled, true);
  return NULL;
}

static void wait_for_ever(lab_job *base) {
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, cancel_soon, base), 0);
  lab_file_wait_for_disk(UINT64_MAX / 4);
  pthread_join(thread, NULL);
  lab_file_wait_for_disk(UINT64_MAX / 4);
}

static void test_disk(void **state) {
  (void)state;
  job j = {.copied = 0};
  run_job(&j, wait_for_ever);
}

int main(void) {
  lab_mem_init();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_copy),
      cmocka_unit_test(test_cancelled_before),
      cmocka_unit_test(test_burn),
      cmocka_unit_test(test_disk),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
