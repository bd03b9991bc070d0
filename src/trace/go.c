/* SPDX-License-Identifier: MIT
 * See go.h: each call is written if it fits the state of its goroutine, and
 * corrected or left out if it doesn't. */
#include "trace/go.h"

#include "trace/memory.h"
#include "trace/proc.h"
#include "trace/record.h"
#include "trace/user.h"

static recording *const r = &lab_trace_state;

void lab_trace_go_create(lab_trace_g *g, uint32_t entry, uint32_t creator,
                         uint64_t now) {
  if (!lab_trace_enter(true))
    return;
  if (g->epoch != r->epoch && g->id > 0 && g->id < LAB_TRACE_G_MAX) {
    now = lab_trace_time(now);
    PUT(VM_PROC, now, EV_GO_CREATE, g->id,
        lab_trace_stack(entry, r->config.start),
        lab_trace_stack(creator, r->config.start));
    g->epoch = r->epoch;
    g->seq = 1;
    g->regions = 0;
    g->state = RUNNABLE;
  }
  lab_trace_leave();
}

void lab_trace_go_start(lab_trace_g *g, uint64_t now) {
  if (!lab_trace_enter(true))
    return;
  if (lab_trace_state_of(g) != UNKNOWN && lab_trace_state_of(g) != RUNNING) {
    now = lab_trace_time(now);
    lab_trace_proc_make_way(now);
    if (g->state != RUNNABLE)
      lab_trace_proc_unblock(g, 0, 0, now);
    lab_trace_proc_run(g, now);
    lab_trace_heap_point(now);
  }
  lab_trace_leave();
}

/* For a new one that waits before it ever ran only the event Waiting fits. */
void lab_trace_go_block(lab_trace_g *g, lab_trace_why why, uint32_t stack,
                        uint64_t now) {
  if (!lab_trace_enter(true))
    return;
  if (lab_trace_state_of(g) == RUNNING) {
    lab_trace_proc_block(g, why, lab_trace_stack(stack, 0),
                         lab_trace_time(now));
  } else if (lab_trace_state_of(g) == RUNNABLE && g->seq == 1) {
    g->since = lab_trace_time(now);
    PUT(VM_PROC, g->since, EV_GO_WAITING, g->id);
    g->seq = 2;
    g->state = WAITING;
  }
  lab_trace_leave();
}

void lab_trace_go_yield(lab_trace_g *g, bool preempted, uint32_t stack,
                        uint64_t now) {
  if (!lab_trace_enter(true))
    return;
  if (lab_trace_state_of(g) == RUNNING)
    lab_trace_proc_yield(g, preempted, lab_trace_stack(stack, 0),
                         lab_trace_time(now));
  lab_trace_leave();
}

/* SINCE, if it is before NOW, but not before G is known to wait. Else 0. */
static uint64_t time_within_wait(uint64_t since, const lab_trace_g *g,
                                 uint64_t now) {
  if (since == 0)
    return 0;
  if (since < g->since)
    since = g->since;
  return since < now ? since : 0;
}

void lab_trace_go_unblock(lab_trace_g *g, uint32_t stack, uint64_t since,
                          uint64_t now) {
  if (!lab_trace_enter(true))
    return;
  if (lab_trace_state_of(g) == WAITING || lab_trace_state_of(g) == IN_SYSCALL) {
    now = lab_trace_time(now);
    lab_trace_proc_unblock(g, stack, time_within_wait(since, g, now), now);
  }
  lab_trace_leave();
}

/* Only what runs can end. So a goroutine that doesn't run is made to, if
 * nothing else runs; if something does, its end isn't written. */
void lab_trace_go_end(lab_trace_g *g, uint64_t now) {
  if (!lab_trace_enter(true))
    return;
  if (lab_trace_state_of(g) != UNKNOWN) {
    now = lab_trace_time(now);
    if (g->state != RUNNING && !r->running) {
      if (g->state != RUNNABLE)
        lab_trace_proc_unblock(g, 0, 0, now);
      lab_trace_proc_run(g, now);
    }
    if (g->state == RUNNING) {
      lab_trace_proc_end_pause(now);
      PUT0(VM_PROC, now, EV_GO_END);
      r->running = NULL;
    }
    lab_trace_drop_regions(g);
    g->state = UNKNOWN;
  }
  lab_trace_leave();
}
