/* SPDX-License-Identifier: MIT
 * From times to numbers of samples: rows that have times of any length become
 * samples of one period.
 *
 * A row may have much less than a period: a recording with a higher rate beside
 * this one makes samples of 0.5 ms for a profile whose period is 50 ms. Rounded
 * each for itself, such rows would all be 0, or all be 1, and where the time
 * went would be lost. So what a row leaves over is carried to the next one:
 *
 *   count(i) = r(t(1) + ... + t(i)) - r(t(1) + ... + t(i - 1))
 *   r(t)     = t / period, rounded to the nearest whole number
 *
 * All counts together are r(all times). The rows are in the order of the call
 * tree, in which all that is under one node stands together: so each node, and
 * not only each row, has fewer than 1 sample too many or too few. A row may
 * have 0 samples; its time is still there.
 *
 * Threads: any, one at a time per array. Signal handlers: never. */
#ifndef LAB_PROF_SPREAD_H
#define LAB_PROF_SPREAD_H

#include <stddef.h>
#include <stdint.h>

typedef struct lab_spread_row {
  uint32_t stack, label;
  const char *state; /* the caller's, which may be NULL */
  int64_t ns;        /* not negative */
  int64_t count;     /* set by lab_spread_count */
} lab_spread_row;

/* Puts the N rows into their order and sets their counts of samples of PERIOD
 * ns. The caller has a hold on the stacks. */
void lab_spread_count(lab_spread_row *rows, size_t n, int64_t period);

#endif
