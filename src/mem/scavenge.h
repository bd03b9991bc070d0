/* SPDX-License-Identifier: MIT
 * The scavenger: gives idle pages back to the system after a quiet time, or
 * when the lab itself has freed a lot.
 *
 * What a scenario frees waits for the quiet time, since that is what a student
 * is to see. What the lab has for itself, or keeps for a scenario, is none of
 * it: the bodies of thousands of requests, a file that somebody sent. The lab
 * frees it whenever a client goes, also long after the step was left. */
#ifndef LAB_MEM_SCAVENGE_H
#define LAB_MEM_SCAVENGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/counters.h"

enum { LAB_SCAVENGE_FALL = 16 << 20 }; /* bytes that are a lot */

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

/* A block of the lab's own, or one that it keeps for a scenario (counted in
 * any size), had OLD bytes and has SIZE; 0: there was none, there is none any
 * more. Any thread. */
void lab_scavenge_count(size_t old, size_t size);

/* The same for the lab's own: small ones are looked at once a second, by the
 * tick, since there are too many of them. */
static inline void lab_scavenge_count_own(size_t old, size_t size) {
  if (old >= LAB_MEM_STEP || size >= LAB_MEM_STEP)
    lab_scavenge_count(old >= LAB_MEM_STEP ? old : 0,
                       size >= LAB_MEM_STEP ? size : 0);
}

/* Starts the quiet time. */
void lab_scavenge_init(void);

/* lab_mem_scavenge_tick at the time NOW (ns of lab_clock_mono), for tests too.
 * Returns whether idle pages were given back. */
bool lab_scavenge_tick_at(uint64_t now);

#endif
