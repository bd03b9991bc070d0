/* SPDX-License-Identifier: MIT
 * A histogram that keeps the whole of a distribution, also its rare large
 * values: each value is known to three digits, from 1 ns to 4.8 hours.
 *
 * Up to 2048 each value has a bucket of its own. Above, 1024 buckets share the
 * way from each power of two to the next, so a bucket is less than 0.1 % wide.
 * The least and the greatest value and the sum are exact.
 *
 * Memory: 290 kB, whatever it holds. Threads: one at a time. */
#ifndef LAB_LOAD_HDR_H
#define LAB_LOAD_HDR_H

#include <stdint.h>

enum {
  LAB_HDR_STEPS = 1024, /* from a power of two to the next */
  LAB_HDR_BITS = 44,    /* greater values count as the greatest bucket's */
  LAB_HDR_BUCKETS = (LAB_HDR_BITS - 10 + 1) * LAB_HDR_STEPS,
};

/* All zeros is an empty histogram. */
typedef struct lab_hdr {
  uint64_t count;
  uint64_t least, greatest;
  double sum;
  uint64_t buckets[LAB_HDR_BUCKETS];
} lab_hdr;

/* An empty one, which the caller gives to lab_xfree. */
lab_hdr *lab_hdr_new(void);
void lab_hdr_add(lab_hdr *h, uint64_t value);
/* The same TIMES times, at least once. */
void lab_hdr_add_times(lab_hdr *h, uint64_t value, uint64_t times);
/* Adds all values of OTHER. */
void lab_hdr_merge(lab_hdr *h, const lab_hdr *other);

/* The smallest value that PERCENT of all values don't exceed, to three digits:
 * never less than the true one, and never more than the greatest. 0 if there
 * are no values. */
uint64_t lab_hdr_percentile(const lab_hdr *h, double percent);
double lab_hdr_mean(const lab_hdr *h);
/* How many values are at most VALUE; a bucket counts if it begins there. */
uint64_t lab_hdr_count_to(const lab_hdr *h, uint64_t value);

#endif
