/* SPDX-License-Identifier: MIT
 * The recording's life, and its bytes: see trace.h.
 *
 * Events of all Ps go into one stream, under one mutex: they are the VM's,
 * nearly all, so nobody waits for anybody, and the order of the bytes is the
 * order of the times. A record of another P than the last one's begins a new
 * batch. */
#include "trace/record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/varint.h"

atomic_bool lab_trace_recording;
recording lab_trace_state = {.lock = PTHREAD_MUTEX_INITIALIZER};

static recording *const r = &lab_trace_state;

/* ---- chunks -------------------------------------------------------------- */

/* A chunk can be read by itself: it begins with a batch, and ends after a
 * record. */
void lab_trace_reserve(size_t n) {
  if (r->newest && r->newest->len + n <= CHUNK)
    return;
  chunk *c = lab_xmalloc(sizeof *c + CHUNK);
  c->next = NULL;
  c->len = 0;
  if (r->newest)
    r->newest->next = c;
  else
    r->first = c;
  r->newest = c;
  r->waiting += sizeof *c + CHUNK;
  r->in_batch = false;
}

static uint8_t *end_of_chunk(void) {
  return r->newest->bytes + r->newest->len;
}

static void wrote_until(const uint8_t *end) {
  r->newest->len = (size_t)(end - r->newest->bytes);
  LAB_ASSERT(r->newest->len <= CHUNK);
}

/* Several events may come before the next look: 8 KiB is room for them. */
static bool pool_is_full(void) {
  return r->newest && r->newest->len + 8192 > CHUNK &&
         r->waiting + sizeof(chunk) + CHUNK > r->config.pool;
}

static void free_chunks(void) {
  while (r->first) {
    chunk *c = r->first;
    r->first = c->next;
    lab_xfree(c);
  }
  r->newest = NULL;
  r->waiting = 0;
}

/* The oldest chunk, taken out of the queue, or NULL. */
static chunk *take_chunk(bool partly) {
  chunk *c = r->first;
  bool whole = c && (c->next || r->phase == SEALED);
  if (!c || c->len == 0 || !(whole || partly))
    return NULL;
  r->first = c->next;
  if (!r->first)
    r->newest = NULL;
  r->waiting -= sizeof *c + CHUNK;
  return c;
}

bool lab_trace_take(lab_buf *out, bool partly) {
  pthread_mutex_lock(&r->lock);
  chunk *c = take_chunk(partly);
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

/* ---- events -------------------------------------------------------------- */

uint64_t lab_trace_time(uint64_t now) {
  if (now == 0)
    now = lab_clock_mono();
  return now > r->last ? now : r->last;
}

static void begin_batch(int proc, uint64_t now) {
  uint8_t *at = end_of_chunk();
  *at++ = EV_BATCH | 1 << 6;
  at = lab_varint_put(at, (uint64_t)(int64_t)proc);
  at = lab_varint_put(at, now);
  wrote_until(at);
  r->in_batch = true;
  r->proc = proc;
  r->batch_last = now;
}

void lab_trace_put(int proc, uint64_t now, int type, unsigned n,
                   const uint64_t *args) {
  lab_trace_reserve(LAB_TRACE_EVENT_MAX);
  if (!r->in_batch || r->proc != proc)
    begin_batch(proc, now);
  uint8_t *at = end_of_chunk(), *length = NULL;
  *at++ = (uint8_t)(type | (int)(n < 3 ? n : 3) << 6);
  if (n >= 3)
    length = at++; /* at most 5 numbers: one byte holds it */
  at = lab_varint_put(at, now - r->batch_last);
  for (unsigned i = 0; i < n; i++)
    at = lab_varint_put(at, args[i]);
  if (length)
    *length = (uint8_t)(at - length - 1);
  wrote_until(at);
  r->batch_last = now;
  if (proc == VM_PROC)
    r->last = now;
  r->events++;
}

void lab_trace_put_text(const char *text, size_t len) {
  uint8_t *at = lab_varint_put(end_of_chunk(), len);
  memcpy(at, text, len);
  wrote_until(at + len);
}

uint32_t lab_trace_stack(uint32_t stack, uint32_t instead) {
  if (stack == 0)
    stack = instead;
  if (stack)
    lab_trace_table_use(&r->tables, stack);
  return stack;
}

/* ---- life: under the lock ------------------------------------------------ */

/* The order is that of nesting: a collection interrupts what runs. */
static void seal(const char *why) {
  uint64_t now = lab_trace_time(0);
  atomic_store_explicit(&lab_trace_recording, false, memory_order_relaxed);
  snprintf(r->fault, sizeof r->fault, "%s", why ? why : "");
  lab_trace_end_jobs(now);
  if (why)
    lab_trace_put_log(now, 0, "diaglab", why, strlen(why),
                      lab_trace_stack(0, r->config.start));
  r->heap_at = 0;
  lab_trace_heap_point(now);
  lab_trace_end_gc(now);
  lab_trace_end_vm(now);
  r->phase = SEALED;
}

bool lab_trace_enter(bool snapshot) {
  pthread_mutex_lock(&r->lock);
  if (r->phase == RECORDING) {
    if (r->events >= r->config.max_events)
      seal("the trace ends early: it has the most events that are allowed");
    else if (pool_is_full())
      seal("the trace ends early: it wasn't read as fast as it grew");
  }
  if (r->phase == RECORDING || (snapshot && r->phase == OPEN))
    return true;
  pthread_mutex_unlock(&r->lock);
  return false;
}

void lab_trace_leave(void) {
  pthread_mutex_unlock(&r->lock);
}

/* Newer readers take the first Gomaxprocs for the end of what was there before,
 * and need another for the number. The first comes before the snapshot: what
 * runs in front of it breaks the viewer of Go 1.23. */
static void put_procs(void) {
  PUT(VM_PROC, lab_trace_time(0), EV_GOMAXPROCS, r->config.workers + 1, 0);
}

static void begin(const lab_trace_config *config) {
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
  r->tables.names_max = LAB_TRACE_NAMES;
  r->workers = lab_xcalloc(r->config.workers + 1, sizeof *r->workers);
  lab_trace_begin_vm(lab_trace_time(0));
  put_procs();
  r->began = r->last + 1;
  for (unsigned i = 0; i < r->config.workers; i++)
    r->workers[i].last = r->began;
}

int lab_trace_open(const lab_trace_config *config) {
  pthread_mutex_lock(&r->lock);
  bool idle = r->phase == IDLE;
  if (idle)
    begin(config);
  pthread_mutex_unlock(&r->lock);
  return idle ? 0 : -EBUSY;
}

void lab_trace_start(uint64_t next_gc) {
  if (!lab_trace_enter(true))
    return;
  put_procs();
  uint64_t now = lab_trace_time(0);
  PUT(VM_PROC, now, EV_HEAP_GOAL, next_gc);
  lab_trace_heap_point(now);
  r->phase = RECORDING;
  atomic_store_explicit(&lab_trace_recording, true, memory_order_relaxed);
  lab_trace_leave();
}

void lab_trace_seal(const char *why) {
  if (!lab_trace_enter(true))
    return;
  seal(why);
  lab_trace_leave();
}

void lab_trace_close(void) {
  lab_trace_seal(NULL);
  pthread_mutex_lock(&r->lock);
  free_chunks();
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
  return lab_trace_state.fault;
}

uint64_t lab_trace_events(void) {
  pthread_mutex_lock(&r->lock);
  uint64_t n = r->events;
  pthread_mutex_unlock(&r->lock);
  return n;
}
