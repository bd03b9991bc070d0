/* SPDX-License-Identifier: MIT
 * Worker threads: long C work runs there, truly in parallel, while its task is
 * parked. Jobs start in the order in which they were submitted.
 *
 *   submit -> run (on a worker) -> done (on the scheduler's thread)
 *
 * done is called once for every job, also for one that was cancelled before its
 * turn and so is never run. A job's owner sets up its result before submit, in
 * such a way that "not run" can be read from it. One exception: a scheduler
 * that was stopped delivers no more letters; jobs that end after that are run,
 * but done isn't called.
 *
 * Threads: as said at each function. */
#ifndef LAB_TASK_WORKER_H
#define LAB_TASK_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "task/sched.h"

typedef struct lab_workers lab_workers;

/* Embedded in the owner's struct, which lives until done was called; zeroed,
 * then run and done set. May be submitted again after that. */
typedef struct lab_job {
  lab_post post;                     /* the workers' own */
  void (*run)(struct lab_job *job);  /* on a worker */
  void (*done)(struct lab_job *job); /* afterwards, on the scheduler's thread */
  uint64_t began;                    /* mono ns of run, or 0 */
  _Atomic uint64_t ended;            /* likewise; any thread may read it */
  uint32_t stack;        /* the submitter's stack: samples are charged to it */
  uint32_t label;        /* the submitter's: samples get it */
  uint32_t generation;   /* the submitter's (lab_task) */
  lab_list place;        /* the workers' own: in their queue, if it is */
  bool queued;           /* there; under their lock */
  atomic_bool cancelled; /* any thread sets it: run should return soon; see
                            lab_job_cancelled */
} lab_job;

/* Who is told what workers do: traces. The functions are called on the workers,
 * under their lock: they must be quick, and call nothing of this module. INDEX:
 * 0, 1, ... */
typedef struct lab_worker_sink {
  void (*began)(struct lab_worker_sink *sink, unsigned index,
                const lab_job *job, uint64_t now);
  void (*ended)(struct lab_worker_sink *sink, unsigned index,
                const lab_job *job, uint64_t now);
} lab_worker_sink;

/* COUNT threads named "worker-1", ...; 0 = one per processor that this
 * thread may use, at least 2. What they have done is posted to SCHED, which
 * must outlive them. 0 or negative errno. */
int lab_workers_new(lab_workers **out, unsigned count, lab_sched *sched);
/* Runs all jobs that were submitted, then ends the threads. If that is to be
 * quick, set the jobs' cancelled before. Any thread but a worker; nothing may
 * be submitted any more. */
void lab_workers_free(lab_workers *w);

/* SINK (or none, NULL) is told from now on, also of the jobs that run already;
 * of those before this returns, on this thread. The former sink isn't used any
 * more when this returns. Any thread. */
void lab_workers_set_sink(lab_workers *w, lab_worker_sink *sink);

/* Any thread. JOB belongs to the workers until done. */
void lab_workers_submit(lab_workers *w, lab_job *job);
/* JOB, which was submitted or not and isn't done, is told to stop. If it still
 * waits for a worker it isn't run: it is done at once, though all workers are
 * busy. The scheduler's thread. */
void lab_workers_cancel(lab_workers *w, lab_job *job);

/* How many threads there are, how many of them run a job, and how many jobs
 * wait for one. Any thread. */
typedef struct lab_workers_load {
  unsigned threads, busy, queued;
} lab_workers_load;
void lab_workers_read(lab_workers *w, lab_workers_load *load);

/* Runs JOB on the calling worker. Not for callers outside: it is declared
 * because profiles end a job's native stack at this function. */
__attribute__((noinline)) void lab_worker_run(lab_job *job);

/* The job that the calling thread runs, or NULL. Any thread;
 * async-signal-safe. */
lab_job *lab_worker_job(void);

/* The calling thread's number as in lab_worker_sink, or -1: it is no worker.
 * Any thread; async-signal-safe. */
int lab_worker_index(void);

/* Long loops of primitives ask this now and then: true when the calling
 * thread's job was cancelled. False on threads without a job. Any thread,
 * async-signal-safe, a few ns. */
bool lab_job_cancelled(void);

#endif
