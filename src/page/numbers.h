/* SPDX-License-Identifier: MIT
 * What the page's charts show: the process and the step at one moment, and
 * between which bounds that was while the program was healthy (step 0).
 *
 * Threads: as each function says. */
#ifndef LAB_PAGE_NUMBERS_H
#define LAB_PAGE_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "script/script.h"
#include "web/web.h"

typedef enum lab_number {
  LAB_NUMBER_RSS, /* bytes, as the next three */
  LAB_NUMBER_HEAP_INUSE,
  LAB_NUMBER_HEAP_IDLE,
  LAB_NUMBER_HEAP_RELEASED,
  LAB_NUMBER_CPU,     /* seconds, all threads, since the start */
  LAB_NUMBER_RUNNING, /* tasks */
  LAB_NUMBER_RUNNABLE,
  LAB_NUMBER_WAITING,
  LAB_NUMBER_FDS,
  LAB_NUMBER_IN_FLIGHT, /* requests */
  LAB_NUMBER_QUEUED,
  LAB_NUMBER_REQUESTS, /* that were answered, since the start */
  LAB_NUMBER_GC,       /* cycles, since the start */
  LAB_NUMBER_CAPTURES,
  LAB_NUMBERS,
} lab_number;

typedef struct lab_numbers {
  uint64_t at;      /* ns since 1970; and */
  uint64_t at_mono; /* by lab_clock_mono */
  int step;
  double values[LAB_NUMBERS];
} lab_numbers;

/* The first half: what the control thread knows. */
void lab_numbers_begin(lab_numbers *n, lab_vm *vm, lab_web *web);
/* The second half: what the kernel and the heap know. Any thread; it takes a
 * tenth of a millisecond, and more with many descriptors. */
void lab_numbers_complete(lab_numbers *n);
/* As one JSON object. */
void lab_numbers_write(const lab_numbers *n, lab_json *j);

/* All zeros: nothing was seen yet. */
typedef struct lab_baseline {
  lab_numbers last; /* at: 0 if there is none */
  bool seen[LAB_NUMBERS];
  double least[LAB_NUMBERS], greatest[LAB_NUMBERS];
} lab_baseline;

/* N was measured in step 0; numbers that only grow are compared with those of
 * the last call, if that was of the same visit (FOLLOWS). */
void lab_baseline_add(lab_baseline *b, const lab_numbers *n, bool follows);
/* As an object: {"rss": [least, greatest], ...}; of CPU, requests and GC it is
 * the growth per second. */
void lab_baseline_write(const lab_baseline *b, lab_json *j);

#endif
