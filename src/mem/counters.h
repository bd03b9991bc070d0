/* SPDX-License-Identifier: MIT
 * Counters of blocks and bytes, a part for each thread.
 *
 * If all threads added to one counter, each object would cost a locked
 * instruction. So each thread has cells that only it writes, with plain stores
 * that happen to be atomic; a reader adds up the cells of all threads. When a
 * thread ends, its cells are added to a common sum. All cells only grow: what
 * is in use is the difference of two of them.
 *
 * A reader reads frees before allocations. A block is counted as allocated
 * before another thread can get it, and its free is published with release
 * order, so a reader that sees the free sees the allocation, too. Therefore a
 * difference is never negative, and never misses a block that exists.
 *
 * Internal to src/mem. Threads: any; a cell is written by its own thread. */
#ifndef LAB_MEM_COUNTERS_H
#define LAB_MEM_COUNTERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/queue.h"

/* For each block of this size or more, the limit is checked exactly, and the
 * scavenger considers the program busy. */
#define LAB_MEM_STEP ((size_t)64 << 10)

typedef enum lab_mem_kind {
  LAB_MEM_APP,
  LAB_MEM_OWN,
  LAB_MEM_KINDS
} lab_mem_kind;

typedef struct lab_mem_cells {
  _Atomic uint64_t mallocs, frees;           /* blocks */
  _Atomic uint64_t allocated[LAB_MEM_KINDS]; /* bytes */
  _Atomic uint64_t freed[LAB_MEM_KINDS];
} lab_mem_cells;

/* What allocation needs to know of its thread, in thread-local storage. */
typedef struct lab_mem_thread {
  /* The application bytes that may still be allocated before anything else is
   * checked. The fuel lasts until the next sample, at most for LAB_MEM_STEP. So
   * one comparison is enough for sampling, the limit, changes of the rate, and
   * the first call on a thread, whose fuel is 0. */
  size_t fuel;
  int cache;     /* see arena.h */
  bool ready;    /* the thread is listed */
  bool sampling; /* inside the sampler, whose allocations aren't sampled */
  uint64_t rest; /* bytes from the end of the fuel to the next sample */
  uint64_t rate; /* the sampling rate that this distance was drawn for */
  uint64_t rng;
  lab_mem_cells cells;
  lab_list link;
} lab_mem_thread;

/* A sum over all threads. */
typedef struct lab_mem_counts {
  uint64_t mallocs, frees;
  uint64_t allocated[LAB_MEM_KINDS], freed[LAB_MEM_KINDS];
} lab_mem_counts;

extern __thread lab_mem_thread lab_mem_tls
    __attribute__((tls_model("initial-exec")));

/* Once, before any thread allocates. 0 or negative errno. */
int lab_counters_init(void);
/* Lists the calling thread and gives it a cache, until it ends. */
void lab_counters_begin(lab_mem_thread *t);
/* Adds up the cells of all threads. */
void lab_counters_sum(lab_mem_counts *sum);

/* The calling thread's part. */
static inline lab_mem_thread *lab_mem_self(void) {
  lab_mem_thread *t = &lab_mem_tls;
  if (__builtin_expect(!t->ready, 0))
    lab_counters_begin(t);
  return t;
}

/* Only on the cell's own thread. */
static inline void lab_cell_add(_Atomic uint64_t *cell, uint64_t n) {
  uint64_t now = atomic_load_explicit(cell, memory_order_relaxed);
  atomic_store_explicit(cell, now + n, memory_order_release);
}

/* A block of SIZE bytes was allocated; was freed. */
static inline void lab_count_alloc(lab_mem_thread *t, lab_mem_kind kind,
                                   size_t size) {
  lab_cell_add(&t->cells.mallocs, 1);
  lab_cell_add(&t->cells.allocated[kind], size);
}

static inline void lab_count_free(lab_mem_thread *t, lab_mem_kind kind,
                                  size_t size) {
  lab_cell_add(&t->cells.frees, 1);
  lab_cell_add(&t->cells.freed[kind], size);
}

/* A block changed its size. One that grew counts as a new block and a free of
 * the old one, as with Go's append; one that shrank stays the same block. */
static inline void lab_count_resize(lab_mem_thread *t, lab_mem_kind kind,
                                    size_t old, size_t size) {
  if (size > old) {
    lab_count_alloc(t, kind, size);
    lab_count_free(t, kind, old);
  } else {
    lab_cell_add(&t->cells.freed[kind], old - size);
  }
}

#endif
