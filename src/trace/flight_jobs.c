/* SPDX-License-Identifier: MIT
 * See flight_jobs.h. Jobs are long, so a lock and an allocation are cheap. */
#include "trace/flight_jobs.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

atomic_bool lab_flight_jobs_wait;

static struct {
  pthread_mutex_t lock;
  unsigned workers; /* 0: closed */
  lab_flight_job *present;
  lab_flight_job *first, **last; /* that are over */
  bool lost;
} jobs = {.lock = PTHREAD_MUTEX_INITIALIZER};

void lab_flight_job_begin(unsigned index, const char *label, uint32_t stack,
                          uint64_t now) {
  pthread_mutex_lock(&jobs.lock);
  if (index < jobs.workers) {
    lab_flight_job *j = &jobs.present[index];
    *j = (lab_flight_job){
        .busy = true, .index = index, .stack = stack, .began = now};
    snprintf(j->label, sizeof j->label, "%s", label);
  }
  pthread_mutex_unlock(&jobs.lock);
}

/* Under the lock. */
static void add_job_that_is_over(const lab_flight_job *j) {
  lab_flight_job *over = lab_try_malloc(sizeof *over);
  if (over) {
    *over = *j;
    *jobs.last = over;
    jobs.last = &over->next;
  } else {
    jobs.lost = true;
  }
  atomic_store(&lab_flight_jobs_wait, true);
}

void lab_flight_job_end(unsigned index, uint64_t now) {
  pthread_mutex_lock(&jobs.lock);
  lab_flight_job *j = index < jobs.workers ? &jobs.present[index] : NULL;
  if (j && j->busy) {
    j->busy = false;
    j->ended = now > j->began ? now : j->began;
    add_job_that_is_over(j);
  }
  pthread_mutex_unlock(&jobs.lock);
}

unsigned lab_flight_jobs_workers(void) {
  pthread_mutex_lock(&jobs.lock);
  unsigned n = jobs.workers;
  pthread_mutex_unlock(&jobs.lock);
  return n;
}

lab_flight_job *lab_flight_jobs_take(lab_flight_job *present, bool *lost) {
  pthread_mutex_lock(&jobs.lock);
  lab_flight_job *over = jobs.first;
  jobs.first = NULL;
  jobs.last = &jobs.first;
  *lost = jobs.lost;
  jobs.lost = false;
  atomic_store(&lab_flight_jobs_wait, false);
  if (present && jobs.workers > 0)
    memcpy(present, jobs.present, jobs.workers * sizeof *present);
  pthread_mutex_unlock(&jobs.lock);
  return over;
}

void lab_flight_jobs_open(unsigned workers) {
  pthread_mutex_lock(&jobs.lock);
  jobs.present = lab_xcalloc(workers + 1, sizeof *jobs.present);
  jobs.last = &jobs.first;
  jobs.workers = workers;
  pthread_mutex_unlock(&jobs.lock);
}

void lab_flight_jobs_close(void) {
  bool lost;
  lab_flight_job *over = lab_flight_jobs_take(NULL, &lost);
  pthread_mutex_lock(&jobs.lock);
  jobs.workers = 0;
  lab_xfree(jobs.present);
  jobs.present = NULL;
  pthread_mutex_unlock(&jobs.lock);
  while (over) {
    lab_flight_job *next = over->next;
    lab_xfree(over);
    over = next;
  }
}
