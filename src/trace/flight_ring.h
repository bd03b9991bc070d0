/* SPDX-License-Identifier: MIT
 * The ring of the flight recorder: its chunks, and how records get there.
 * Internal to src/trace.
 *
 * Only the VM's thread is here. So nothing has a lock, and the next record is
 * written where `at` is.
 *
 * Threads: the VM's, but for unref. */
#ifndef LAB_TRACE_FLIGHT_RING_H
#define LAB_TRACE_FLIGHT_RING_H

#include "base/varint.h"
#include "trace/flight_chunk.h"
#include "trace/flight_jobs.h"

typedef struct lab_flight_ring {
  /* The newest chunk, if there is one; else NULL and 0. */
  uint8_t *at;                /* its next record */
  const uint8_t *full;        /* from here on there is no room for one */
  uint64_t until;             /* mono ns: it gets no record that is later */
  uint64_t last;              /* mono ns of the last record of all */
  uint64_t goroutines, tasks; /* the greatest ids so far */

  uint64_t ns; /* how much it keeps; 0: it is off */
  size_t limit, bytes;
  lab_flight_chunk *first, *newest, **end; /* end: the link to the newest */
  lab_flight_chunk *spare; /* memory for the next one, or NULL; in `bytes` */
  uint64_t from;           /* all since then is in the ring */
} lab_flight_ring;

extern lab_flight_ring lab_flight_state;

/* A new chunk for a record of NOW. False: there is no memory, and all that was
 * recorded is forgotten. */
bool lab_flight_begin_chunk(uint64_t now);
/* The newest chunk gets no more records, nor keeps room for them. */
void lab_flight_seal_newest(void);
/* Chunks that are too old go, and more, so that there is room for MORE bytes.
 */
void lab_flight_drop_old(uint64_t now, size_t more);
/* Any thread. */
void lab_flight_unref(lab_flight_chunk *c);

/* Writes the jobs that are over. PRESENT as in lab_flight_jobs_take. */
void lab_flight_add_jobs(lab_flight_job *present);

/* ---- a record: make room, put its head, its numbers, its text; end ------- */

/* Where all of a request's records are written, a call would cost as much as
 * the work. */
#define LAB_FLIGHT_HOT inline __attribute__((always_inline))

/* Whether a record that is begun at NOW fits into the newest chunk. */
static LAB_FLIGHT_HOT bool lab_flight_has_room(uint64_t now) {
  const lab_flight_ring *ring = &lab_flight_state;
  return __builtin_expect(ring->at < ring->full && now < ring->until, 1);
}

/* Makes that true. False: there is no
 * memory for one. */
static LAB_FLIGHT_HOT bool lab_flight_make_room(uint64_t now) {
  return lab_flight_has_room(now) || lab_flight_begin_chunk(now);
}

static LAB_FLIGHT_HOT uint8_t *lab_flight_put_head(unsigned kind,
                                                   uint64_t now) {
  lab_flight_ring *ring = &lab_flight_state;
  uint8_t *at = ring->at;
  if (now < ring->last)
    now = ring->last;
  *at++ = (uint8_t)kind;
  at = lab_varint_put(at, now - ring->last);
  ring->last = now;
  return at;
}

/* Of the goroutine ID, and of the user task TASK or none (0). */
static LAB_FLIGHT_HOT uint8_t *lab_flight_put_goroutine(uint8_t *at,
                                                        uint64_t id) {
  return lab_varint_put(at, lab_flight_state.goroutines - id);
}

static LAB_FLIGHT_HOT uint8_t *lab_flight_put_task(uint8_t *at, uint64_t task) {
  return lab_varint_put(at, task ? lab_flight_state.tasks - task + 1 : 0);
}

/* Of a new one, the greatest of which is *NEWEST. */
static inline uint8_t *lab_flight_put_new(uint8_t *at, uint64_t *newest,
                                          uint64_t id) {
  at = lab_varint_put(at, id - *newest - 1);
  if (id > *newest)
    *newest = id;
  return at;
}

/* At most LAB_FLIGHT_TEXT bytes of TEXT. */
uint8_t *lab_flight_put_text(uint8_t *at, const char *text, size_t len);

static inline void lab_flight_end_record(uint8_t *at) {
  lab_flight_state.at = at;
}

#endif
