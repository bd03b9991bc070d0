/* SPDX-License-Identifier: MIT
 * Captures: the profiles and numbers that a student was given, or has sent.
 * They are the evidence by which an answer is judged.
 *
 *   lab_captures all = LAB_CAPTURES_INIT;
 *   lab_capture *c = lab_capture_new("heap", bytes);
 *   ... the facts about it ...
 *   lab_captures_add(&all, c);
 *   lab_captures_free(&all);
 *
 * Together they have LAB_CAPTURES_BYTES at most; then the oldest go. Bytes that
 * are sent to a client at the moment are the same memory (base/blob.h), so to
 * keep them copies nothing. Evidence is of the present visit: of earlier ones
 * only the facts stay, so that a step doesn't have the memory of the one
 * before.
 *
 * There is no hash of a capture: a file that is sent is compared with what is
 * kept, byte by byte.
 *
 * Threads: the list has one owner. A capture doesn't change once it is in the
 * list, and may be read by any thread that has it (lab_captures_take). */
#ifndef LAB_DIAGNOSIS_CAPTURES_H
#define LAB_DIAGNOSIS_CAPTURES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/blob.h"

enum {
  LAB_CAPTURES_BYTES = 64 << 20,
  LAB_CAPTURES_MOST = 4096, /* in the list */
  LAB_CAPTURE_KIND = 64,    /* bytes of a kind's name, with the final 0 */
  LAB_CAPTURE_SLUG = 64,
};

#define LAB_CAPTURE_TRACE "trace" /* the kind of a trace */

typedef struct lab_capture {
  atomic_uint owners;          /* private */
  unsigned id;                 /* 1, 2, 3...; set by lab_captures_add */
  char kind[LAB_CAPTURE_KIND]; /* "cpu", "wall", "metrics", "vars", "trace"; or
                                  the profile's name */
  lab_blob *bytes;  /* a profile.proto, packed or not; the text of metrics or
                       vars; or a trace. NULL: they were given back, as they
                       are of an earlier visit, or weren't kept */
  size_t len;       /* how many bytes there are, or were */
  uint64_t attempt; /* prof/attempt.h */
  int step;
  char slug[LAB_CAPTURE_SLUG];
  uint64_t at; /* when it was complete, ns since 1970 */
  /* The time that it tells of. */
  double seconds, busy; /* and how long of it requests were under way */
  double requests;      /* how many the application had then */
  /* For how long the lab's threads were ready to run meanwhile, and had no
   * processor, all together; negative: nobody knows. */
  double waited;
  unsigned in_flight; /* at the end */
  bool is_delta;      /* seconds=N, of a profile that is no recording */
  bool is_sent;       /* by the student; else the lab has answered it */
  bool is_too_large;  /* to be kept */
} lab_capture;

/* Takes BYTES, or NULL. The caller owns the result, and may change it. */
lab_capture *lab_capture_new(const char *kind, lab_blob *bytes);
/* One owner more. Returns C. */
lab_capture *lab_capture_ref(lab_capture *c);
/* One owner less; the last one frees it. Accepts NULL. */
void lab_capture_unref(lab_capture *c);

/* All zeros: none was kept yet, and there is no memory for any. */
typedef struct lab_captures {
  lab_capture **items; /* private: the oldest first */
  size_t n, cap, memory;
  unsigned last;
  uint64_t attempt;
} lab_captures;

#define LAB_CAPTURES_INIT                                                      \
  { NULL, 0, 0, 0, 0, 0 }

/* ATTEMPT is the present visit from now on: the bytes of captures of others are
 * given back. Before the first call those of all visits are kept. */
void lab_captures_visit(lab_captures *all, uint64_t attempt);

/* Takes C. Returns its id. One that is too large for the list isn't kept, and
 * its id is 0. */
unsigned lab_captures_add(lab_captures *all, lab_capture *c);
/* The capture that has exactly these bytes, of this visit; NULL if there is
 * none. It is the list's. */
const lab_capture *lab_captures_find(const lab_captures *all, const void *bytes,
                                     size_t len);
/* The recording that the lab has answered, of which the file SENT was made: of
 * the same kind and visit, and which began when it did. NULL: it isn't known
 * any more. It is the list's. */
const lab_capture *lab_captures_find_answered(const lab_captures *all,
                                              const lab_capture *sent);
/* NULL: there is no such id. It is the list's. */
const lab_capture *lab_captures_get(const lab_captures *all, unsigned id);
/* False if there is no such id. */
bool lab_captures_drop(lab_captures *all, unsigned id);
void lab_captures_clear(lab_captures *all);
/* How many there are, and the bytes that they have. */
size_t lab_captures_count(const lab_captures *all);
size_t lab_captures_memory(const lab_captures *all);
/* How many of them are of ATTEMPT. */
size_t lab_captures_of(const lab_captures *all, uint64_t attempt);
/* A list of the caller's own, of *N; the oldest first. It is given to
 * lab_captures_give_back. */
lab_capture **lab_captures_take(const lab_captures *all, size_t *n);
void lab_captures_give_back(lab_capture **list, size_t n);
/* Forgets all, and frees the list. */
void lab_captures_free(lab_captures *all);

#endif
