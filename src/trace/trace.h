/* SPDX-License-Identifier: MIT
 * Execution traces that `go tool trace` opens.
 *
 * One recording at a time in a process, as in Go. It is a stream of events in
 * the format "go 1.19 trace": tasks are goroutines, the VM and the workers are
 * Procs. The format's readers refuse a whole file for one event that doesn't
 * fit (a goroutine woken that didn't wait, a P that runs two), so this module
 * keeps the state of every goroutine and of the VM's P, and puts right what it
 * is told: whatever sequence of calls comes, the file is accepted.
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
 * Stacks are the caller's numbers; their names are asked for at the end.
 *
 * Threads: any, one mutex. Never in a signal handler. Off, an event costs the
 * caller one branch: `if (lab_trace_on()) ...`. NOW is mono ns, 0: the present.
 * What is called while nothing is recorded does nothing. */
#ifndef LAB_TRACE_TRACE_H
#define LAB_TRACE_TRACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum {
  LAB_TRACE_EVENTS = 2000000, /* the default limit */
  LAB_TRACE_POOL = 4 << 20,   /* bytes that may wait to be taken */
  LAB_TRACE_NAMES = 4 << 20,  /* bytes of names, twice: see above */
  LAB_TRACE_DEPTH = 128,      /* frames of a stack that are shown */
};

/* Don't touch: see lab_trace_on. */
extern atomic_bool lab_trace_recording;

/* Whether events are wanted. */
static inline bool lab_trace_on(void) {
  return __builtin_expect(
      atomic_load_explicit(&lab_trace_recording, memory_order_relaxed), 0);
}

/* ---- a recording's life -------------------------------------------------- */

typedef struct lab_trace_config {
  uint64_t max_events; /* 0: LAB_TRACE_EVENTS */
  size_t pool;         /* 0: LAB_TRACE_POOL; snapshot and seal may exceed it */
  unsigned workers;    /* Procs besides the VM's */
  uint32_t worker;     /* stack: what a worker's goroutine is called */
  uint32_t start;      /* stack: the reader's "creator" of what was there */
  uint32_t wakeup;     /* stack for wake-ups that nobody else explains */
  uint64_t (*heap)(void); /* HeapAlloc, quickly; may not come back here */
} lab_trace_config;

/* Begins a recording; until lab_trace_start only the snapshot's calls count.
 * -EBUSY if there is one (until lab_trace_close). */
int lab_trace_open(const lab_trace_config *config);
/* The snapshot is complete. NEXT_GC: see lab_trace_gc_end. */
void lab_trace_start(uint64_t next_gc);
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

/* What a stack's frame is called. */
typedef struct lab_trace_frame {
  const char *function, *file;
  int line;
} lab_trace_frame;

/* Writes at most LAB_TRACE_DEPTH frames of STACK, leaf first; returns how many,
 * at least 1. The strings must stay until lab_trace_close. */
typedef size_t lab_trace_namer(uint32_t stack,
                               lab_trace_frame out[LAB_TRACE_DEPTH]);

/* After the seal, and when all was taken: appends the next piece of the tables
 * to OUT. False: that was all. Slow if NAMER is; one thread. */
bool lab_trace_tables(lab_trace_namer *namer, lab_buf *out);
/* Gives everything back; another recording may begin. Seals if need be. */
void lab_trace_close(void);

/* ---- goroutines: all of them run on the VM's P --------------------------- */

/* Embedded in whatever is a goroutine; zeroed, then id set, then owned by this
 * module, until lab_trace_go_end or the owner's end. */
typedef struct lab_trace_g {
  uint64_t id;      /* 1, 2, ...; below LAB_TRACE_G_MAX, never reused */
  uint64_t task;    /* the user task it works for, or 0; the owner may set it */
  uint64_t since;   /* beginning of a system call */
  uint32_t epoch;   /* the recording that knows it */
  uint32_t seq;     /* of its next event that needs one */
  uint32_t regions; /* its open regions */
  uint8_t state;
} lab_trace_g;

/* Beyond are the workers' goroutines, and the lab's own. */
#define LAB_TRACE_G_MAX 1000000000000ull

/* Why a goroutine waits; they are Go's. */
typedef enum lab_trace_why {
  LAB_TRACE_BLOCK, /* for something of its own */
  LAB_TRACE_SLEEP,
  LAB_TRACE_SEND,
  LAB_TRACE_RECEIVE,
  LAB_TRACE_SELECT,
  LAB_TRACE_SYNC, /* a lock */
  LAB_TRACE_COND,
  LAB_TRACE_NET,
  LAB_TRACE_SYSCALL, /* a worker does it */
  LAB_TRACE_WHYS
} lab_trace_why;

/* G is new, and runnable. ENTRY: a stack of one frame, where its function is
 * defined; CREATOR: whoever made it, 0: nobody that has a stack. */
void lab_trace_go_create(lab_trace_g *g, uint32_t entry, uint32_t creator,
                         uint64_t now);
void lab_trace_go_start(lab_trace_g *g, uint64_t now);
void lab_trace_go_block(lab_trace_g *g, lab_trace_why why, uint32_t stack,
                        uint64_t now);
/* It stays runnable. PREEMPTED: it was made to. */
void lab_trace_go_yield(lab_trace_g *g, bool preempted, uint32_t stack,
                        uint64_t now);
/* It waits no longer. Whatever runs on the VM's P has done that, at STACK (0:
 * the configured one). SINCE: for LAB_TRACE_SYSCALL, when the call was over, if
 * that is known, else 0. */
void lab_trace_go_unblock(lab_trace_g *g, uint32_t stack, uint64_t since,
                          uint64_t now);
void lab_trace_go_end(lab_trace_g *g, uint64_t now);

/* ---- workers: each has a P and a goroutine of its own -------------------- */

/* Worker INDEX (0...) has a job; LABEL: what it is called. The strings are
 * copied. */
void lab_trace_job_begin(unsigned index, const char *label, uint32_t stack,
                         uint64_t now);
void lab_trace_job_end(unsigned index, uint64_t now);

/* ---- memory and collector ------------------------------------------------ */

/* A good moment for a point of the heap's curve: more than a few thousand per
 * second aren't written. */
void lab_trace_heap(void);
/* The collector begins to work, and scenarios stand still; then they go on.
 * DONE: a cycle has ended; NEXT_GC: the heap at which the next one begins. */
void lab_trace_gc_begin(uint32_t stack);
void lab_trace_gc_end(bool done, uint64_t next_gc);

/* ---- users' tasks, regions, logs ----------------------------------------- */

/* A user task begins or ends, in the goroutine that runs. Where none does, one
 * is made up that begins it, and is called by STACK. TASK: a number that no
 * other has in this recording. PARENT: another, or 0. */
void lab_trace_task_begin(uint64_t task, uint64_t parent, const char *name,
                          uint32_t stack, uint64_t now);
void lab_trace_task_end(uint64_t task, uint32_t stack, uint64_t now);
/* A region of the goroutine that runs, in its task. They nest: the end of one
 * ends those within. */
void lab_trace_region_begin(const char *name, uint32_t stack, uint64_t now);
void lab_trace_region_end(const char *name, uint32_t stack, uint64_t now);
/* A line of the log, for the task of the goroutine that runs. */
void lab_trace_log(const char *key, const char *text, size_t len,
                   uint32_t stack);

/* ---- samples of a CPU profile -------------------------------------------- */

/* PROC: 0 the VM's, 1... the workers', -1 none. One from before the recording
 * is left out. */
void lab_trace_sample(uint64_t when, int proc, uint32_t stack);

#endif
