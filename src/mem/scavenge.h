/* SPDX-License-Identifier: MIT
 * The scavenger: gives idle pages back to the system after a quiet time. */
#ifndef LAB_MEM_SCAVENGE_H
#define LAB_MEM_SCAVENGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/counters.h"

/* Idle pages go back after SECONDS without an allocation of 64 KiB or more; 0:
 * at every tick, negative: never. 300 at first. Any thread. */
void lab_mem_set_scavenge(int seconds);

/* Call it about once a second, always from the same thread. */
void lab_mem_scavenge_tick(void);

/* ---- internal to src/mem ------------------------------------------------- */

/* Set by large allocations, cleared by the tick. It is a flag and not a time
 * stamp because reading a clock would cost more, and a second is precise
 * enough. */
extern atomic_bool lab_scavenge_busy;

/* Notes that a block of SIZE bytes is being allocated. Any thread. */
static inline void lab_scavenge_note(size_t size) {
  if (size >= LAB_MEM_STEP &&
      !atomic_load_explicit(&lab_scavenge_busy, memory_order_relaxed))
    atomic_store_explicit(&lab_scavenge_busy, true, memory_order_relaxed);
}

/* Starts the quiet time. */
void lab_scavenge_init(void);

/* lab_mem_scavenge_tick at the time NOW (ns of lab_clock_mono), for tests too.
 * Returns whether idle pages were given back. */
bool lab_scavenge_tick_at(uint64_t now);

#endif
