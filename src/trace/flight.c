/* SPDX-License-Identifier: MIT
 * See flight.h. This is on the hot path of a request. */
#include "trace/flight.h"

#include <string.h>

#include "trace/flight_ring.h"

static lab_flight_ring *const ring = &lab_flight_state;
static lab_flight_pending *const pending = &lab_flight_now;

/* ---- beginnings of records ----------------------------------------------- */

/* Room for a record of NOW; a start comes first. */
static LAB_FLIGHT_HOT bool prepare_record(uint64_t now) {
  if (pending->started)
    lab_flight_write_start();
  return lab_flight_make_room(now);
}

/* The same for what stops ID: its start is part of the record. */
static LAB_FLIGHT_HOT bool prepare_stop(uint64_t id, uint64_t now) {
  if (__builtin_expect(pending->started == id, 1))
    return lab_flight_make_room(pending->started_at);
  return prepare_record(now);
}

static LAB_FLIGHT_HOT uint8_t *put_stop(unsigned kind, uint64_t id,
                                        uint64_t now) {
  uint8_t *at;
  if (__builtin_expect(pending->started != 0, 1)) {
    pending->started = 0;
    at = lab_flight_put_head(kind | FLIGHT_RUN, pending->started_at);
    if (now < ring->last)
      now = ring->last;
    at = lab_varint_put(at, now - ring->last);
    ring->last = now;
  } else {
    at = lab_flight_put_head(kind, now);
  }
  return lab_flight_put_goroutine(at, id);
}

/* An id that isn't recorded. */
static void note_greatest(uint64_t *newest, uint64_t id) {
  if (id > *newest)
    *newest = id;
}

/* ---- goroutines ---------------------------------------------------------- */

/* The length takes one byte. */
static uint8_t *put_request_name(uint8_t *at, lab_flight_name *name,
                                 const void *of) {
  _Static_assert(LAB_FLIGHT_NAME <= 128, "a length of one byte");
  size_t len = name(of, (char *)at + 1, LAB_FLIGHT_NAME);
  *at = (uint8_t)len;
  return at + 1 + len;
}

static uint8_t *put_facts(uint8_t *at, const lab_flight_facts *of) {
  at = lab_flight_put_task(at, of->task);
  at = lab_varint_put(at, of->entry);
  at = lab_varint_put(at, of->creator);
  return lab_varint_put(at, of->serves);
}

void lab_flight_create(const lab_flight_facts *of, uint64_t now) {
  if (!prepare_record(now)) { /* ids go on */
    note_greatest(&ring->goroutines, of->id);
    return;
  }
  uint8_t *at = lab_flight_put_head(FLIGHT_CREATE, now);
  at = lab_flight_put_new(at, &ring->goroutines, of->id);
  lab_flight_end_record(put_facts(at, of));
}

void lab_flight_request(uint64_t id, uint64_t task, uint32_t entry,
                        lab_flight_name *name, const void *of, uint64_t now) {
  if (!prepare_record(now)) {
    note_greatest(&ring->goroutines, id);
    note_greatest(&ring->tasks, task);
    return;
  }
  uint8_t *at = lab_flight_put_head(FLIGHT_REQUEST, now);
  at = lab_flight_put_new(at, &ring->goroutines, id);
  at = lab_flight_put_new(at, &ring->tasks, task);
  at = lab_varint_put(at, entry);
  lab_flight_end_record(put_request_name(at, name, of));
}

/* It began in a chunk before the newest one. */
static __attribute__((noinline)) void
end_old_goroutine(uint64_t request, lab_flight_tell *tell,
                  lab_flight_name *name, const void *of, uint64_t now) {
  lab_flight_facts facts;
  tell(of, &facts);
  uint8_t *at =
      put_stop(request ? FLIGHT_REQUEST_OLD : FLIGHT_END_OLD, facts.id, now);
  if (!request) {
    lab_flight_end_record(put_facts(at, &facts));
    return;
  }
  at = lab_varint_put(lab_flight_put_task(at, request), facts.entry);
  lab_flight_end_record(put_request_name(at, name, of));
}

void lab_flight_end(uint64_t id, uint64_t request, lab_flight_tell *tell,
                    lab_flight_name *name, const void *of, uint64_t now) {
  if (!prepare_stop(id, now))
    return;
  if (__builtin_expect(id <= ring->newest->goroutines, 0)) {
    end_old_goroutine(request, tell, name, of, now);
    return;
  }
  uint8_t *at = put_stop(request ? FLIGHT_REQUEST_END : FLIGHT_END, id, now);
  lab_flight_end_record(request ? lab_flight_put_task(at, request) : at);
}

void lab_flight_block(uint64_t id, lab_trace_why why, uint32_t stack,
                      uint64_t now) {
  if (!prepare_stop(id, now))
    return;
  uint8_t *at = lab_varint_put(put_stop(FLIGHT_BLOCK, id, now), (uint64_t)why);
  lab_flight_end_record(lab_varint_put(at, stack));
}

