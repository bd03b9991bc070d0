/* SPDX-License-Identifier: MIT
 * What workers do, for the flight recorder: only the VM's thread writes into
 * its ring, so jobs that are over wait here until it takes them.
 *
 * Threads: any, never a signal handler. */
#ifndef LAB_TRACE_FLIGHT_JOBS_H
#define LAB_TRACE_FLIGHT_JOBS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As in job.h; NOW is mono ns. Ask lab_flight_on first. */
void lab_flight_job_begin(unsigned index, const char *label, uint32_t stack,
                          uint64_t now);
void lab_flight_job_end(unsigned index, uint64_t now);

/* ---- inside src/trace ---------------------------------------------------- */

/* A job of worker INDEX. */
typedef struct lab_flight_job {
  struct lab_flight_job *next; /* of those that are over */
  bool busy;                   /* it isn't over; or else the worker has none */
  unsigned index;
  uint32_t stack;
  uint64_t began, ended; /* mono ns */
  char label[64];
} lab_flight_job;

/* Whether some are over and were not taken; or there was no memory for that. */
extern atomic_bool lab_flight_jobs_wait;

void lab_flight_jobs_open(unsigned workers);
/* Later calls by workers do nothing. */
void lab_flight_jobs_close(void);
unsigned lab_flight_jobs_workers(void);
/* Takes those that are over, the first one first; the caller frees each.
 * PRESENT: gets what each worker does at this moment, or is NULL. *LOST: there
 * were others, for which there was no memory. */
lab_flight_job *lab_flight_jobs_take(lab_flight_job *present, bool *lost);

#endif
