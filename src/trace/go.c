/* SPDX-License-Identifier: MIT
 * Goroutines, the VM's P, and the workers'.
 *
 * A task's goroutine lives on the VM's P, also while a worker does something
 * for it: it is in a system call then. As Go does, the P gets another thread
 * for what runs on, or newer readers refuse the file; so the numbers of threads
 * in a trace are not the kernel's.
 *
 * The collector works in whatever task needs memory, and the network's news
 * begin requests between tasks. Where no task runs these two have goroutines of
 * their own, the helpers: newer readers break at a pause in which nobody runs,
 * and don't show a user task that nobody began.
 *
 * A worker's P has nothing to do with other Ps, so its events are written when
 * a job is over, with the times at which they happened. */
#include "base/clock.h"
#include "trace/record.h"

static recording *const r = &lab_trace_state;

typedef enum g_state {
  UNKNOWN, /* or it has ended */
  RUNNABLE,
  RUNNING,
  WAITING,
  IN_SYSCALL,
} g_state;

static g_state state_of(const lab_trace_g *g) {
  return g->epoch == r->epoch ? (g_state)g->state : UNKNOWN;
}

/* ---- the VM's P ---------------------------------------------------------- */

static void start_thread(uint64_t now) {
  PUT(VM_PROC, now, EV_PROC_START, r->config.workers + ++r->threads);
}

void lab_trace_begin_vm(uint64_t now) {
  start_thread(now);
}

static void start(lab_trace_g *g, uint64_t now) {
  PUT(VM_PROC, now, EV_GO_START, g->id);
  g->seq++;
  g->state = RUNNING;
  r->running = g;
}

static void sched(lab_trace_g *g, bool preempted, uint32_t stack,
                  uint64_t now) {
  lab_trace_end_pause(now);
  PUT(VM_PROC, now, preempted ? EV_GO_PREEMPT : EV_GO_SCHED, stack);
  g->state = RUNNABLE;
  r->running = NULL;
}

static void unblock(lab_trace_g *g, uint32_t stack, uint64_t since,
                    uint64_t now) {
  if (g->state == IN_SYSCALL)
    PUT(VM_PROC, now, EV_GO_SYS_EXIT, g->id, g->seq, since);
  else
    PUT(VM_PROC, now, EV_GO_UNBLOCK, g->id,
        lab_trace_stack(stack, r->config.wakeup));
  g->seq++;
  g->state = RUNNABLE;
}

static void block(lab_trace_g *g, lab_trace_why why, uint32_t stack,
                  uint64_t now) {
  static const uint8_t types[LAB_TRACE_WHYS] = {
      EV_GO_BLOCK,      EV_GO_SLEEP,        EV_GO_BLOCK_SEND,
      EV_GO_BLOCK_RECV, EV_GO_BLOCK_SELECT, EV_GO_BLOCK_SYNC,
      EV_GO_BLOCK_COND, EV_GO_BLOCK_NET,    EV_GO_SYSCALL,
  };
  lab_trace_end_pause(now);
  PUT(VM_PROC, now, types[why], stack);
  r->running = NULL;
  g->state = WAITING;
  if (why == LAB_TRACE_SYSCALL) {
    g->state = IN_SYSCALL;
    g->since = now;
    PUT0(VM_PROC, now, EV_GO_SYS_BLOCK);
    PUT0(VM_PROC, now, EV_PROC_STOP);
    start_thread(now);
  }
}

/* On any thread: the goroutine itself may not be touched, its task can go as
 * soon as the VM sees that nothing is recorded. */
void lab_trace_end_vm(uint64_t now) {
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
  if (state_of(g) == UNKNOWN) {
    *g = (lab_trace_g){.id = LAB_TRACE_G_MAX + r->config.workers + 1 + which,
                       .epoch = r->epoch,
                       .seq = 1};
    PUT(VM_PROC, now, EV_GO_CREATE, g->id, stack,
        lab_trace_stack(0, r->config.start));
  } else if (g->state == WAITING) {
    unblock(g, 0, 0, now);
  }
  r->helper_stack = stack;
  start(g, now);
}

void lab_trace_park_helper(lab_trace_helper which, uint64_t now) {
  if (r->running == &r->helpers[which])
    block(r->running, LAB_TRACE_BLOCK, r->helper_stack, now);
}

/* Something else is about to run on the VM's P. */
static void make_way(uint64_t now) {
  if (!r->running)
    return;
  if (is_helper(r->running))
    block(r->running, LAB_TRACE_BLOCK, r->helper_stack, now);
  else
    sched(r->running, false, 0, now);
}

