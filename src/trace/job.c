/* SPDX-License-Identifier: MIT
 * See job.h. A worker's P has nothing to do with other Ps, so its events are
 * written when a job is over, with the times at which they happened. */
#include "trace/job.h"

#include "base/clock.h"
#include "trace/record.h"

static recording *const r = &lab_trace_state;

static int worker_proc(const worker *w) {
  return (int)(w - r->workers) + 1;
}

/* The worker's goroutine wakes up, runs the job, and waits again. */
static void write_job(worker *w, uint64_t now) {
  int proc = worker_proc(w);
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
      write_job(&r->workers[i], now);
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
    write_job(&r->workers[index], now ? now : lab_clock_mono());
  lab_trace_leave();
}
