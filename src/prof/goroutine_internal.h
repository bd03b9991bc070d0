/* SPDX-License-Identifier: MIT
 * What goroutine.c and goroutine_text.c share. */
#ifndef LAB_PROF_GOROUTINE_INTERNAL_H
#define LAB_PROF_GOROUTINE_INTERNAL_H

#include "prof/goroutine.h"

enum { LAB_GOROUTINE_BLOCK = 2000 }; /* 64 kB */

typedef struct lab_goroutine_block {
  struct lab_goroutine_block *next;
  lab_goroutine items[LAB_GOROUTINE_BLOCK];
} lab_goroutine_block;

struct lab_goroutines {
  const char *name;
  uint64_t taken_real; /* ns since 1970; for durations: */
  uint64_t taken_mono;
  size_t count;
  lab_goroutine_block *first, **last, *filling;
};

#endif
