/* SPDX-License-Identifier: MIT
 * Workers: every job is reported once, jobs start in order and run in parallel,
 * a cancelled one ends early or never begins, and freeing finishes the queue.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include "base/thread.h"
#include "task/worker.h"

typedef struct job {
  lab_job base;
  int number;
  int runs, dones;
  bool on_worker; /* what the thread looked like while it ran */
} job;

enum { JOBS = 1000 };
static lab_sched *sched;
static lab_workers *workers;
static job jobs[JOBS];
static int order[JOBS];
static int nstarted;
static unsigned expected, ended; /* stop after so many */
static pthread_t sched_thread;

static void no_tasks(lab_task *task, void *arg) {
  (void)task;
  (void)arg;
}

static void start(unsigned nworkers) {
  static const lab_sched_ops ops = {.resume = no_tasks};
  memset(jobs, 0, sizeof jobs);
  nstarted = 0;
  ended = 0;
  sched_thread = pthread_self();
  sched = lab_sched_new(&ops, NULL);
  assert_int_equal(lab_workers_new(&workers, nworkers, sched), 0);
}

static void finish(void) {
  lab_workers_free(workers);
  lab_sched_free(sched);
}

static void done(lab_job *base) {
  job *j = LAB_CONTAINER(base, job, base);
  assert_true(pthread_equal(pthread_self(), sched_thread));
  j->dones++;
  if (++ended == expected)
    lab_sched_stop(sched);
}

static job *submit(int i, void (*run)(lab_job *)) {
  job *j = &jobs[i];
  j->base.run = run;
  j->base.done = done;
  j->number = i;
  lab_workers_submit(workers, &j->base);
  return j;
}

static void note(lab_job *base) {
  job *j = LAB_CONTAINER(base, job, base);
  j->runs++;
  j->on_worker = lab_worker_job() == base && !lab_job_cancelled() &&
                 strncmp(lab_thread_self()->name, "worker-", 7) == 0;
}

static void note_order(lab_job *base) {
  note(base);
  order[nstarted++] = LAB_CONTAINER(base, job, base)->number;
}

/* One worker: no lock is needed for the order. */
static void test_order(void **state) {
  (void)state;
  start(1);
  expected = JOBS;
  for (int i = 0; i < JOBS; i++)
    submit(i, note_order);
  lab_sched_run(sched);
  for (int i = 0; i < JOBS; i++) {
    assert_int_equal(order[i], i);
    assert_true(jobs[i].on_worker);
    assert_int_equal(jobs[i].dones, 1);
  }
  assert_null(lab_worker_job());
  assert_false(lab_job_cancelled());
  finish();
}

static void test_many_workers(void **state) {
  (void)state;
  start(4);
  expected = JOBS;
  for (int i = 0; i < JOBS; i++)
    submit(i, note);
  lab_sched_run(sched);
  for (int i = 0; i < JOBS; i++) {
    assert_int_equal(jobs[i].runs, 1);
    assert_int_equal(jobs[i].dones, 1);
  }
  finish();
}

/* Three jobs that wait for one another end only if they run side by side. */
static pthread_barrier_t barrier;

static void meet(lab_job *base) {
  pthread_barrier_wait(&barrier);
  note(base);
}

static void test_parallel(void **state) {
  (void)state;
  start(3);
  pthread_barrier_init(&barrier, NULL, 3);
  expected = 3;
  for (int i = 0; i < 3; i++)
    submit(i, meet);
  lab_sched_run(sched);
  assert_int_equal(ended, 3);
  finish();
  pthread_barrier_destroy(&barrier);
}

/* 0 workers means at least two. */
static void test_default_count(void **state) {
  (void)state;
  start(0);
  pthread_barrier_init(&barrier, NULL, 2);
  expected = 2;
  submit(0, meet);
  submit(1, meet);
  lab_sched_run(sched);
  assert_int_equal(ended, 2);
  finish();
  pthread_barrier_destroy(&barrier);
}

