/* SPDX-License-Identifier: MIT
 * What heap.c (collecting) and heap_text.c, heap_kinds.c (showing) share. */
#ifndef LAB_PROF_HEAP_INTERNAL_H
#define LAB_PROF_HEAP_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prof/heap.h"

typedef struct lab_heap_bucket {
  uint32_t stack, label;
  uint64_t size;
  uint64_t allocs, frees; /* samples */
  double alloc_weight, free_weight;
  uint64_t marked_allocs; /* the part before the last mark */
  double marked_weight;
} lab_heap_bucket;

struct lab_heap_snapshot {
  uint64_t taken_real;
  uint64_t rate;
  bool is_whole; /* allocations since the process began, not since the mark */
  size_t n;
  lab_heap_bucket buckets[];
};

#endif
