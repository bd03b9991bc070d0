/* SPDX-License-Identifier: MIT
 * See scavenge.h. jemalloc could give pages back by itself, but does so only
 * while the allocator is used, and little by little. For a lesson the rule must
 * be simple: after so many quiet seconds, all idle pages are given back.
 *
 * Whether the lab has freed a lot is seen by the fall since the most that it
 * had, and not by what it has freed in all: a busy lab frees as much as it
 * allocates, all the time, and that leaves a step's idle pages alone. */
#include "mem/scavenge.h"

#include "base/clock.h"
#include "mem/mem.h"

enum { DEFAULT_SECONDS = 300 };

atomic_bool lab_scavenge_busy;

static atomic_int seconds = DEFAULT_SECONDS;
static uint64_t quiet_since; /* only the ticking thread uses it */

/* Bytes now, and the most since idle pages were last given back: of what the
 * lab keeps, and of all of its own blocks as the ticks have seen them. */
static _Atomic int64_t kept, most_kept;
static int64_t most_own;

static void note_most(_Atomic int64_t *most, int64_t now) {
  int64_t old = atomic_load_explicit(most, memory_order_relaxed);
  while (old < now && !atomic_compare_exchange_weak(most, &old, now)) {
  }
}

void lab_scavenge_count(size_t old, size_t size) {
  int64_t change = (int64_t)size - (int64_t)old;
  note_most(&most_kept, atomic_fetch_add(&kept, change) + change);
}

static int64_t read_own_bytes(void) {
  lab_mem_counts c;
  lab_counters_sum(&c);
  return (int64_t)(c.allocated[LAB_MEM_OWN] - c.freed[LAB_MEM_OWN]);
}

/* Whether the lab has freed a lot since idle pages were last given back. */
static bool has_fallen(void) {
  int64_t own = read_own_bytes();
  most_own = own > most_own ? own : most_own;
  return most_own - own >= LAB_SCAVENGE_FALL ||
         atomic_load(&most_kept) - atomic_load(&kept) >= LAB_SCAVENGE_FALL;
}

static void release_idle(void) {
  atomic_store(&most_kept, atomic_load(&kept));
  most_own = read_own_bytes();
  lab_mem_release();
}

void lab_scavenge_init(void) {
  quiet_since = lab_clock_mono();
}

void lab_mem_set_scavenge(int s) {
  atomic_store(&seconds, s);
}

bool lab_scavenge_tick_at(uint64_t now) {
  int wait = atomic_load(&seconds);
  if (atomic_exchange(&lab_scavenge_busy, false))
    quiet_since = now;
  bool fallen = has_fallen();
  bool quiet = wait >= 0 && now - quiet_since >= (uint64_t)wait * LAB_SECOND;
  if (quiet || fallen)
    release_idle();
  if (quiet) /* small blocks leave idle pages, too: look again later */
    quiet_since = now;
  return quiet || fallen;
}

void lab_mem_scavenge_tick(void) {
  lab_scavenge_tick_at(lab_clock_mono());
}
