/* SPDX-License-Identifier: MIT
 * See scavenge.h. jemalloc could give pages back by itself, but does so only
 * while the allocator is used, and little by little. For a lesson the rule must
 * be simple: after so many quiet seconds, all idle pages are given back. */
#include "mem/scavenge.h"

#include "base/clock.h"
#include "mem/mem.h"

enum { DEFAULT_SECONDS = 300 };

atomic_bool lab_scavenge_busy;

static atomic_int seconds = DEFAULT_SECONDS;
static uint64_t quiet_since; /* only the ticking thread uses it */

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
  if (wait < 0 || now - quiet_since < (uint64_t)wait * LAB_SECOND)
    return false;
  lab_mem_release();
  quiet_since = now; /* small blocks leave idle pages, too: look again later */
  return true;
}

void lab_mem_scavenge_tick(void) {
  lab_scavenge_tick_at(lab_clock_mono());
}
