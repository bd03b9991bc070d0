/* SPDX-License-Identifier: MIT
 * See proc.h.
 *
 * A task's goroutine lives on the VM's P, also while a worker does something
 * for it: it is in a system call then. As Go does, the P gets another thread
 * for what runs on, or newer readers refuse the file; so the numbers of threads
 * in a trace are not the kernel's.
 *
 * The collector works in whatever task needs memory, and news from the network
 * begins requests between tasks. Where no task runs these two have goroutines
 * of their own, the helpers: newer readers break at a pause in which nobody
 * runs, and don't show a user task that nobody began.
 *
 * A pause of the collector is part of the goroutine in which it happens, so it
 * ends when that goroutine stops running. */
#include "trace/proc.h"

static recording *const r = &lab_trace_state;

static void start_thread(uint64_t now) {
  PUT(VM_PROC, now, EV_PROC_START, r->config.workers + ++r->threads);
}

void lab_trace_proc_begin(uint64_t now) {
  start_thread(now);
}

void lab_trace_proc_run(lab_trace_g *g, uint64_t now) {
  PUT(VM_PROC, now, EV_GO_START, g->id);
  g->seq++;
  g->state = RUNNING;
  r->running = g;
}

void lab_trace_proc_end_pause(uint64_t now) {
  if (r->stopped)
    PUT0(VM_PROC, now, EV_STW_DONE);
  r->stopped = false;
}

void lab_trace_proc_yield(lab_trace_g *g, bool preempted, uint32_t stack,
                          uint64_t now) {
  lab_trace_proc_end_pause(now);
  PUT(VM_PROC, now, preempted ? EV_GO_PREEMPT : EV_GO_SCHED, stack);
  g->state = RUNNABLE;
  r->running = NULL;
}

/* ns. A timer that is seen sooner than that is on time: each such event costs
 * twenty bytes more. */
enum { LATE = 20000 };

/* G's time was over at SINCE; the VM sees it NOW. Times of one P don't go back,
 * so the event is one of another P. */
static void put_timer(const lab_trace_g *g, uint32_t stack, uint64_t since,
                      uint64_t now) {
  r->last = now; /* what G does next isn't before */
  r->timer_last = since;
  PUT(TIMER_PROC, since, EV_GO_UNBLOCK_SEQ, g->id, g->seq,
      lab_trace_stack(stack, r->config.wakeup));
}

void lab_trace_proc_unblock(lab_trace_g *g, uint32_t stack, uint64_t since,
                            uint64_t now) {
  if (g->state == IN_SYSCALL)
    PUT(VM_PROC, now, EV_GO_SYS_EXIT, g->id, g->seq, since);
  else if (since > 0 && since + LATE < now && r->timer_last < now)
    put_timer(g, stack, since > r->timer_last ? since : r->timer_last, now);
  else
    PUT(VM_PROC, now, EV_GO_UNBLOCK, g->id,
        lab_trace_stack(stack, r->config.wakeup));
  g->seq++;
  g->state = RUNNABLE;
}

void lab_trace_proc_block(lab_trace_g *g, lab_trace_why why, uint32_t stack,
                          uint64_t now) {
  static const uint8_t types[LAB_TRACE_WHYS] = {
      EV_GO_BLOCK,      EV_GO_SLEEP,        EV_GO_BLOCK_SEND,
      EV_GO_BLOCK_RECV, EV_GO_BLOCK_SELECT, EV_GO_BLOCK_SYNC,
      EV_GO_BLOCK_COND, EV_GO_BLOCK_NET,    EV_GO_SYSCALL,
  };
  lab_trace_proc_end_pause(now);
  PUT(VM_PROC, now, types[why], stack);
  r->running = NULL;
  g->state = WAITING;
  g->since = now;
  if (why == LAB_TRACE_SYSCALL) {
    g->state = IN_SYSCALL;
    PUT0(VM_PROC, now, EV_GO_SYS_BLOCK);
    PUT0(VM_PROC, now, EV_PROC_STOP);
    start_thread(now);
  }
}

/* This may be any thread, so the goroutine itself is not touched: its task may
 * go as soon as the VM sees that nothing is recorded. */
void lab_trace_proc_end(uint64_t now) {
  if (r->running)
    PUT(VM_PROC, now, EV_GO_SCHED, 0);
  r->running = NULL;
  PUT0(VM_PROC, now, EV_PROC_STOP);
}

/* ---- helpers ------------------------------------------------------------- */

static bool is_helper(const lab_trace_g *g) {
  return g >= r->helpers && g < r->helpers + LAB_TRACE_HELPERS;
}

void lab_trace_run_helper(lab_trace_helper which, uint32_t stack,
                          uint64_t now) {
  lab_trace_g *g = &r->helpers[which];
  if (r->running)
    return;
  if (lab_trace_state_of(g) == UNKNOWN) {
    *g = (lab_trace_g){.id = LAB_TRACE_G_MAX + r->config.workers + 1 + which,
                       .epoch = r->epoch,
                       .seq = 1};
    PUT(VM_PROC, now, EV_GO_CREATE, g->id, stack,
        lab_trace_stack(0, r->config.start));
  } else if (g->state == WAITING) {
    lab_trace_proc_unblock(g, 0, 0, now);
  }
  r->helper_stack = stack;
  lab_trace_proc_run(g, now);
}

void lab_trace_park_helper(lab_trace_helper which, uint64_t now) {
  if (r->running == &r->helpers[which])
    lab_trace_proc_block(r->running, LAB_TRACE_BLOCK, r->helper_stack, now);
}

void lab_trace_proc_make_way(uint64_t now) {
  if (!r->running)
    return;
  if (is_helper(r->running))
    lab_trace_proc_block(r->running, LAB_TRACE_BLOCK, r->helper_stack, now);
  else
    lab_trace_proc_yield(r->running, false, 0, now);
}
