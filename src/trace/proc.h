/* SPDX-License-Identifier: MIT
 * The VM's P: which goroutine runs on it, and since when. Internal to
 * src/trace; under the recording's lock, while there is a recording.
 *
 * What is called here must fit the state of the goroutine: go.c checks that. */
#ifndef LAB_TRACE_PROC_H
#define LAB_TRACE_PROC_H

#include "trace/record.h"

typedef enum lab_trace_g_state {
  UNKNOWN, /* or it has ended */
  RUNNABLE,
  RUNNING,
  WAITING,
  IN_SYSCALL,
} lab_trace_g_state;

/* The state of G in this recording. */
static inline lab_trace_g_state lab_trace_state_of(const lab_trace_g *g) {
  return g->epoch == lab_trace_state.epoch ? (lab_trace_g_state)g->state
                                           : UNKNOWN;
}

/* The P begins; what runs on it is put back, and it ends. */
void lab_trace_proc_begin(uint64_t now);
void lab_trace_proc_end(uint64_t now);

/* G, which is RUNNABLE, runs; nothing else does. */
void lab_trace_proc_run(lab_trace_g *g, uint64_t now);
/* G, which is RUNNING, is RUNNABLE, or waits. STACK is in use, or 0. */
void lab_trace_proc_yield(lab_trace_g *g, bool preempted, uint32_t stack,
                          uint64_t now);
void lab_trace_proc_block(lab_trace_g *g, lab_trace_why why, uint32_t stack,
                          uint64_t now);
/* G, which is WAITING or IN_SYSCALL, is RUNNABLE. As lab_trace_go_unblock. */
void lab_trace_proc_unblock(lab_trace_g *g, uint32_t stack, uint64_t since,
                            uint64_t now);
/* Something else is about to run: what runs now doesn't any longer. */
void lab_trace_proc_make_way(uint64_t now);
/* The collector's pause ends, if there is one. */
void lab_trace_proc_end_pause(uint64_t now);

/* If nothing runs, this helper does, until something else runs; if it runs, it
 * waits again. STACK: what it is called, in use. */
void lab_trace_run_helper(lab_trace_helper which, uint32_t stack, uint64_t now);
void lab_trace_park_helper(lab_trace_helper which, uint64_t now);

#endif
