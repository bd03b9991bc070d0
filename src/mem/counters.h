/* SPDX-License-Identifier: MIT
 * Each thread's part of the books.
 *
 * A counter that all threads add to would cost a locked instruction per
 * object. So every thread has cells that only it writes, plain stores that
 * happen to be atomic; a reader adds up the cells of all threads. When a thread
 * ends, its cells are added to a common sum. All cells only grow: what is in
 * use is the difference of two of them.
 *
 * A reader takes frees before allocations. A block is counted as allocated
 * before another thread can get hold of it, and its free is published with
 * release order: who sees the free, sees the allocation. Differences are
 * therefore never negative, and never miss a block that exists.
 *
 * Internal to src/mem. */
#ifndef LAB_MEM_COUNTERS_H
#define LAB_MEM_COUNTERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/queue.h"

/* From this size on, a block is an event of its own: the limit is checked
 * exactly, and the scavenger takes the program to be busy. */
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

/* What allocation needs of its thread, together in thread-local storage. */
typedef struct lab_mem_thread {
  /* Application bytes that may still be allocated without looking at anything
   * else. It ends at the next sample, and after LAB_MEM_STEP at the latest: one
   * comparison serves sampling, the limit, changes of the rate, and the first
   * call on a thread, which finds 0. */
  size_t fuel;
  int cache;     /* see arena.h */
  bool ready;    /* the thread is listed */
  bool sampling; /* inside the sampler: don't sample */
  uint64_t rest; /* bytes from the end of the fuel to the next sample */
  uint64_t rate; /* with which that distance was drawn */
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
/* Lists the calling thread and gives it a cache; undone when it ends. */
void lab_counters_begin(lab_mem_thread *t);
void lab_counters_sum(lab_mem_counts *sum);

static inline lab_mem_thread *lab_mem_self(void) {
  lab_mem_thread *t = &lab_mem_tls;
  if (__builtin_expect(!t->ready, 0))
    lab_counters_begin(t);
  return t;
}

/* Only the cell's own thread. */
static inline void lab_cell_add(_Atomic uint64_t *cell, uint64_t n) {
  uint64_t now = atomic_load_explicit(cell, memory_order_relaxed);
  atomic_store_explicit(cell, now + n, memory_order_release);
}

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

/* A block changed its size: growth is a new block and the end of the old one,
 * as Go's append; a shrunk block stays the same one. */
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
