/* SPDX-License-Identifier: MIT
 * How many requests the application had, and for how long it had any: what a
 * capture must tell beside its bytes, so that its numbers can be read "per
 * request" and "per second of work".
 *
 *   lab_activity_mark from = lab_activity_read(&web->activity);
 *   ... a profile is recorded ...
 *   lab_activity_mark to = lab_activity_read(&web->activity);
 *   lab_activity_fill(&from, &to, capture);
 *
 * Of a profile that is sent only its time is known: lab_activity_at tells of
 * moments that are over.
 *
 * It begins anew with each attempt (prof/attempt.h).
 *
 * Threads: the control thread. */
#ifndef LAB_WEB_ACTIVITY_H
#define LAB_WEB_ACTIVITY_H

#include <stddef.h>
#include <stdint.h>

#include "diagnosis/captures.h"
#include "prof/attempt.h"

/* A moment. */
typedef struct lab_activity_mark {
  lab_attempt attempt;
  uint64_t at; /* mono ns */
  uint64_t begun, ended, busy;
  unsigned in_flight;
} lab_activity_mark;

enum { LAB_ACTIVITY_PAST = 512 };

/* Private to activity.c. All zeros: nothing was counted yet. */
typedef struct lab_activity {
  lab_attempt attempt;
  uint64_t begun, ended; /* requests of the attempt */
  unsigned in_flight;
  uint64_t busy;    /* ns with a request under way, up to.. */
  uint64_t since;   /* ... this, by lab_clock_mono, if there is one now */
  uint64_t changed; /* when a request began or ended last; mono ns */
  /* Moments of the attempt, the oldest first. Between two of them, and until
   * `changed`, all grows evenly. */
  lab_activity_mark past[LAB_ACTIVITY_PAST];
  size_t npast;
} lab_activity;

/* A request goes to the application; its answer has come. NOW: mono ns. */
void lab_activity_begin(lab_activity *a, uint64_t now);
void lab_activity_end(lab_activity *a, uint64_t now);

/* Requests that are not answered yet, of any attempt. */
unsigned lab_activity_in_flight(const lab_activity *a);

lab_activity_mark lab_activity_read(lab_activity *a);
/* The moment AT (mono ns) of the present attempt. It is exact where nothing
 * began or ended for a while before or after it, and else by estimate; one
 * before the attempt is its beginning. */
lab_activity_mark lab_activity_at(lab_activity *a, uint64_t at);
/* Fills in C's attempt, time and requests: what came between the two; if FROM
 * is NULL, since the attempt of TO began. If FROM is of another attempt, C is
 * of that one, and nobody knows about its requests. */
void lab_activity_fill(const lab_activity_mark *from,
                       const lab_activity_mark *to, lab_capture *c);

#endif
