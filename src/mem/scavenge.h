/* SPDX-License-Identifier: MIT
 * When idle pages go back to the system. Internal to src/mem. */
#ifndef LAB_MEM_SCAVENGE_H
#define LAB_MEM_SCAVENGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/counters.h"

/* Set by large allocations, cleared by the tick. A flag and not a time stamp:
 * the tick's second is precise enough, and a clock costs more than it tells. */
extern atomic_bool lab_scavenge_busy;

/* A block of SIZE bytes is being allocated; any thread. */
static inline void lab_scavenge_note(size_t size) {
  if (size >= LAB_MEM_STEP &&
      !atomic_load_explicit(&lab_scavenge_busy, memory_order_relaxed))
    atomic_store_explicit(&lab_scavenge_busy, true, memory_order_relaxed);
}

void lab_scavenge_init(void);

/* lab_mem_scavenge_tick at the time NOW (ns, lab_clock_mono's). Returns
 * whether idle pages were given back. */
bool lab_scavenge_tick_at(uint64_t now);

#endif
