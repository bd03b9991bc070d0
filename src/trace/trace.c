/* SPDX-License-Identifier: MIT
 * See trace.h: a recording's beginning, its seal, its end, and what its readers
 * take of it. */
#include "trace/trace.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "trace/proc.h"
#include "trace/record.h"

atomic_bool lab_trace_recording;

static recording *const r = &lab_trace_state;

/* ---- life: under the lock ------------------------------------------------ */

static void put_own_log(uint64_t now, const char *text) {
  lab_trace_put_log(now, 0, "diaglab", text, strlen(text),
                    lab_trace_stack(0, r->config.start));
}

/* What is told from now on happens now, but in a recording of the past. */
static void end_snapshot(void) {
  if (!r->config.present)
    r->present = 0;
}

/* Innermost first: a collection interrupts what runs. */
static void seal_recording(const char *why) {
  end_snapshot();
  uint64_t now = lab_trace_time(0);
  atomic_store_explicit(&lab_trace_recording, false, memory_order_relaxed);
  snprintf(r->fault, sizeof r->fault, "%s", why ? why : "");
  lab_trace_end_jobs(now);
  if (r->config.remark[0])
    put_own_log(now, r->config.remark);
  if (why)
    put_own_log(now, why);
  r->heap_at = 0;
  lab_trace_heap_point(now);
  lab_trace_end_gc(now);
  lab_trace_proc_end(now);
  r->phase = SEALED;
}

/* Newer readers take the first Gomaxprocs for the end of what was there before,
 * and need another for the number. The first comes before the snapshot: what
 * runs in front of it breaks the viewer of Go 1.23. */
static void put_proc_count(void) {
  PUT(VM_PROC, lab_trace_time(0), EV_GOMAXPROCS, r->config.workers + 1, 0);
}

static void begin_recording(const lab_trace_config *config) {
  uint32_t epoch = r->epoch + 1;
  pthread_mutex_t *lock = &r->lock;
  memset((char *)r + sizeof *lock, 0, sizeof *r - sizeof *lock);
  r->config = *config;
  if (r->config.max_events == 0)
    r->config.max_events = LAB_TRACE_EVENTS;
  if (r->config.pool == 0)
    r->config.pool = LAB_TRACE_POOL;
  if (r->config.workers > MAX_WORKERS)
    r->config.workers = MAX_WORKERS;
  r->epoch = epoch;
  r->phase = OPEN;
  r->seal = seal_recording;
  r->present = config->present;
  r->tables.names_max = r->tables.stack_names = LAB_TRACE_NAMES;
  r->workers = lab_xcalloc(r->config.workers + 1, sizeof *r->workers);
  lab_trace_proc_begin(lab_trace_time(0));
  put_proc_count();
  r->began = r->timer_last = r->last + 1;
  if (!r->present)
    r->present = r->began;
  for (unsigned i = 0; i < r->config.workers; i++)
    r->workers[i].last = r->began;
}

int lab_trace_open(const lab_trace_config *config) {
  pthread_mutex_lock(&r->lock);
  bool idle = r->phase == IDLE;
  if (idle)
    begin_recording(config);
  pthread_mutex_unlock(&r->lock);
  return idle ? 0 : -EBUSY;
}

void lab_trace_start(uint64_t next_gc) {
  if (!lab_trace_enter(true))
    return;
  put_proc_count();
  end_snapshot();
  uint64_t now = lab_trace_time(0);
  PUT(VM_PROC, now, EV_HEAP_GOAL, next_gc);
  lab_trace_heap_point(now);
  r->phase = RECORDING;
  if (!r->config.present)
    atomic_store_explicit(&lab_trace_recording, true, memory_order_relaxed);
  lab_trace_leave();
}

void lab_trace_set_present(uint64_t now) {
  pthread_mutex_lock(&r->lock);
  r->present = now;
  pthread_mutex_unlock(&r->lock);
}

bool lab_trace_has_waiting(size_t bytes) {
  pthread_mutex_lock(&r->lock);
  bool has = r->chunks.bytes >= bytes;
  pthread_mutex_unlock(&r->lock);
  return has;
}

void lab_trace_begin_visit(const char *remark) {
  if (!lab_trace_on() || !lab_trace_enter(false))
    return;
  put_own_log(lab_trace_time(0), LAB_TRACE_VISIT);
  snprintf(r->config.remark, sizeof r->config.remark, "%s", remark);
  lab_trace_leave();
}

void lab_trace_seal(const char *why) {
  if (!lab_trace_enter(true))
    return;
  seal_recording(why);
  lab_trace_leave();
}

void lab_trace_close(void) {
  lab_trace_seal(NULL);
  pthread_mutex_lock(&r->lock);
  lab_trace_chunks_free(&r->chunks);
  lab_trace_table_free(&r->tables);
  lab_xfree(r->workers);
  lab_xfree(r->regions);
  r->workers = NULL;
  r->regions = NULL;
  r->phase = IDLE;
  pthread_mutex_unlock(&r->lock);
}

/* ---- questions ----------------------------------------------------------- */

bool lab_trace_sealed(void) {
  pthread_mutex_lock(&r->lock);
  bool sealed = r->phase == SEALED;
  pthread_mutex_unlock(&r->lock);
  return sealed;
}

bool lab_trace_started(void) {
  pthread_mutex_lock(&r->lock);
  bool started = r->phase == RECORDING || r->phase == SEALED;
  pthread_mutex_unlock(&r->lock);
  return started;
}

const char *lab_trace_fault(void) {
  return r->fault;
}

uint64_t lab_trace_events(void) {
  pthread_mutex_lock(&r->lock);
  uint64_t n = r->events;
  pthread_mutex_unlock(&r->lock);
  return n;
}

/* ---- what readers take --------------------------------------------------- */

bool lab_trace_take(lab_buf *out, bool partly) {
  pthread_mutex_lock(&r->lock);
  lab_trace_chunk *c =
      lab_trace_chunks_take(&r->chunks, partly || r->phase == SEALED);
  bool header = c && !r->header_taken;
  r->header_taken |= header;
  pthread_mutex_unlock(&r->lock);
  if (!c)
    return false;
  if (header)
    lab_buf_append(out, LAB_TRACE_HEADER, sizeof LAB_TRACE_HEADER);
  lab_buf_append(out, c->bytes, c->len);
  lab_xfree(c);
  return true;
}

/* Nobody adds to the tables of a sealed recording, so they need no lock. */
bool lab_trace_tables(lab_trace_namer *namer, lab_buf *out) {
  return lab_trace_table_write(&r->tables, r->last, namer, out);
}
