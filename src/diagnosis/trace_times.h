/* SPDX-License-Identifier: MIT
 * What the events of an execution trace add up to: times by stack and state.
 * Internal to trace_profiles.c. Threads: one at a time. */
#ifndef LAB_DIAGNOSIS_TRACE_TIMES_H
#define LAB_DIAGNOSIS_TRACE_TIMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/table.h"
#include "diagnosis/trace_profiles.h"
#include "vm/trace_why.h"

/* What a goroutine does: a lab_trace_why, or one of these. */
enum { RUNNING = LAB_TRACE_WHYS, RUNNABLE, UNKNOWN, ENDED };

/* Bytes of the trace. */
typedef struct piece {
  const char *data;
  size_t len;
} piece;

typedef struct goroutine {
  uint64_t id, since;
  uint32_t entry; /* stacks */
  uint32_t stack; /* where it waits, or was last seen */
  uint8_t state;
  bool is_new; /* it began in the trace */
  bool serves; /* a request of the application, now */
} goroutine;

/* What was seen at a stack, in a state. */
typedef struct sum {
  uint32_t stack;
  uint8_t state;
  uint64_t ns;             /* all of it */
  uint64_t waits, wait_ns; /* those that have ended */
  uint64_t goroutines;     /* new ones that are there at the end */
} sum;

typedef struct reader {
  piece *strings, *stacks; /* by number */
  size_t nstrings, nstacks;
  goroutine *gs;
  size_t ngs, gs_room;
  lab_table g_table;
  sum *sums;
  size_t nsums, sums_room;
  lab_table sum_table;
  uint32_t *running; /* by P: which of gs + 1 runs there, or 0 */
  uint64_t first, last;
  unsigned beginnings; /* two: the snapshot of what there was is complete */
  uint64_t begun, ended, open; /* requests; these are under way... */
  uint64_t busy, busy_since;   /* ...and so is at least one */
  uint64_t deadline;           /* of the thread's CPU time */
  size_t turns, frames;
  bool is_full, is_late, has_visit; /* which began in it, at `first` */
  lab_trace_facts *facts;
} reader;

/* Reads LEN BYTES of a trace, which must stay, into R: all zeros but for facts
 * and deadline. False: they are no whole trace. What is too much, or takes too
 * long, is left out; is_full or is_late says so. */
bool lab_trace_times_read(reader *r, const void *bytes, size_t len);
void lab_trace_times_free(reader *r);

#endif
