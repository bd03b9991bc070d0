/* SPDX-License-Identifier: MIT
 * The scavenger. jemalloc would let pages decay by itself, but only while the
 * allocator is used, and by a curve; a lesson wants a rule one can say in a
 * sentence: after so many quiet seconds, all idle pages go. */
#include "mem/scavenge.h"

#include "base/clock.h"
#include "mem/mem.h"

enum { DEFAULT_SECONDS = 300 };

atomic_bool lab_scavenge_busy;

static atomic_int seconds = DEFAULT_SECONDS;
static uint64_t quiet_since; /* the ticking thread's */

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
  quiet_since = now; /* small blocks make idle pages too: look again later */
  return true;
}

void lab_mem_scavenge_tick(void) {
  lab_scavenge_tick_at(lab_clock_mono());
}
