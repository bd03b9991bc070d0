/* SPDX-License-Identifier: MIT
 * The recording: its state, its lock, and writing its events. Internal to
 * src/trace. There is one recording in a process.
 *
 * Threads: all of it is under the lock, but for what says otherwise. */
#ifndef LAB_TRACE_RECORD_H
#define LAB_TRACE_RECORD_H

#include <pthread.h>

#include "trace/chunks.h"
#include "trace/table.h"
#include "trace/trace.h"
#include "trace/wire.h"

enum { MAX_WORKERS = 1024, MAX_REGIONS = 1 << 16 };

typedef enum phase { IDLE, OPEN, RECORDING, SEALED } phase;

/* A worker's P and goroutine. */
typedef struct worker {
  lab_trace_g g;
  bool busy;
  uint32_t label; /* string */
  uint32_t stack; /* of the job */
  uint64_t began; /* ns */
  uint64_t last;  /* time of its last event */
} worker;

/* The lab's own goroutines, which work on the VM's P where no task runs. */
typedef enum lab_trace_helper {
  LAB_TRACE_COLLECTOR,
  LAB_TRACE_NETWORK, /* begins user tasks */
  LAB_TRACE_HELPERS
} lab_trace_helper;

/* An open region of a goroutine. */
typedef struct region {
  uint64_t task;
  uint32_t name;
  uint32_t outer; /* place + 1 of the next one, also in the free list */
} region;

typedef struct recording {
  pthread_mutex_t lock;
  lab_trace_config config;
  phase phase;
  uint32_t epoch; /* of this recording: 1, 2, ... */
  bool header_taken;
  char fault[128];
  void (*seal)(const char *why); /* trace.c's, for lab_trace_enter */

  lab_trace_chunks chunks;
  uint64_t events;
  bool in_batch;
  int proc;            /* whose batch it is */
  uint64_t batch_last; /* time of its last event */

  /* The VM's P. */
  lab_trace_g *running; /* or NULL */
  uint64_t last;        /* time of its last event */
  uint64_t timer_last;  /* of the timers' P */
  uint64_t began;       /* nothing but its beginning is before */
  uint64_t present;     /* of the snapshot, or of the past; else 0 */
  uint64_t threads;     /* numbers given to threads so far */
  uint64_t collections; /* begun so far */
  bool collecting, stopped;
  lab_trace_g helpers[LAB_TRACE_HELPERS];
  uint32_t helper_stack; /* of the one that runs */
  uint64_t heap_at;      /* last point of the heap's curve */

  worker *workers;
  region *regions;
  uint32_t nregions, free_region;
  lab_trace_tables_state tables;
} recording;

extern recording lab_trace_state;

/* Takes the lock for an event, and says whether there is a recording; if not
 * the lock isn't held. SNAPSHOT: also before lab_trace_start. Here, and only
 * here, a recording that has become too long is sealed: what a function writes
 * between enter and leave stays together. */
bool lab_trace_enter(bool snapshot);
void lab_trace_leave(void);

/* Appends an event of PROC with N numbers. Never fails. */
void lab_trace_put(int proc, uint64_t now, int type, unsigned n,
                   const uint64_t *args);
/* Appends TEXT to the last event. Before that event lab_trace_reserve was
 * called for LAB_TRACE_EVENT_MAX and LEN bytes. */
void lab_trace_put_text(const char *text, size_t len);
/* What is written next, up to N bytes, stays in one chunk. */
void lab_trace_reserve(size_t n);
/* Bytes of an event, a batch's head, and the length of a text. */
enum { LAB_TRACE_EVENT_MAX = 128 };

#define PUT(proc, now, type, ...)                                              \
  do {                                                                         \
    const uint64_t put_args[] = {__VA_ARGS__};                                 \
    lab_trace_put((proc), (now), (type), sizeof put_args / sizeof *put_args,   \
                  put_args);                                                   \
  } while (0)
#define PUT0(proc, now, type) lab_trace_put((proc), (now), (type), 0, NULL)

/* NOW, or the present if that is 0; not before the last event of the VM's P. */
uint64_t lab_trace_time(uint64_t now);
/* Remembers that STACK is used; returns it, or INSTEAD for 0. */
uint32_t lab_trace_stack(uint32_t stack, uint32_t instead);
/* Copies at most SIZE bytes of a string's text; returns how many. Takes the
 * lock itself. */
size_t lab_trace_string_text(uint32_t number, char *out, size_t size);

#endif
