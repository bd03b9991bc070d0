/* SPDX-License-Identifier: MIT
 * What the flight recorder's ring has, for who reads it.
 *
 * Threads: the VM's, but for free; never a signal handler. */
#ifndef LAB_TRACE_FLIGHT_CUT_H
#define LAB_TRACE_FLIGHT_CUT_H

#include "trace/flight.h"
#include "trace/flight_chunk.h"
#include "trace/flight_jobs.h"

/* Calls KEEP with each stack that a record has, some of them several times. */
void lab_flight_each_stack(void (*keep)(uint32_t stack));

/* What the ring has at a moment. Its chunks don't change any more. */
typedef struct lab_flight_cut {
  lab_flight_chunk **chunks; /* the oldest first */
  size_t nchunks;
  lab_flight_job *jobs; /* one for each worker */
  unsigned workers;
  uint64_t from; /* mono ns: from here on all is known */
  uint64_t at;   /* mono ns: the moment */
} lab_flight_cut;

/* Takes OUT, for lab_flight_cut_free. False: it is off, or there is no memory.
 */
bool lab_flight_cut_take(lab_flight_cut *out);
void lab_flight_cut_free(lab_flight_cut *cut);

#endif
