/* SPDX-License-Identifier: MIT
 * What goroutine.c, goroutine_awaited.c and goroutine_text.c share. */
#ifndef LAB_PROF_GOROUTINE_INTERNAL_H
#define LAB_PROF_GOROUTINE_INTERNAL_H

#include "base/table.h"
#include "prof/goroutine.h"
#include "prof/goroutine_awaited.h"

enum { LAB_GOROUTINE_BLOCK = 2000 }; /* 64 kB */

typedef struct lab_goroutine_block {
  struct lab_goroutine_block *next;
  lab_goroutine items[LAB_GOROUTINE_BLOCK];
} lab_goroutine_block;

struct lab_goroutines {
  const char *name;
  uint64_t taken_real; /* ns since 1970; for durations: */
  uint64_t taken_mono;
  uint64_t attempt;
  size_t count;
  bool whole; /* see lab_goroutines_mark_whole */
  lab_goroutine_block *first, **last, *filling;
  lab_buf awaited;       /* struct awaited; number N is the (N - 1)th */
  lab_buf awaited_names; /* their names, one after the other */
  lab_table awaited_table;
};

/* goroutine_awaited.c */
void lab_awaited_free(lab_goroutines *g);

#endif
