/* SPDX-License-Identifier: MIT
 * See flight_ring.h.
 *
 * A chunk ends when it is full, or has a quarter of the ring's time: so what is
 * kept is hardly older than what is wanted. Where there is no memory for a
 * chunk, all others go, and the ring begins anew: it has no gaps.
 *
 * Chunks are mapped by themselves: the lab's record of what the program did is
 * no part of the program's heap, whose size students watch. */
#include "trace/flight_ring.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/utf8.h"

atomic_uint_fast64_t lab_flight_recording;

/* The last time of the oldest chunk that is full, or 0: for other threads. */
static atomic_uint_fast64_t oldest_full;

lab_flight_ring lab_flight_state;
lab_flight_pending lab_flight_now;

static lab_flight_ring *const ring = &lab_flight_state;

/* ---- chunks -------------------------------------------------------------- */

static size_t chunk_bytes(const lab_flight_chunk *c) {
  return sizeof *c + c->room;
}

static void unmap_chunk(lab_flight_chunk *c) {
  munmap(c, chunk_bytes(c));
}

void lab_flight_unref(lab_flight_chunk *c) {
  if (atomic_fetch_sub(&c->owners, 1) == 1)
    unmap_chunk(c);
}

/* C gets no more records: gives back the pages that it doesn't need. */
static void shrink_chunk(lab_flight_chunk *c) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE), had = chunk_bytes(c);
  size_t needs = (sizeof *c + c->len + page - 1) / page * page;
  if (needs >= had || munmap((char *)c + needs, had - needs) != 0)
    return;
  c->room = (uint32_t)(needs - sizeof *c);
  ring->bytes -= had - needs;
}

/* The memory of C, which is no longer in the ring, may serve the next one. */
static void give_chunk_back(lab_flight_chunk *c) {
  if (!ring->spare && c->room == LAB_FLIGHT_ROOM &&
      atomic_load(&c->owners) == 1) {
    ring->spare = c;
    return;
  }
  ring->bytes -= chunk_bytes(c);
  lab_flight_unref(c);
}

static void leave_newest(void) {
  ring->newest = NULL;
  ring->at = NULL;
  ring->full = NULL;
}

static void note_oldest(void) {
  const lab_flight_chunk *c = ring->first;
  atomic_store_explicit(&oldest_full, c && c != ring->newest ? c->last : 0,
                        memory_order_relaxed);
}

/* Of the newest chunk, and its last time. */
static void note_length(void) {
  lab_flight_chunk *c = ring->newest;
  if (!c)
    return;
  c->len = (uint32_t)(ring->at - c->bytes);
  c->last = ring->last;
}

static void drop_oldest(void) {
  lab_flight_chunk *c = ring->first;
  note_length();
  ring->from = c->last > ring->from ? c->last : ring->from;
  ring->first = c->next;
  if (c == ring->newest)
    leave_newest();
  if (!ring->first || ring->first == ring->newest)
    ring->end = &ring->first;
  note_oldest();
  give_chunk_back(c);
}

void lab_flight_seal_newest(void) {
  lab_flight_chunk *c = ring->newest;
  if (!c)
    return;
  note_length();
  shrink_chunk(c);
  ring->end = &c->next;
  leave_newest();
  note_oldest();
}

void lab_flight_drop_old(uint64_t now, size_t more) {
  uint64_t old = now > ring->ns ? now - ring->ns : 0;
  note_length();
  while (ring->first && (ring->first->last < old ||
                         ring->bytes + (ring->spare ? 0 : more) > ring->limit))
    drop_oldest();
}

bool lab_flight_is_stale(uint64_t now) {
  uint64_t last = atomic_load_explicit(&oldest_full, memory_order_relaxed);
  return last > 0 && last + lab_flight_ns() < now;
}

void lab_flight_drop_stale(uint64_t now) {
  if (lab_flight_on())
    lab_flight_drop_old(now, 0);
}

