/* SPDX-License-Identifier: MIT
 * See flight_ring.h.
 *
 * A chunk ends when it is full, or has a quarter of the ring's time: so what is
 * kept is hardly older than what is wanted. Where there is no memory for a
 * chunk, all others go, and the ring begins anew: it has no gaps. */
#include "trace/flight_ring.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/utf8.h"
#include "base/varint.h"

atomic_bool lab_flight_recording;

lab_flight_ring lab_flight_state = {.lock = PTHREAD_MUTEX_INITIALIZER};

static lab_flight_ring *const ring = &lab_flight_state;

/* ---- chunks: under the lock ---------------------------------------------- */

static size_t chunk_bytes(size_t room) {
  return sizeof(lab_flight_chunk) + room;
}

void lab_flight_unref(lab_flight_chunk *c) {
  if (atomic_fetch_sub(&c->owners, 1) == 1)
    lab_xfree(c);
}

static void drop_oldest(void) {
  lab_flight_chunk *c = ring->first;
  ring->bytes -= chunk_bytes(c == ring->newest ? ring->room : c->len);
  ring->from = c->last > ring->from ? c->last : ring->from;
  ring->first = c->next;
  if (c == ring->newest)
    ring->newest = NULL;
  if (!ring->first || ring->first == ring->newest)
    ring->end = &ring->first;
  lab_flight_unref(c);
}

/* The newest chunk gets no more records, nor keeps room for them. */
void lab_flight_seal_newest(void) {
  lab_flight_chunk *c = ring->newest;
  if (!c)
    return;
  lab_flight_chunk *less = lab_try_realloc(c, chunk_bytes(c->len));
  if (less)
    *ring->end = c = less;
  ring->bytes -= ring->room - c->len;
  ring->end = &c->next;
  ring->newest = NULL;
}

void lab_flight_drop_old(uint64_t now, size_t more) {
  uint64_t old = now > ring->ns ? now - ring->ns : 0;
  while (ring->first &&
         (ring->first->last < old || ring->bytes + more > ring->limit))
    drop_oldest();
}

static bool begin_chunk(uint64_t now) {
  lab_flight_seal_newest();
  lab_flight_drop_old(now, chunk_bytes(LAB_FLIGHT_CHUNK));
  lab_flight_chunk *c = lab_try_malloc(chunk_bytes(LAB_FLIGHT_CHUNK));
  if (!c) {
    while (ring->first)
      drop_oldest();
    ring->from = now;
    return false;
  }
  *c = (lab_flight_chunk){.first = now,
                          .last = now,
                          .goroutines = ring->goroutines,
                          .tasks = ring->tasks};
  atomic_store(&c->owners, 1);
  ring->room = LAB_FLIGHT_CHUNK;
  ring->bytes += chunk_bytes(ring->room);
  *ring->end = ring->newest = c;
  return true;
}

bool lab_flight_make_room(uint64_t now, size_t n) {
  const lab_flight_chunk *c = ring->newest;
  return (c && c->len + n <= ring->room && now < c->first + ring->ns / 4) ||
         begin_chunk(now);
}

/* ---- records ------------------------------------------------------------- */

void lab_flight_append(lab_flight_kind kind, uint64_t now, const uint64_t *args,
                       const char *text, size_t len) {
  uint8_t shape = lab_flight_shapes[kind];
  unsigned n = shape & (FLIGHT_HAS_TEXT - 1);
  if (len > LAB_FLIGHT_TEXT)
    len = lab_utf8_trim(text, LAB_FLIGHT_TEXT);
  if (!lab_flight_make_room(now, 1 + (n + 2) * (size_t)LAB_VARINT_MAX + len))
    return;
  lab_flight_chunk *c = ring->newest;
  if (now < c->last)
    now = c->last;
  uint8_t *at = c->bytes + c->len;
  *at++ = (uint8_t)kind;
  at = lab_varint_put(at, now - c->last);
  for (unsigned i = 0; i < n; i++)
    at = lab_varint_put(at, args[i]);
  if (shape & FLIGHT_HAS_TEXT) {
    at = lab_varint_put(at, len);
    memcpy(at, text, len);
    at += len;
  }
  c->len = (size_t)(at - c->bytes);
  c->last = now;
}

bool lab_flight_enter(void) {
  pthread_mutex_lock(&ring->lock);
  if (ring->ns)
    return true;
  pthread_mutex_unlock(&ring->lock);
  return false;
}

void lab_flight_leave(void) {
  pthread_mutex_unlock(&ring->lock);
}

/* ---- beginning and end --------------------------------------------------- */

void lab_flight_open(uint64_t ns, size_t bytes, unsigned workers) {
  pthread_mutex_lock(&ring->lock);
  LAB_ASSERT(ring->ns == 0 && ns > 0);
  ring->ns = ns;
  ring->limit = bytes;
  ring->workers = workers;
  ring->jobs = lab_xcalloc(workers + 1, sizeof *ring->jobs);
  ring->end = &ring->first;
  ring->from = lab_clock_mono();
  pthread_mutex_unlock(&ring->lock);
  atomic_store(&lab_flight_recording, true);
}

void lab_flight_close(void) {
  atomic_store(&lab_flight_recording, false);
  pthread_mutex_lock(&ring->lock);
  while (ring->first)
    drop_oldest();
  lab_xfree(ring->jobs);
  ring->jobs = NULL;
  ring->ns = 0;
  ring->goroutines = ring->tasks = 0;
  pthread_mutex_unlock(&ring->lock);
}