/* ---- goroutines ---------------------------------------------------------- */

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
  if (state_of(g) != UNKNOWN && state_of(g) != RUNNING) {
    now = lab_trace_time(now);
    make_way(now);
    if (g->state != RUNNABLE)
      unblock(g, 0, 0, now);
    start(g, now);
    lab_trace_heap_point(now);
  }
  lab_trace_leave();
}

/* A new one that waits before it ever ran: nothing but Waiting fits. */
void lab_trace_go_block(lab_trace_g *g, lab_trace_why why, uint32_t stack,
                        uint64_t now) {
  if (!lab_trace_enter(true))
    return;
  if (state_of(g) == RUNNING) {
    block(g, why, lab_trace_stack(stack, 0), lab_trace_time(now));
  } else if (state_of(g) == RUNNABLE && g->seq == 1) {
    PUT(VM_PROC, lab_trace_time(now), EV_GO_WAITING, g->id);
    g->seq = 2;
    g->state = WAITING;
  }
  lab_trace_leave();
}

void lab_trace_go_yield(lab_trace_g *g, bool preempted, uint32_t stack,
                        uint64_t now) {
  if (!lab_trace_enter(true))
    return;
  if (state_of(g) == RUNNING)
    sched(g, preempted, lab_trace_stack(stack, 0), lab_trace_time(now));
  lab_trace_leave();
}

/* The call can't have been over before it began, nor later than now. */
static uint64_t within(uint64_t since, const lab_trace_g *g, uint64_t now) {
  return since >= g->since && since <= now ? since : 0;
}

void lab_trace_go_unblock(lab_trace_g *g, uint32_t stack, uint64_t since,
                          uint64_t now) {
  if (!lab_trace_enter(true))
    return;
  if (state_of(g) == WAITING || state_of(g) == IN_SYSCALL) {
    now = lab_trace_time(now);
    unblock(g, stack, within(since, g, now), now);
  }
  lab_trace_leave();
}

/* One that doesn't run can end only if it can run for that: if not it is left
 * as it is. */
void lab_trace_go_end(lab_trace_g *g, uint64_t now) {
  if (!lab_trace_enter(true))
    return;
  if (state_of(g) != UNKNOWN) {
    now = lab_trace_time(now);
    if (g->state != RUNNING && !r->running) {
      if (g->state != RUNNABLE)
        unblock(g, 0, 0, now);
      start(g, now);
    }
    if (g->state == RUNNING) {
      lab_trace_end_pause(now);
      PUT0(VM_PROC, now, EV_GO_END);
      r->running = NULL;
    }
    lab_trace_drop_regions(g);
    g->state = UNKNOWN;
  }
  lab_trace_leave();
}

/* ---- workers ------------------------------------------------------------- */

static int proc_of(const worker *w) {
  return (int)(w - r->workers) + 1;
}

/* The job's time as the worker's goroutine, which wakes up for it. */
static void put_job(worker *w, uint64_t now) {
  int proc = proc_of(w);
  uint64_t began = w->began > w->last ? w->began : w->last;
  uint64_t end = now > began ? now : began;
  PUT(proc, began, EV_PROC_START, (uint64_t)proc);
  if (w->g.epoch != r->epoch) {
    w->g.epoch = r->epoch;
    w->g.id = LAB_TRACE_G_MAX + (uint64_t)proc;
    w->g.seq = 1;
    PUT(proc, began, EV_GO_CREATE, w->g.id,
        lab_trace_stack(r->config.worker, 0),
        lab_trace_stack(r->config.start, 0));
  } else {
    PUT(proc, began, EV_GO_UNBLOCK, w->g.id,
        lab_trace_stack(r->config.wakeup, 0));
    w->g.seq++;
  }
  PUT(proc, began, EV_GO_START_LABEL, w->g.id, w->g.seq++, w->label);
  PUT(proc, end, EV_GO_BLOCK, lab_trace_stack(w->stack, r->config.worker));
  PUT0(proc, end, EV_PROC_STOP);
  w->last = end;
  w->busy = false;
}

void lab_trace_end_jobs(uint64_t now) {
  for (unsigned i = 0; i < r->config.workers; i++)
    if (r->workers[i].busy)
      put_job(&r->workers[i], now);
}

void lab_trace_job_begin(unsigned index, const char *label, uint32_t stack,
                         uint64_t now) {
  if (!lab_trace_enter(true))
    return;
  if (index < r->config.workers) {
    worker *w = &r->workers[index];
    w->began = now ? now : lab_clock_mono();
    w->label = lab_trace_table_name(&r->tables, label);
    w->stack = stack;
    w->busy = true;
  }
  lab_trace_leave();
}

void lab_trace_job_end(unsigned index, uint64_t now) {
  if (!lab_trace_enter(true))
    return;
  if (index < r->config.workers && r->workers[index].busy)
    put_job(&r->workers[index], now ? now : lab_clock_mono());
  lab_trace_leave();
}