/* What happens from NOW on is known. */
static void drop_all_chunks(uint64_t now) {
  while (ring->first)
    drop_oldest();
  ring->from = now > ring->last ? now : ring->last;
  lab_flight_now.started = 0;
}

static lab_flight_chunk *take_chunk_memory(void) {
  lab_flight_chunk *c = ring->spare;
  ring->spare = NULL;
  if (c)
    return c;
  c = mmap(NULL, LAB_FLIGHT_CHUNK, PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (c == MAP_FAILED)
    return NULL;
  ring->bytes += LAB_FLIGHT_CHUNK;
  return c;
}

bool lab_flight_begin_chunk(uint64_t now) {
  lab_flight_seal_newest();
  lab_flight_drop_old(now, LAB_FLIGHT_CHUNK);
  lab_flight_chunk *c = take_chunk_memory();
  if (!c) {
    drop_all_chunks(now);
    return false;
  }
  if (ring->last < now)
    ring->last = now;
  *c = (lab_flight_chunk){.room = LAB_FLIGHT_ROOM,
                          .first = ring->last,
                          .last = ring->last,
                          .goroutines = ring->goroutines,
                          .tasks = ring->tasks};
  atomic_store(&c->owners, 1);
  *ring->end = ring->newest = c;
  ring->at = c->bytes;
  ring->full = c->bytes + LAB_FLIGHT_ROOM - LAB_FLIGHT_MOST;
  ring->until = c->first + ring->ns / 4;
  return true;
}

uint8_t *lab_flight_put_text(uint8_t *at, const char *text, size_t len) {
  if (len > LAB_FLIGHT_TEXT)
    len = lab_utf8_trim(text, LAB_FLIGHT_TEXT);
  at = lab_varint_put(at, len);
  memcpy(at, text, len);
  return at + len;
}

/* ---- what comes before others -------------------------------------------- */

void lab_flight_write_start(void) {
  uint64_t id = lab_flight_now.started;
  lab_flight_now.started = 0;
  if (!id || !lab_flight_make_room(lab_flight_now.started_at))
    return;
  uint8_t *at = lab_flight_put_head(FLIGHT_START, lab_flight_now.started_at);
  lab_flight_end_record(lab_flight_put_goroutine(at, id));
}

static void write_job_record(const lab_flight_job *j) {
  if (!lab_flight_make_room(j->ended))
    return;
  uint8_t *at = lab_flight_put_head(FLIGHT_JOB, j->ended);
  at = lab_varint_put(at, j->index);
  at = lab_varint_put(at, ring->last - j->ended);
  at = lab_varint_put(at, j->ended - j->began);
  at = lab_varint_put(at, j->stack);
  lab_flight_end_record(lab_flight_put_text(at, j->label, strlen(j->label)));
}

void lab_flight_add_jobs(lab_flight_job *present) {
  bool lost;
  lab_flight_job *next, *over = lab_flight_jobs_take(present, &lost);
  lab_flight_write_start();
  if (lost)
    drop_all_chunks(lab_clock_mono());
  for (; over; over = next) {
    next = over->next;
    write_job_record(over);
    lab_xfree(over);
  }
}

/* ---- beginning and end --------------------------------------------------- */

void lab_flight_open(uint64_t ns, size_t bytes, unsigned workers) {
  LAB_ASSERT(ring->ns == 0 && ns > 0);
  lab_flight_now = (lab_flight_pending){0};
  *ring = (lab_flight_ring){.ns = ns, .limit = bytes, .from = lab_clock_mono()};
  ring->end = &ring->first;
  lab_flight_jobs_open(workers);
  atomic_store(&lab_flight_recording, ns);
}

void lab_flight_close(void) {
  if (ring->ns == 0)
    return;
  atomic_store(&lab_flight_recording, 0);
  drop_all_chunks(0);
  if (ring->spare)
    unmap_chunk(ring->spare);
  lab_flight_jobs_close();
  *ring = (lab_flight_ring){0};
  lab_flight_now = (lab_flight_pending){0};
}