/* As taskset does it. */
static void test_few_processors(void **state) {
  cpu_set_t all, one;
  lab_workers_load load;
  (void)state;
  if (sched_getaffinity(0, sizeof all, &all) || CPU_COUNT(&all) < 3)
    skip(); /* two are the least also for one processor */
  CPU_ZERO(&one);
  for (size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
    if (CPU_ISSET(i, &all))
      CPU_SET(i, &one);
  assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
  start(0);
  assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
  lab_workers_read(workers, &load);
  assert_int_equal(load.threads, 2);
  finish();
}

static void until_cancelled(lab_job *base) {
  struct timespec nap = {0, 1000000};
  note(base);
  while (!lab_job_cancelled())
    nanosleep(&nap, NULL);
}

/* The first holds the only worker; the second is cancelled while it waits. */
static void test_cancel(void **state) {
  (void)state;
  start(1);
  expected = 3;
  job *first = submit(0, until_cancelled);
  job *second = submit(1, note);
  job *third = submit(2, note);
  atomic_store(&second->base.cancelled, true);
  atomic_store(&first->base.cancelled, true);
  lab_sched_run(sched);
  assert_int_equal(first->dones, 1);
  assert_int_equal(second->runs, 0);
  assert_int_equal(second->dones, 1);
  assert_int_equal(third->runs, 1);
  assert_int_equal(third->dones, 1);
  finish();
}

/* As above, but the first job goes on: a job that is cancelled in the queue
 * doesn't wait for a worker. The others keep their order. */
static void end_first(lab_job *base) {
  atomic_store(&jobs[0].base.cancelled, true);
  done(base);
}

/* Until a job runs. */
static void await_worker(void) {
  lab_workers_load load = {0};
  while (load.busy == 0)
    lab_workers_read(workers, &load);
}

static void test_cancel_queued(void **state) {
  (void)state;
  start(1);
  expected = 4;
  submit(0, until_cancelled);
  await_worker();
  for (int i = 1; i < 4; i++)
    submit(i, note_order);
  jobs[2].base.done = end_first;
  lab_workers_cancel(workers, &jobs[2].base);
  lab_workers_cancel(workers, &jobs[2].base);
  lab_sched_run(sched);
  for (int i = 0; i < 4; i++) {
    assert_int_equal(jobs[i].runs, i != 2);
    assert_int_equal(jobs[i].dones, 1);
  }
  assert_int_equal(order[0], 1);
  assert_int_equal(order[1], 3);
  lab_workers_load load;
  lab_workers_read(workers, &load);
  assert_int_equal(load.queued, 0);
  assert_int_equal(load.busy, 0);
  finish();
}

/* One that runs is told; one that is done isn't reported again. */
static void test_cancel_running(void **state) {
  (void)state;
  start(1);
  expected = 1;
  job *only = submit(0, until_cancelled);
  await_worker();
  lab_workers_cancel(workers, &only->base);
  lab_sched_run(sched);
  assert_int_equal(only->runs, 1);
  assert_int_equal(only->dones, 1);
  finish();
}

/* Freeing runs what is queued; nothing is reported without a scheduler. */
static void test_free_finishes(void **state) {
  (void)state;
  start(2);
  expected = JOBS + 1;
  for (int i = 0; i < JOBS; i++)
    submit(i, note);
  finish();
  for (int i = 0; i < JOBS; i++) {
    assert_int_equal(jobs[i].runs, 1);
    assert_int_equal(jobs[i].dones, 0);
  }
}

/* A job may be submitted again by its own done. */
static void again(lab_job *base) {
  job *j = LAB_CONTAINER(base, job, base);
  if (++j->dones == 100)
    lab_sched_stop(sched);
  else
    lab_workers_submit(workers, base);
}

static void test_again(void **state) {
  (void)state;
  start(2);
  jobs[0].base.run = note;
  jobs[0].base.done = again;
  lab_workers_submit(workers, &jobs[0].base);
  lab_sched_run(sched);
  assert_int_equal(jobs[0].runs, 100);
  finish();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_order),
      cmocka_unit_test(test_many_workers),
      cmocka_unit_test(test_parallel),
      cmocka_unit_test(test_default_count),
      cmocka_unit_test(test_few_processors),
      cmocka_unit_test(test_cancel),
      cmocka_unit_test(test_cancel_queued),
      cmocka_unit_test(test_cancel_running),
      cmocka_unit_test(test_free_finishes),
      cmocka_unit_test(test_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
