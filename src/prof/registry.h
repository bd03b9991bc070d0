/* SPDX-License-Identifier: MIT
 * The named profiles, as runtime/pprof's table: /debug/pprof/ lists it and
 * /debug/pprof/NAME is one generic handler over it. (The CPU profile and the
 * execution trace are no members: they need time.)
 * Threads: registration before the server starts; everything else any. */
#ifndef LAB_PROF_REGISTRY_H
#define LAB_PROF_REGISTRY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Somebody waits for a snapshot. The caller fills in `taken`; the memory is
 * lent until that was called. */
typedef struct lab_profile_request {
  /* On the control thread, once, and never from within kind->request. */
  void (*taken)(struct lab_profile_request *r);
  void *snapshot; /* the caller's; NULL: see the next two */
  char why[128];  /* there is none; "": withdrawn, or the program ends */
  bool again;     /* it made way for something: ask again in a moment */
  /* Of the asker: it has made way often enough. */
  bool insists;
  /* Any thread may set it: nobody waits any more. */
  atomic_bool withdrawn;
} lab_profile_request;

/* A text form that may be too large for one buffer. */
typedef struct lab_profile_stream {
  void *(*begin)(const void *snapshot); /* which outlives the stream */
  /* Appends the next part to OUT; false at the end. Slow. */
  bool (*next)(void *stream, lab_buf *out);
  void (*end)(void *stream);
} lab_profile_stream;

typedef struct lab_profile_kind {
  const char *name;        /* "heap" */
  const char *description; /* one sentence for the index page */
  size_t (*count)(void);
  /* A snapshot, so that the slow part can happen on another thread and a
   * delta can be made of two. The caller gives it to free. */
  void *(*take)(void);
  /* In place of take (which is NULL then), where another thread has to do it:
   * begins, and returns at once. Control thread. */
  void (*request)(lab_profile_request *r);
  void (*free)(void *snapshot);
  /* Appends the gzip'ed profile.proto of NOW, minus BEFORE unless that is
   * NULL. Slow (symbols): not on the control thread. 0 or negative errno. */
  int (*write)(const void *now, const void *before, lab_buf *out);
  /* Appends the text form for DEBUG >= 1. As slow. */
  void (*write_text)(const void *now, int debug, lab_buf *out);
  /* What is written for DEBUG >= 2; NULL: write_text does it. */
  const lab_profile_stream *dump;
  /* What came in some seconds can't be told: true for custom profiles, as in
   * Go. BEFORE is always NULL then. */
  bool has_no_delta;
  /* Cumulative profiles: a new step begins, whose tasks have this generation
   * (lab_task.generation). Quick. NULL: nothing to do. */
  void (*mark)(uint32_t generation);
  /* Likewise: SNAPSHOT, which tells what came since the mark, is to tell what
   * came since the process began. NULL: it makes no difference. A difference of
   * two snapshots never depends on marks. */
  void (*whole)(void *snapshot);
} lab_profile_kind;

enum { LAB_REGISTRY_MAX = 32 };

/* Enters KIND, which must stay valid. Two of one name, or more than
 * LAB_REGISTRY_MAX, is a fault of the program: it aborts. */
void lab_registry_add(const lab_profile_kind *kind);
/* NULL if there is none. */
const lab_profile_kind *lab_registry_find(const char *name);
/* The i-th in the order of names, or NULL. */
const lab_profile_kind *lab_registry_at(size_t i);
/* Marks all of them. */
void lab_registry_mark(uint32_t generation);

/* Registers heap and allocs (src/prof/heap_kinds.c). */
void lab_registry_add_heap(void);
/* Registers block and mutex (src/prof/contention_text.c). */
void lab_registry_add_contention(void);
/* Registers lab.OpenFiles (src/prof/files.c). */
void lab_registry_add_files(void);
/* Registers threadcreate (src/prof/threads.c). */
void lab_registry_add_threads(void);

#endif
