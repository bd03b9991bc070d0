/* SPDX-License-Identifier: MIT
 * The flight recorder: what would have been in a trace of the last seconds.
 *
 * It is a ring of records in memory, each a call of go.h, user.h, job.h or
 * memory.h with its time. Nobody reads it until somebody asks what has just
 * happened: then the records are played into a recording of their own
 * (replay.h), which makes a trace of them. So an event costs no more than a few
 * bytes, and nothing is kept of tasks that do nothing.
 *
 * The ring is a list of chunks. The oldest goes when all of it is older than
 * the ring's time, or the ring has its bytes. A chunk can be understood without
 * those before it: the end of what began before the chunk says what that was.
 * Stacks are numbers, which flight_cut.h names to whoever keeps them.
 *
 * There is one in a process, on by default: so a call is a few dozen
 * instructions, without a lock. Old chunks go when new records come, or when
 * somebody sees that they are old (lab_flight_is_stale).
 *
 * Threads: the VM's (what workers do is in flight_jobs.h), never a signal
 * handler. Ask lab_flight_on first: while it is off a call costs one branch. */
#ifndef LAB_TRACE_FLIGHT_H
#define LAB_TRACE_FLIGHT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/go.h"

/* Read it by lab_flight_ns and lab_flight_on only. */
extern atomic_uint_fast64_t lab_flight_recording;

/* How much it keeps; 0: it is off. Any thread. */
static inline uint64_t lab_flight_ns(void) {
  return atomic_load_explicit(&lab_flight_recording, memory_order_relaxed);
}

static inline bool lab_flight_on(void) {
  return lab_flight_ns() > 0;
}

/* Records the last NS, in at most BYTES, of a VM with so many WORKERS. While
 * the VM's thread doesn't run, or on it, as close. */
void lab_flight_open(uint64_t ns, size_t bytes, unsigned workers);
/* Forgets all, and records no longer. Workers may still call. */
void lab_flight_close(void);

/* At NOW (mono ns), is there a chunk that is older than what it keeps? While
 * nothing happens it would stay for ever. Any thread. */
bool lab_flight_is_stale(uint64_t now);
/* Gives such chunks back. */
void lab_flight_drop_stale(uint64_t now);

/* ---- what happens: NOW is mono ns ---------------------------------------- */

enum { LAB_FLIGHT_NAME = 80 }; /* room for what lab_flight_name writes */

/* Writes the name of OF, at most SIZE - 1 bytes of it, and a 0. Returns its
 * length. */
typedef size_t lab_flight_name(const void *of, char *out, size_t size);

/* What is known of a goroutine besides its state. */
typedef struct lab_flight_facts {
  uint64_t id, task; /* the user task it works for, or 0 */
  uint32_t entry;    /* stack of one frame, where its function is defined */
  uint32_t creator;  /* the stack that made it, or 0 */
  bool serves;       /* a request */
} lab_flight_facts;
/* Writes those of OF. */
typedef void lab_flight_tell(const void *of, lab_flight_facts *out);

/* It serves no request. */
void lab_flight_create(const lab_flight_facts *of, uint64_t now);
/* Goroutine ID serves the request OF, whose user task TASK begins and ends with
 * it. */
void lab_flight_request(uint64_t id, uint64_t task, uint32_t entry,
                        lab_flight_name *name, const void *of, uint64_t now);
/* REQUEST: the user task of the request that it has served, or 0. If it began
 * long ago TELL is called, and for a request NAME. */
void lab_flight_end(uint64_t id, uint64_t request, lab_flight_tell *tell,
                    lab_flight_name *name, const void *of, uint64_t now);
static inline void lab_flight_start(uint64_t id, uint64_t now);
void lab_flight_block(uint64_t id, lab_trace_why why, uint32_t stack,
                      uint64_t now);
void lab_flight_yield(uint64_t id, bool preempted, uint32_t stack,
                      uint64_t now);
/* It has waited for WHY at WAITED, since BEGAN (mono ns); WAKER, SINCE: as in
 * lab_trace_go_unblock. */
void lab_flight_unblock(uint64_t id, uint32_t waker, uint64_t since,
                        lab_trace_why why, uint32_t waited, uint64_t began,
                        uint64_t now);

/* As lab_trace_queued, just after lab_flight_request. */
void lab_flight_queued(uint64_t task, uint64_t ns, uint64_t now);

/* A region of the goroutine ID, in the user task TASK. */
void lab_flight_region(uint64_t id, uint64_t task, const char *name,
                       bool enters, uint32_t stack, uint64_t now);
/* A user task, but for those of requests. PARENT: that outside, or 0. */
void lab_flight_task_begin(uint64_t task, uint64_t parent, const char *name,
                           uint32_t stack, uint64_t now);
void lab_flight_task_end(uint64_t task, uint64_t parent, const char *name,
                         uint32_t stack, uint64_t now);
void lab_flight_log(uint64_t task, const char *text, size_t len, uint32_t stack,
                    uint64_t now);

/* As in memory.h. */
void lab_flight_gc_begin(uint32_t stack, uint64_t now);
void lab_flight_gc_end(bool done, uint64_t next_gc, uint64_t now);
/* The heap's size. Ask lab_flight_wants_heap first. */
void lab_flight_heap(uint64_t bytes, uint64_t now);

/* ---- inline, since most calls do no more --------------------------------- */

/* Private. */
typedef struct lab_flight_pending {
  /* A start that isn't in the ring yet: mostly nothing happens until the stop,
   * and then both are one record. Id 0: there is none. */
  uint64_t started, started_at;
  uint64_t heap_at; /* the last point of the heap's curve */
} lab_flight_pending;
extern lab_flight_pending lab_flight_now;
void lab_flight_write_start(void);

static inline void lab_flight_start(uint64_t id, uint64_t now) {
  if (__builtin_expect(lab_flight_now.started != 0, 0))
    lab_flight_write_start();
  lab_flight_now.started = id;
  lab_flight_now.started_at = now;
}

/* Whether the last point of the heap's curve is old enough for a new one. */
static inline bool lab_flight_wants_heap(uint64_t now) {
  enum { APART = 1000000 };
  return __builtin_expect(now - lab_flight_now.heap_at > APART, 0);
}

#endif