void lab_flight_yield(uint64_t id, bool preempted, uint32_t stack,
                      uint64_t now) {
  if (!prepare_stop(id, now))
    return;
  uint8_t *at = lab_varint_put(put_stop(FLIGHT_YIELD, id, now), preempted);
  lab_flight_end_record(lab_varint_put(at, stack));
}

void lab_flight_unblock(uint64_t id, uint32_t waker, uint64_t since,
                        lab_trace_why why, uint32_t waited, uint64_t began,
                        uint64_t now) {
  if (atomic_load_explicit(&lab_flight_jobs_wait, memory_order_acquire))
    lab_flight_add_jobs(NULL);
  if (!prepare_record(now))
    return;
  bool is_old = began <= ring->newest->first;
  uint8_t *at =
      lab_flight_put_head(is_old ? FLIGHT_UNBLOCK_OLD : FLIGHT_UNBLOCK, now);
  now = ring->last; /* the record's time */
  at = lab_flight_put_goroutine(at, id);
  at = lab_varint_put(at, waker);
  at = lab_varint_put(at, since && since <= now ? now - since + 1 : 0);
  if (is_old) {
    at = lab_varint_put(at, (uint64_t)why);
    at = lab_varint_put(at, waited);
  }
  lab_flight_end_record(at);
}

/* ---- what the program says ----------------------------------------------- */

void lab_flight_region(uint64_t id, uint64_t task, const char *name,
                       bool enters, uint32_t stack, uint64_t now) {
  if (!prepare_record(now))
    return;
  uint8_t *at = lab_flight_put_head(FLIGHT_REGION, now);
  at = lab_flight_put_goroutine(at, id);
  at = lab_flight_put_task(at, task);
  at = lab_varint_put(at, enters);
  at = lab_varint_put(at, stack);
  lab_flight_end_record(
      lab_flight_put_text(at, name, lab_flight_text_length(name)));
}

void lab_flight_task_begin(uint64_t task, uint64_t parent, const char *name,
                           uint32_t stack, uint64_t now) {
  if (!prepare_record(now)) {
    note_greatest(&ring->tasks, task);
    return;
  }
  uint8_t *at = lab_flight_put_head(FLIGHT_TASK, now);
  at = lab_flight_put_new(at, &ring->tasks, task);
  at = lab_flight_put_task(at, parent);
  at = lab_varint_put(at, stack);
  lab_flight_end_record(
      lab_flight_put_text(at, name, lab_flight_text_length(name)));
}

void lab_flight_task_end(uint64_t task, uint64_t parent, const char *name,
                         uint32_t stack, uint64_t now) {
  if (!prepare_record(now))
    return;
  bool is_old = task <= ring->newest->tasks;
  uint8_t *at =
      lab_flight_put_head(is_old ? FLIGHT_TASK_OLD : FLIGHT_TASK_END, now);
  at = lab_flight_put_task(lab_flight_put_task(at, task), parent);
  at = lab_varint_put(at, stack);
  lab_flight_end_record(
      is_old ? lab_flight_put_text(at, name, lab_flight_text_length(name))
             : at);
}

void lab_flight_log(uint64_t task, const char *text, size_t len, uint32_t stack,
                    uint64_t now) {
  if (!prepare_record(now))
    return;
  uint8_t *at = lab_flight_put_task(lab_flight_put_head(FLIGHT_LOG, now), task);
  at = lab_varint_put(at, stack);
  lab_flight_end_record(lab_flight_put_text(at, text, len));
}

void lab_flight_queued(uint64_t task, uint64_t ns, uint64_t now) {
  if (!prepare_record(now))
    return;
  uint8_t *at = lab_flight_put_head(FLIGHT_QUEUED, now);
  lab_flight_end_record(lab_varint_put(lab_flight_put_task(at, task), ns));
}

/* ---- memory -------------------------------------------------------------- */

void lab_flight_gc_begin(uint32_t stack, uint64_t now) {
  if (!prepare_record(now))
    return;
  uint8_t *at = lab_flight_put_head(FLIGHT_GC_BEGIN, now);
  lab_flight_end_record(lab_varint_put(at, stack));
}

void lab_flight_gc_end(bool done, uint64_t next_gc, uint64_t now) {
  if (done)
    pending->heap_at = 0;
  if (!prepare_record(now))
    return;
  uint8_t *at = lab_varint_put(lab_flight_put_head(FLIGHT_GC_END, now), done);
  lab_flight_end_record(lab_varint_put(at, next_gc));
}

void lab_flight_heap(uint64_t bytes, uint64_t now) {
  pending->heap_at = now;
  if (!prepare_record(now))
    return;
  uint8_t *at = lab_flight_put_head(FLIGHT_HEAP, now);
  lab_flight_end_record(lab_varint_put(at, bytes));
}
