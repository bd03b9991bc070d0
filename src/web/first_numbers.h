/* SPDX-License-Identifier: MIT
 * The numbers with which a visit of a step begins: /metrics and /debug/vars,
 * before anybody has asked the step for anything. A student who looks at the
 * numbers once has evidence for what has changed, since the lab knows what they
 * were.
 *
 * They are written on libuv's pool. If a request comes before they are written,
 * they are dropped: nobody could tell what of it is in them. Then it takes two
 * looks to see a change. So the answer to /goto waits for them, but not long.
 *
 * Threads: the control thread. */
#ifndef LAB_WEB_FIRST_NUMBERS_H
#define LAB_WEB_FIRST_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>

#include "diagnosis/captures.h"
#include "web/web.h"

enum { LAB_FIRST_NUMBERS = 2 }; /* of metrics and of vars */

/* All zeros: there are none. */
typedef struct lab_first_numbers {
  /* Private. */
  lab_capture *of[LAB_FIRST_NUMBERS];
  unsigned under_way;
} lab_first_numbers;

/* A step was entered: takes them, and calls TAKEN (which may be NULL) when that
 * has ended. Returns false, and doesn't call it, if nothing is to be done: they
 * were taken in this attempt, several are being taken (these follow
 * then), or the lab is stopping. */
bool lab_first_numbers_take(lab_web *web, void (*taken)(void *arg), void *arg);
/* Sets OUT to those of ATTEMPT. Returns how many there are: all, or 0. Each
 * is the caller's, who gives it back with lab_capture_unref. */
size_t lab_first_numbers_get(lab_web *web, uint64_t attempt,
                             lab_capture *out[LAB_FIRST_NUMBERS]);
void lab_first_numbers_free(lab_first_numbers *numbers);

#endif
