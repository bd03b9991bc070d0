/* SPDX-License-Identifier: MIT
 * See user.h.
 *
 * Readers refuse a trace in which the end of a region isn't that of the
 * innermost one, so the open ones are remembered here. */
#include "trace/user.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "trace/proc.h"
#include "trace/record.h"

static recording *const r = &lab_trace_state;

enum { LOG_MAX = 4096 };

/* ---- tasks --------------------------------------------------------------- */

void lab_trace_task_begin(uint64_t task, uint64_t parent, const char *name,
                          uint32_t stack, uint64_t now) {
  if (!lab_trace_enter(true))
    return;
  now = lab_trace_time(now);
  stack = lab_trace_stack(stack, r->config.start);
  lab_trace_run_helper(LAB_TRACE_NETWORK, stack, now);
  PUT(VM_PROC, now, EV_USER_TASK, task, parent,
      lab_trace_table_name(&r->tables, name), stack);
  lab_trace_leave();
}

void lab_trace_task_end(uint64_t task, uint32_t stack, uint64_t now) {
  if (!lab_trace_enter(true))
    return;
  PUT(VM_PROC, lab_trace_time(now), EV_USER_TASK_END, task,
      lab_trace_stack(stack, r->config.start));
  lab_trace_leave();
}

/* ---- regions ------------------------------------------------------------- */

/* A free place of the table + 1, or 0: there are too many. */
static uint32_t find_free_region(void) {
  uint32_t place = r->free_region;
  if (place) {
    r->free_region = r->regions[place - 1].outer;
    return place;
  }
  if (r->nregions == MAX_REGIONS)
    return 0;
  if ((r->nregions & (r->nregions - 1)) == 0) /* full at powers of two */
    r->regions = lab_xrealloc(r->regions, (r->nregions ? 2 * r->nregions : 1) *
                                              sizeof *r->regions);
  return ++r->nregions;
}

static void pop_region(lab_trace_g *g) {
  uint32_t place = g->regions;
  g->regions = r->regions[place - 1].outer;
  r->regions[place - 1].outer = r->free_region;
  r->free_region = place;
}

void lab_trace_drop_regions(lab_trace_g *g) {
  while (g->regions)
    pop_region(g);
}

static bool has_region(const lab_trace_g *g, uint32_t name) {
  for (uint32_t i = g->regions; i; i = r->regions[i - 1].outer)
    if (r->regions[i - 1].name == name)
      return true;
  return false;
}

void lab_trace_region_begin(const char *name, uint32_t stack, uint64_t now) {
  if (!lab_trace_enter(true))
    return;
  lab_trace_g *g = r->running;
  uint32_t place = g ? find_free_region() : 0;
  if (place) {
    uint32_t text = lab_trace_table_name(&r->tables, name);
    r->regions[place - 1] = (region){g->task, text, g->regions};
    g->regions = place;
    PUT(VM_PROC, lab_trace_time(now), EV_USER_REGION, g->task, 0, text,
        lab_trace_stack(stack, r->config.start));
  }
  lab_trace_leave();
}

void lab_trace_region_end(const char *name, uint32_t stack, uint64_t now) {
  if (!lab_trace_enter(true))
    return;
  lab_trace_g *g = r->running;
  uint32_t text = lab_trace_table_name(&r->tables, name);
  bool more = g && has_region(g, text);
  while (more) {
    region of = r->regions[g->regions - 1];
    PUT(VM_PROC, lab_trace_time(now), EV_USER_REGION, of.task, 1, of.name,
        lab_trace_stack(stack, r->config.start));
    pop_region(g);
    more = of.name != text;
  }
  lab_trace_leave();
}

/* ---- log lines ----------------------------------------------------------- */

static size_t cut_log_text(const char *text, size_t len) {
  return len > LOG_MAX ? lab_utf8_trim(text, LOG_MAX) : len;
}

/* A script's text may be as long as its memory, and the lock is held: what
 * isn't written isn't looked at. */
void lab_trace_put_log(uint64_t now, uint64_t task, const char *key,
                       const char *text, size_t len, uint32_t stack) {
  lab_buf valid = LAB_BUF_INIT;
  len = cut_log_text(text, len);
  if (lab_utf8_valid_length(text, len) < len) {
    lab_utf8_append(&valid, text, len);
    text = valid.data;
    len = cut_log_text(text, valid.len);
  }
  uint32_t name = lab_trace_table_name(&r->tables, key);
  lab_trace_reserve(LAB_TRACE_EVENT_MAX + len);
  PUT(VM_PROC, now, EV_USER_LOG, task, name, stack);
  lab_trace_put_text(text, len);
  lab_buf_free(&valid);
}

void lab_trace_log(uint64_t task, const char *key, const char *text, size_t len,
                   uint32_t stack) {
  if (!lab_trace_enter(false))
    return;
  lab_trace_put_log(lab_trace_time(0), task, key, text, len,
                    lab_trace_stack(stack, r->config.start));
  lab_trace_leave();
}

void lab_trace_queued(uint64_t task, uint64_t ns) {
  char text[64];
  int len =
      snprintf(text, sizeof text, "waited %.3f s for the VM", (double)ns / 1e9);
  lab_trace_log(task, "diaglab", text, (size_t)len, 0);
}

/* ---- samples ------------------------------------------------------------- */

void lab_trace_sample(uint64_t when, int proc, uint32_t stack) {
  if (!lab_trace_enter(false))
    return;
  uint64_t now = lab_clock_mono();
  if (when >= r->began)
    PUT(NO_PROC, now > r->batch_last ? now : r->batch_last, EV_CPU_SAMPLE, when,
        (uint64_t)(int64_t)proc, 0, lab_trace_stack(stack, r->config.start));
  lab_trace_leave();
}
