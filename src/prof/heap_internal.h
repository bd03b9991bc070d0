/* SPDX-License-Identifier: MIT
 * What heap.c (collecting), heap_table.c (the buckets) and heap_text.c,
 * heap_kinds.c (showing) share. */
#ifndef LAB_PROF_HEAP_INTERNAL_H
#define LAB_PROF_HEAP_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prof/heap.h"

typedef struct lab_heap_amount {
  uint64_t samples, sampled_bytes;
  double weight, bytes; /* objects and bytes that they stand for */
} lab_heap_amount;

typedef struct lab_heap_bucket {
  uint32_t stack, label;
  uint32_t base;   /* lab_label_base of the label */
  uint64_t serial; /* no other bucket has this number; 0: the place is free */
  uint64_t size;   /* 0: of different sizes */
  lab_heap_amount allocs; /* since the process began */
  lab_heap_amount marked; /* of these, what isn't of the present step */
  lab_heap_amount inuse;
  lab_heap_amount own;    /* of inuse, the present step's part */
  lab_heap_amount coming; /* and that of a step that is being loaded */
} lab_heap_bucket;

struct lab_heap_snapshot {
  uint64_t taken_real; /* ns since 1970; for durations: */
  uint64_t taken_mono;
  uint64_t attempt;
  uint64_t rate;
  bool is_whole; /* of all steps, not only of the present one */
  size_t n;
  lab_heap_bucket buckets[];
};

/* What a snapshot shows of the bucket. */
lab_heap_amount lab_heap_allocated(const lab_heap_snapshot *s, size_t i);
lab_heap_amount lab_heap_inuse(const lab_heap_snapshot *s, size_t i);

#endif
