/* SPDX-License-Identifier: MIT
 * A chunk of the flight recorder's ring, and its records. Internal to
 * src/trace.
 *
 * A record is a byte, its kind; the time since the record before it, or since
 * the chunk's first; as many numbers as its kind has; and, if the kind has one,
 * a text: its length and its bytes. Numbers are varints. */
#ifndef LAB_TRACE_FLIGHT_CHUNK_H
#define LAB_TRACE_FLIGHT_CHUNK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/flight.h"

enum { LAB_FLIGHT_CHUNK = 16 << 10, LAB_FLIGHT_ARGS = 6 };
enum { LAB_FLIGHT_TEXT = 512 }; /* bytes of a text that are kept */

/* A worker, which may have a job. */
typedef struct lab_flight_job {
  bool busy;
  uint32_t stack;
  uint64_t began;
  char label[64];
} lab_flight_job;

typedef struct lab_flight_chunk {
  struct lab_flight_chunk *next;
  atomic_uint owners;
  uint64_t first, last; /* mono ns of its records */
  uint64_t goroutines;  /* the greatest id that had been created before it */
  uint64_t tasks;       /* likewise */
  size_t len;
  uint8_t bytes[];
} lab_flight_chunk;

/* "_OLD" is what began in a chunk before: it says what that was. */
typedef enum lab_flight_kind {
  FLIGHT_CREATE,      /* id, task, entry, creator, serves */
  FLIGHT_START,       /* id */
  FLIGHT_BLOCK,       /* id, why, stack */
  FLIGHT_YIELD,       /* id, preempted, stack */
  FLIGHT_UNBLOCK,     /* id, waker, age of since + 1 or 0 */
  FLIGHT_UNBLOCK_OLD, /* the same; why, stack */
  FLIGHT_END,         /* id */
  FLIGHT_END_OLD,     /* id, task, entry, creator, serves */
  FLIGHT_REGION,      /* id, task, enters, stack; name */
  FLIGHT_TASK,        /* task, parent, stack; name */
  FLIGHT_TASK_END,    /* task, stack */
  FLIGHT_TASK_OLD,    /* the same; name */
  FLIGHT_LOG,         /* stack; text */
  FLIGHT_JOB,         /* worker, duration, stack; label. When it has ended */
  FLIGHT_GC_BEGIN,    /* stack */
  FLIGHT_GC_END,      /* done, next_gc */
  FLIGHT_HEAP,        /* bytes */
  FLIGHT_KINDS
} lab_flight_kind;

/* How many numbers a kind has; plus FLIGHT_HAS_TEXT. */
enum { FLIGHT_HAS_TEXT = 8 };
extern const uint8_t lab_flight_shapes[FLIGHT_KINDS];

typedef struct lab_flight_record {
  lab_flight_kind kind;
  uint64_t now;
  uint64_t args[LAB_FLIGHT_ARGS];
  const char *text; /* not 0-terminated */
  size_t len;
} lab_flight_record;

typedef struct lab_flight_reader {
  const uint8_t *at, *end;
  uint64_t now;
} lab_flight_reader;

void lab_flight_read_begin(lab_flight_reader *r, const lab_flight_chunk *c);
/* The next record; false at the end. */
bool lab_flight_read(lab_flight_reader *r, lab_flight_record *out);

#endif
