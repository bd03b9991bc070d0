/* SPDX-License-Identifier: MIT
 * See memory.h.
 *
 * While Lua's collector works no scenario runs, so all of its work is what Go
 * calls "stop the world", inside a cycle; a cycle of several steps stays open
 * between them. */
#include "trace/memory.h"

#include "trace/proc.h"
#include "trace/record.h"

static recording *const r = &lab_trace_state;

static const uint64_t HEAP_NS = 250000; /* between two points */

void lab_trace_heap_point(uint64_t now) {
  if (!r->config.heap || (r->heap_at && now - r->heap_at < HEAP_NS))
    return;
  r->heap_at = now;
  PUT(VM_PROC, now, EV_HEAP_ALLOC, r->config.heap());
}

void lab_trace_heap(void) {
  if (!lab_trace_enter(false))
    return;
  lab_trace_heap_point(lab_trace_time(0));
  lab_trace_leave();
}

void lab_trace_gc_begin(uint32_t stack) {
  if (!lab_trace_enter(false))
    return;
  uint64_t now = lab_trace_time(0);
  stack = lab_trace_stack(stack, r->config.start);
  lab_trace_run_helper(LAB_TRACE_COLLECTOR, stack, now);
  if (!r->collecting)
    PUT(VM_PROC, now, EV_GC_START, r->collections++, stack);
  r->collecting = true;
  if (!r->stopped)
    PUT(VM_PROC, now, EV_STW_START, STW_MARK_TERMINATION);
  r->stopped = true;
  lab_trace_leave();
}

static void end_cycle(uint64_t now) {
  if (r->collecting)
    PUT0(VM_PROC, now, EV_GC_DONE);
  r->collecting = false;
}

void lab_trace_gc_end(bool done, uint64_t next_gc) {
  if (!lab_trace_enter(false))
    return;
  uint64_t now = lab_trace_time(0);
  lab_trace_proc_end_pause(now);
  if (done && r->collecting) {
    end_cycle(now);
    PUT(VM_PROC, now, EV_HEAP_GOAL, next_gc);
    r->heap_at = 0;
    lab_trace_heap_point(now);
  }
  lab_trace_park_helper(LAB_TRACE_COLLECTOR, now);
  lab_trace_leave();
}

void lab_trace_end_gc(uint64_t now) {
  lab_trace_proc_end_pause(now);
  end_cycle(now);
}
