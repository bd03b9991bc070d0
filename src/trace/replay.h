/* SPDX-License-Identifier: MIT
 * Makes a recording (trace.h) of what the flight recorder has (flight.h), from
 * a moment on until the cut.
 *
 *   r = lab_trace_replay_new(&input)         prepares; opens no recording
 *   rc = lab_trace_replay_open(r, &config)   as lab_trace_open
 *   while (lab_trace_replay_step(r)) ... lab_trace_take ...
 *   ... take the rest, and the tables; lab_trace_close ...
 *   lab_trace_replay_free(r)
 *
 * A trace begins with all goroutines that there were, and what each of them
 * did. That follows from the records: from those before the beginning, and from
 * the first one after it, since a goroutine that is woken has waited, and one
 * that starts was runnable. Goroutines without a record did all the time what
 * they do at the cut. So did those regions and user tasks of which the records
 * have no beginning.
 *
 * Threads: one at a time; new and step are slow. */
#ifndef LAB_TRACE_REPLAY_H
#define LAB_TRACE_REPLAY_H

#include "trace/flight_cut.h"
#include "trace/trace.h"

/* A region or a user task that is open at the cut. */
typedef struct lab_replay_scope {
  const char *text;
  uint64_t task; /* the user task, or that in which the region is */
  bool is_region;
} lab_replay_scope;

/* A goroutine at the cut. */
typedef struct lab_replay_task {
  lab_flight_facts facts; /* task: the one in which it began */
  uint32_t stack;         /* where it is; 0: it has not begun */
  uint8_t why;            /* lab_trace_why, if it waits */
  bool waits;             /* or it is runnable */
  const char *name; /* of its user task, if it serves a request; else NULL */
  const lab_replay_scope *scopes; /* the innermost first */
  size_t nscopes;
} lab_replay_task;

typedef struct lab_replay_input {
  lab_flight_cut cut;
  lab_replay_task *tasks; /* lab_try_malloc's */
  size_t ntasks;
  lab_replay_scope *scopes; /* lab_try_malloc's: those of tasks, their names */
  char *names;
  uint64_t heap; /* HeapAlloc and NextGC at the cut */
  uint64_t next_gc;
  uint32_t region; /* stack: what begins a request, and its region */
} lab_replay_input;

typedef struct lab_trace_replay lab_trace_replay;

/* The last NS before the cut; less if the ring has less. INPUT must stay. */
lab_trace_replay *lab_trace_replay_new(const lab_replay_input *input,
                                       uint64_t ns);
/* Accepts NULL. */
void lab_trace_replay_free(lab_trace_replay *r);
/* How much time the trace tells of. */
uint64_t lab_trace_replay_ns(const lab_trace_replay *r);
/* Begins the recording: -EBUSY if there is one. CONFIG's heap and present are
 * set here. REMARK: a line of the log at its beginning, or "". VISIT: when the
 * present visit began, which gets a line, too, if it is within the trace. */
int lab_trace_replay_open(lab_trace_replay *r, lab_trace_config config,
                          const char *remark, uint64_t visit);
/* Plays some of the records, as much as a reader takes at once. False: that was
 * the end, and the recording is sealed. */
bool lab_trace_replay_step(lab_trace_replay *r);

#endif
