/* SPDX-License-Identifier: MIT
 * The ring of the flight recorder: its chunks, and how records get there.
 * Internal to src/trace.
 *
 * Threads: all of it is under the lock, but for enter. */
#ifndef LAB_TRACE_FLIGHT_RING_H
#define LAB_TRACE_FLIGHT_RING_H

#include <pthread.h>

#include "trace/flight_chunk.h"

typedef struct lab_flight_ring {
  pthread_mutex_t lock;
  uint64_t ns; /* how much it keeps; 0: it is off */
  size_t limit;
  unsigned workers;
  lab_flight_chunk *first, *newest, **end; /* end: the link to the newest */
  size_t bytes, room;         /* of all chunks; in the newest, for records */
  uint64_t from;              /* all since then is in the ring */
  uint64_t goroutines, tasks; /* the greatest ids so far */
  lab_flight_job *jobs;
} lab_flight_ring;

extern lab_flight_ring lab_flight_state;

/* Takes the lock for a record; false, and without the lock, if it is off. */
bool lab_flight_enter(void);
void lab_flight_leave(void);

/* Appends a record. ARGS: as many as KIND has. */
void lab_flight_append(lab_flight_kind kind, uint64_t now, const uint64_t *args,
                       const char *text, size_t len);
/* The next record, of up to N bytes, will be in the newest chunk. False: there
 * is no memory. */
bool lab_flight_make_room(uint64_t now, size_t n);
/* The newest chunk gets no more records, nor keeps room for them. */
void lab_flight_seal_newest(void);
/* What is too old goes, and more, so that there is room for MORE bytes. */
void lab_flight_drop_old(uint64_t now, size_t more);
/* Any thread, without the lock. */
void lab_flight_unref(lab_flight_chunk *c);

#endif
