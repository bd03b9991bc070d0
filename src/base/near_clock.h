/* SPDX-License-Identifier: MIT
 * CLOCK_MONOTONIC for a thread that reads it all the time, in less than half of
 * the time.
 *
 * Many processors have a counter that runs at a constant rate. Within a
 * millisecond after the last look at the real clock, the time follows from it.
 * The error is below a microsecond, and doesn't add up. Until the rate is
 * known, and where there is no such counter, each read is one of the real
 * clock.
 *
 * Threads: one per clock. Not async-signal-safe. */
#ifndef LAB_BASE_NEAR_CLOCK_H
#define LAB_BASE_NEAR_CLOCK_H

#include <stdint.h>

/* All zeros is a clock that hasn't been read yet. Private. */
typedef struct lab_near_clock {
  uint64_t at, ns; /* the counter and the time at the last look */
  uint64_t limit;  /* ticks after it in which the counter is enough */
  uint64_t rate;   /* ns per tick, times 2^32 */
  uint64_t last;   /* the last time that was told */
  enum { LAB_NEAR_CLOCK_NEW, LAB_NEAR_CLOCK_ON, LAB_NEAR_CLOCK_OFF } state;
} lab_near_clock;

/* What lab_near_clock_read does where the counter isn't enough. */
uint64_t lab_near_clock_look(lab_near_clock *c);

static inline uint64_t lab_near_clock_counter(void) {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#else
  return 0;
#endif
}

/* Mono ns; never less than the time before. */
static inline uint64_t lab_near_clock_read(lab_near_clock *c) {
  uint64_t ticks = lab_near_clock_counter() - c->at;
  uint64_t now = ticks < c->limit ? c->ns + (ticks * c->rate >> 32)
                                  : lab_near_clock_look(c);
  if (now < c->last)
    now = c->last;
  c->last = now;
  return now;
}

#endif
