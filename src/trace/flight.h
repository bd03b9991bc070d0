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
 * There is one in a process. Nothing wakes up for it: old chunks go when new
 * records come.
 *
 * Threads: any, never a signal handler. Ask lab_flight_on first: while it is
 * off a call costs one branch. */
#ifndef LAB_TRACE_FLIGHT_H
#define LAB_TRACE_FLIGHT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/go.h"

/* Read it by lab_flight_on only. */
extern atomic_bool lab_flight_recording;

static inline bool lab_flight_on(void) {
  return atomic_load_explicit(&lab_flight_recording, memory_order_relaxed);
}

/* Records the last NS, in at most BYTES, of a VM with so many WORKERS. */
void lab_flight_open(uint64_t ns, size_t bytes, unsigned workers);
/* Forgets all, and records no longer. */
void lab_flight_close(void);
/* ---- what happens: NOW is mono ns ---------------------------------------- */

/* What is known of a goroutine besides its state. */
typedef struct lab_flight_facts {
  uint64_t id, task; /* the user task it works for, or 0 */
  uint32_t entry;    /* stack of one frame, where its function is defined */
  uint32_t creator;  /* the stack that made it, or 0 */
  bool serves;       /* a request */
} lab_flight_facts;

void lab_flight_create(const lab_flight_facts *of, uint64_t now);
void lab_flight_start(uint64_t id, uint64_t now);
void lab_flight_block(uint64_t id, lab_trace_why why, uint32_t stack,
                      uint64_t now);
void lab_flight_yield(uint64_t id, bool preempted, uint32_t stack,
                      uint64_t now);
/* It has waited for WHY at WAITED, since BEGAN (mono ns); WAKER, SINCE: as in
 * lab_trace_go_unblock. */
void lab_flight_unblock(uint64_t id, uint32_t waker, uint64_t since,
                        lab_trace_why why, uint32_t waited, uint64_t began,
                        uint64_t now);
void lab_flight_end(const lab_flight_facts *of, uint64_t now);

/* A region of the goroutine ID, in the user task TASK. */
void lab_flight_region(uint64_t id, uint64_t task, const char *name,
                       bool enters, uint32_t stack, uint64_t now);
void lab_flight_task_begin(uint64_t task, uint64_t parent, const char *name,
                           uint32_t stack, uint64_t now);
/* Writes the name of OF, at most SIZE bytes of it. */
typedef void lab_flight_name(const void *of, char *out, size_t size);
/* WRITE is called if the name is needed again: TASK began long ago. */
void lab_flight_task_end(uint64_t task, lab_flight_name *write, const void *of,
                         uint32_t stack, uint64_t now);
void lab_flight_log(const char *text, size_t len, uint32_t stack, uint64_t now);

/* As in job.h. */
void lab_flight_job_begin(unsigned index, const char *label, uint32_t stack,
                          uint64_t now);
void lab_flight_job_end(unsigned index, uint64_t now);

/* As in memory.h. */
void lab_flight_gc_begin(uint32_t stack, uint64_t now);
void lab_flight_gc_end(bool done, uint64_t next_gc, uint64_t now);
/* A good moment for a point of the heap's curve; READ is called if the last one
 * is old enough. */
void lab_flight_heap(uint64_t (*read)(void), uint64_t now);

#endif
