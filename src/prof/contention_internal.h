/* SPDX-License-Identifier: MIT
 * What contention.c (collecting), contention_table.c (the buckets) and
 * contention_text.c (showing) share. */
#ifndef LAB_PROF_CONTENTION_INTERNAL_H
#define LAB_PROF_CONTENTION_INTERNAL_H

#include "prof/contention.h"

/* Count and ns are since the process began; they are estimates if only some
 * events were counted. The marked ones are the part before the last mark. */
typedef struct lab_contention_bucket {
  uint32_t stack, label;
  uint32_t base;   /* lab_label_base of the label */
  uint64_t serial; /* no other bucket has this number */
  double count, ns;
  double marked_count, marked_ns;
} lab_contention_bucket;

/* What is shown of a bucket: what was counted since the mark, or, if it is
 * whole, since the process began. With two zeros it isn't shown. */
typedef struct lab_contention_amount {
  int64_t count, ns;
} lab_contention_amount;
lab_contention_amount lab_contention_shown(const lab_contention_bucket *b,
                                           bool is_whole);

struct lab_contention_snapshot {
  lab_contention kind;
  bool is_whole;
  bool is_on;          /* events are counted */
  uint64_t taken_real; /* ns since 1970; for durations: */
  uint64_t taken_mono;
  uint64_t attempt;
  size_t n;
  lab_contention_bucket buckets[];
};

#endif
