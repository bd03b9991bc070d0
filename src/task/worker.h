/* SPDX-License-Identifier: MIT
 * Worker threads: long C work runs there, truly in parallel, while its task is
 * parked. Jobs start in the order in which they were submitted.
 *
 * Threads: as said at each function. */
#ifndef LAB_TASK_WORKER_H
#define LAB_TASK_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "task/sched.h"

typedef struct lab_workers lab_workers;

/* Embedded in the owner's struct, which lives until done was called. */
typedef struct lab_job {
  lab_post post;
  void (*run)(struct lab_job *job);  /* on a worker */
  void (*done)(struct lab_job *job); /* afterwards, on the scheduler's thread */
  uint32_t stack;      /* the submitter's stack: samples are charged to it */
  uint32_t label;      /* likewise */
  atomic_bool cancelled; /* run should return soon; see lab_job_cancelled */
} lab_job;

/* COUNT threads named "worker-1", ...; 0 = as many as processors, at least
 * 2. */
int lab_workers_new(lab_workers **out, unsigned count, lab_sched *sched);
/* Runs what was submitted to its end, then ends the threads. */
void lab_workers_free(lab_workers *w);

/* The scheduler's thread. */
void lab_workers_submit(lab_workers *w, lab_job *job);

/* Runs JOB on the calling worker. Not for callers outside: it is declared
 * because profiles end a job's native stack at this function. */
void lab_worker_run(lab_job *job);

/* The job that the calling thread runs, or NULL. Any thread;
 * async-signal-safe. */
lab_job *lab_worker_job(void);

/* Long loops of primitives ask this now and then: true when the calling
 * thread's job was cancelled. False on threads without a job. */
bool lab_job_cancelled(void);

#endif
