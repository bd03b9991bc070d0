/* SPDX-License-Identifier: MIT
 * Goroutines in a trace: their beginning, their end, and what they do. All of
 * them run on the VM's P.
 *
 * A call that doesn't fit the state of its goroutine is put right, or left out;
 * so is every call while nothing is recorded. NOW is mono ns, 0: the present. A
 * STACK of 0 is none that the caller knows.
 *
 * Threads: any, never a signal handler. Ask lab_trace_on first. */
#ifndef LAB_TRACE_GO_H
#define LAB_TRACE_GO_H

#include <stdbool.h>
#include <stdint.h>

/* Embedded in the struct of each task. The task zeroes it and sets id; from
 * then on the fields are this module's, until lab_trace_go_end or the end of
 * the task. */
typedef struct lab_trace_g {
  uint64_t id;      /* 1, 2, ...; below LAB_TRACE_G_MAX, never reused */
  uint64_t task;    /* the user task it works for, or 0; the owner may set it */
  uint64_t since;   /* it waits: from when on */
  uint32_t epoch;   /* the recording that knows it */
  uint32_t seq;     /* of its next event that needs one */
  uint32_t regions; /* its open regions */
  uint32_t state : 8;
  uint32_t entry : 24; /* the owner's: the id of its function, or 0 */
} lab_trace_g;
enum { LAB_TRACE_ENTRY_MAX = 0xffffff };

/* Ids from here on are those of the workers' goroutines, and the lab's own. */
#define LAB_TRACE_G_MAX 1000000000000ull

/* Why a goroutine waits: the reasons that Go's format has. */
typedef enum lab_trace_why {
  LAB_TRACE_BLOCK, /* for anything that isn't below */
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
 * defined; CREATOR: the stack that made it, 0: none. */
void lab_trace_go_create(lab_trace_g *g, uint32_t entry, uint32_t creator,
                         uint64_t now);
/* It runs from now on. */
void lab_trace_go_start(lab_trace_g *g, uint64_t now);
/* It ran, and waits from now on, at STACK. */
void lab_trace_go_block(lab_trace_g *g, lab_trace_why why, uint32_t stack,
                        uint64_t now);
/* It ran, and is runnable from now on. PREEMPTED: its time slice was over. */
void lab_trace_go_yield(lab_trace_g *g, bool preempted, uint32_t stack,
                        uint64_t now);
/* It waits no longer, and is runnable. What runs on the VM's P has done that,
 * at STACK (0: the configured one). SINCE: when it was runnable in truth, if
 * that was before NOW: the system call, or its time, was over. Else 0. */
void lab_trace_go_unblock(lab_trace_g *g, uint32_t stack, uint64_t since,
                          uint64_t now);
void lab_trace_go_end(lab_trace_g *g, uint64_t now);

#endif
