/* SPDX-License-Identifier: MIT
 * Execution traces that `go tool trace` opens.
 *
 * One recording at a time in a process, as in Go. It is a stream of events in
 * the format "go 1.19 trace": tasks are goroutines, the VM and the workers are
 * Procs. The format's readers refuse a whole file for one event that doesn't
 * fit (a goroutine woken that didn't wait, a P that runs two), so this module
 * keeps the state of every goroutine and of the VM's P, and corrects what it is
 * told: after any sequence of calls the file is accepted.
 *
 *   open -> the snapshot's events -> start -> events -> seal
 *   take, take, ... (also meanwhile), then tables until 0, then close
 *
 * Memory is bounded: events wait in chunks until they are taken. When the pool
 * is full, or the limit of events is reached, the recording is sealed early: a
 * shorter trace, but a whole one, that says so itself in a log event. Names are
 * kept until the end: when the different ones that a program gives to its
 * tasks, regions and logs have grown to LAB_TRACE_NAMES, what is new is
 * "[other]"; the names in stacks have as much again. With open regions, 16 MiB
 * at most.
 *
 * Stacks are the caller's numbers; their names are asked for at the end
 * (names.h).
 *
 * This header is the life of a recording; events are in go.h, job.h, memory.h
 * and user.h. A file of src/trace calls only those above it:
 *
 *   wire.h, names.h       the format; how frames are named
 *   chunks, table         bytes that wait; strings and stacks, and their hash
 *   record                the recording: its lock, its state, its events
 *   proc                  what runs on the VM's P
 *   memory, user, job     the collector; what the program says; the workers
 *   go                    goroutines
 *   trace                 beginning, seal and end; what readers take
 *   decode, json_items, json   the same recording as JSON
 *   flight_chunk, flight_jobs, flight_ring, flight, flight_cut
 *                         the flight recorder: a ring of what has just happened
 *   replay_survey, replay a recording of what is in the ring
 *
 * Threads: any (there is one mutex), but never a signal handler. While nothing
 * is recorded an event costs its caller one branch, `if (lab_trace_on()) ...`,
 * and its call does nothing. */
#ifndef LAB_TRACE_TRACE_H
#define LAB_TRACE_TRACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "trace/go.h"
#include "trace/job.h"
#include "trace/memory.h"
#include "trace/names.h"
#include "trace/user.h"

enum {
  LAB_TRACE_EVENTS = 2000000, /* the default limit */
  LAB_TRACE_POOL = 4 << 20,   /* bytes that may wait to be taken */
  LAB_TRACE_NAMES = 4 << 20,  /* bytes of names, twice: see above */
};

/* Read it by lab_trace_on only. */
extern atomic_bool lab_trace_recording;

/* Whether events are wanted. */
static inline bool lab_trace_on(void) {
  return __builtin_expect(
      atomic_load_explicit(&lab_trace_recording, memory_order_relaxed), 0);
}

typedef struct lab_trace_config {
  uint64_t max_events; /* 0: LAB_TRACE_EVENTS */
  size_t pool;         /* 0: LAB_TRACE_POOL; snapshot and seal may exceed it */
  unsigned workers;    /* Ps in addition to the VM's */
  uint32_t worker;     /* stack: what a worker's goroutine is called */
  uint32_t start; /* stack: what created goroutines whose creator isn't known */
  uint32_t wakeup;        /* stack for wake-ups whose stack isn't known */
  uint64_t (*heap)(void); /* HeapAlloc; quick, and calls nothing of trace */
  uint64_t present; /* mono ns: it is a recording of the past, and begins then;
                       lab_trace_on stays false. 0: of what happens now */
  char remark[64];  /* a line of the log at the end of the trace; "": none */
} lab_trace_config;

/* Begins a recording. Until lab_trace_start the caller tells what is there
 * already (the snapshot): goroutines, jobs, user tasks and regions. That is
 * what there was at this moment: so what is told without a time of its own
 * happened now. Log lines, samples, the heap and the collector are not recorded
 * yet. -EBUSY if there is
 * a recording, which ends with lab_trace_close. */
int lab_trace_open(const lab_trace_config *config);
/* Of a recording of the past: what is told next, without a time of its own,
 * happened at NOW. */
void lab_trace_set_present(uint64_t now);
/* Whether at least BYTES wait to be taken. */
bool lab_trace_has_waiting(size_t bytes);
/* The snapshot is complete. NEXT_GC: see lab_trace_gc_end. */
void lab_trace_start(uint64_t next_gc);
/* A line of the log, by which readers find where the visit of a step begins. */
#define LAB_TRACE_VISIT "here the visit begins"
/* The visit begins now: a recording of what happens now gets that line, and
 * REMARK in place of its former one. */
void lab_trace_begin_visit(const char *remark);
/* Ends it: what runs is closed, so that the file is valid. WHY: a sentence for
 * the trace if that is earlier than asked for, else NULL. The second call does
 * nothing. */
void lab_trace_seal(const char *why);
bool lab_trace_sealed(void);
/* True from lab_trace_start on. */
bool lab_trace_started(void);
/* After the seal: why it came early, or "". Valid until lab_trace_close. */
const char *lab_trace_fault(void);
/* Events so far. */
uint64_t lab_trace_events(void);

/* The file, piece by piece: appends the next one to OUT (empty). False: there
 * is none now. PARTLY: also one that isn't full. */
bool lab_trace_take(lab_buf *out, bool partly);
/* After the seal, and when all was taken: appends the next piece of the tables
 * to OUT. False: there is none left. Slow if NAMER is; one thread. */
bool lab_trace_tables(lab_trace_namer *namer, lab_buf *out);
/* Gives everything back; another recording may begin. Seals if need be. */
void lab_trace_close(void);

#endif
