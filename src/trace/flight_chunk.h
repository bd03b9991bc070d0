/* SPDX-License-Identifier: MIT
 * A chunk of the flight recorder's ring, and its records. Internal to
 * src/trace.
 *
 * A record is a byte, its kind; the time since the record before it, or since
 * the chunk's first; as many numbers as its kind has; and, if the kind has one,
 * a text: its length and its bytes. Numbers are varints. What mostly happens
 * takes few bytes, because ids are told by how far they are from the newest
 * one, and what follows from something else isn't told: that a request begins
 * with its task, or that what stops has run.
 *
 * A reader (lab_flight_read) sees nothing of that: it gets one record for each
 * thing that happened, in their order, with whole ids. */
#ifndef LAB_TRACE_FLIGHT_CHUNK_H
#define LAB_TRACE_FLIGHT_CHUNK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/flight.h"

typedef struct lab_flight_chunk {
  struct lab_flight_chunk *next;
  atomic_uint owners;
  uint32_t room, len;   /* bytes */
  uint64_t first, last; /* mono ns of its records */
  uint64_t goroutines;  /* the greatest id that had been created before it */
  uint64_t tasks;       /* likewise */
  uint8_t bytes[];
} lab_flight_chunk;

enum {
  LAB_FLIGHT_CHUNK = 16 << 10, /* bytes of a chunk */
  LAB_FLIGHT_ROOM = LAB_FLIGHT_CHUNK - sizeof(lab_flight_chunk),
  LAB_FLIGHT_ARGS = 5,
  LAB_FLIGHT_TEXT = 512, /* bytes of a text that are kept */
  LAB_FLIGHT_MOST = 600, /* no record is longer */
};

/* How much of TEXT a record has. */
size_t lab_flight_text_length(const char *text);

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
  FLIGHT_TASK_END,    /* the same, without a name */
  FLIGHT_TASK_OLD,    /* the same; name */
  FLIGHT_LOG,         /* task, stack; text */
  FLIGHT_QUEUED,      /* task, ns */
  FLIGHT_JOB,         /* worker, ns since its end, duration, stack; label */
  FLIGHT_GC_BEGIN,    /* stack */
  FLIGHT_GC_END,      /* done, next_gc */
  FLIGHT_HEAP,        /* bytes */
  /* Several in one, which readers get one by one. */
  FLIGHT_REQUEST,     /* id, task, entry; name. TASK and CREATE */
  FLIGHT_REQUEST_END, /* id, task. END and TASK_END */
  FLIGHT_REQUEST_OLD, /* id, task, entry; name. END_OLD and TASK_OLD */
  FLIGHT_KINDS
} lab_flight_kind;

/* Added to the kind of what stops (BLOCK, YIELD, all ends): behind its time,
 * which is that of its START, is how long it ran. */
enum { FLIGHT_RUN = 0x80 };

/* What a kind has, a letter each:
 *   G  id of a new goroutine        g  of another one
 *   T  id of a new user task        t  of another one, or 0
 *   s  a stack                      n  a number
 *   "  a text, the last one */
extern const char *const lab_flight_shapes[FLIGHT_KINDS];

typedef struct lab_flight_record {
  lab_flight_kind kind;
  uint64_t now;
  uint64_t args[LAB_FLIGHT_ARGS];
  const char *text; /* not 0-terminated */
  size_t len;
} lab_flight_record;

typedef struct lab_flight_reader {
  const uint8_t *at, *end;
  uint64_t now, goroutines, tasks;
  unsigned nlater; /* records that are next, the last one first */
  lab_flight_record later[2];
} lab_flight_reader;

void lab_flight_read_begin(lab_flight_reader *r, const lab_flight_chunk *c);
/* The next record; false at the end. */
bool lab_flight_read(lab_flight_reader *r, lab_flight_record *out);

#endif
