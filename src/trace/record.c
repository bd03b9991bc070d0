/* SPDX-License-Identifier: MIT
 * See record.h.
 *
 * Events of all Ps go into one stream, under one mutex. Nearly all are the
 * VM's, so hardly anybody waits for the mutex, and the order of the bytes is
 * the order of the times. A record of another P than the last one's begins a
 * new batch. */
#include "trace/record.h"

#include <string.h>

#include "base/clock.h"
#include "base/varint.h"

recording lab_trace_state = {.lock = PTHREAD_MUTEX_INITIALIZER};

static recording *const r = &lab_trace_state;

bool lab_trace_enter(bool snapshot) {
  pthread_mutex_lock(&r->lock);
  if (r->phase == RECORDING) {
    if (r->events >= r->config.max_events)
      r->seal("the trace ends early: it has the most events that are allowed");
    else if (lab_trace_chunks_are_full(&r->chunks, r->config.pool))
      r->seal("the trace ends early: it wasn't read as fast as it grew");
  }
  if (r->phase == RECORDING || (snapshot && r->phase == OPEN))
    return true;
  pthread_mutex_unlock(&r->lock);
  return false;
}

void lab_trace_leave(void) {
  pthread_mutex_unlock(&r->lock);
}

/* ---- events -------------------------------------------------------------- */

void lab_trace_reserve(size_t n) {
  if (lab_trace_chunks_have_room(&r->chunks, n))
    return;
  lab_trace_chunks_begin(&r->chunks);
  r->in_batch = false;
}

uint64_t lab_trace_time(uint64_t now) {
  if (now == 0)
    now = r->present ? r->present : lab_clock_mono();
  return now > r->last ? now : r->last;
}

static void begin_batch(int proc, uint64_t now) {
  uint8_t *at = lab_trace_chunks_end(&r->chunks);
  *at++ = EV_BATCH | 1 << 6;
  at = lab_varint_put(at, (uint64_t)(int64_t)proc);
  at = lab_varint_put(at, now);
  lab_trace_chunks_wrote(&r->chunks, at);
  r->in_batch = true;
  r->proc = proc;
  r->batch_last = now;
}

void lab_trace_put(int proc, uint64_t now, int type, unsigned n,
                   const uint64_t *args) {
  lab_trace_reserve(LAB_TRACE_EVENT_MAX);
  if (!r->in_batch || r->proc != proc)
    begin_batch(proc, now);
  uint8_t *at = lab_trace_chunks_end(&r->chunks), *length = NULL;
  *at++ = (uint8_t)(type | (int)(n < 3 ? n : 3) << 6);
  if (n >= 3)
    length = at++; /* at most 5 numbers: one byte holds it */
  at = lab_varint_put(at, now - r->batch_last);
  for (unsigned i = 0; i < n; i++)
    at = lab_varint_put(at, args[i]);
  if (length)
    *length = (uint8_t)(at - length - 1);
  lab_trace_chunks_wrote(&r->chunks, at);
  r->batch_last = now;
  if (proc == VM_PROC)
    r->last = now;
  r->events++;
}

void lab_trace_put_text(const char *text, size_t len) {
  uint8_t *at = lab_varint_put(lab_trace_chunks_end(&r->chunks), len);
  memcpy(at, text, len);
  lab_trace_chunks_wrote(&r->chunks, at + len);
}

uint32_t lab_trace_stack(uint32_t stack, uint32_t instead) {
  if (stack == 0)
    stack = instead;
  if (stack)
    lab_trace_table_use(&r->tables, stack);
  return stack;
}

size_t lab_trace_string_text(uint32_t number, char *out, size_t size) {
  size_t n = 0;
  pthread_mutex_lock(&r->lock);
  if (number > 0 && number <= r->tables.nstrings) {
    const lab_trace_string *s = &r->tables.strings[number - 1];
    n = s->len < size ? s->len : size;
    memcpy(out, s->text, n);
  }
  pthread_mutex_unlock(&r->lock);
  return n;
}
