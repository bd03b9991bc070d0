/* SPDX-License-Identifier: MIT
 * See near_clock.h.
 *
 * The rate is measured anew at each look, from the look before. It counts only
 * if it is the same, within 1 in 1000, as the last time: so a counter that is
 * stopped, set, or changed in speed is noticed, and at most one millisecond is
 * told wrong. */
#include "base/near_clock.h"

#include <stdbool.h>

#include "base/clock.h"

#if defined(__x86_64__)
#include <cpuid.h>

/* Whether it runs at one rate in all states of the processor. */
static bool has_steady_counter(void) {
  unsigned a, b, c, d = 0;
  return __get_cpuid(0x80000007, &a, &b, &c, &d) && d >> 8 & 1;
}
#else
static bool has_steady_counter(void) {
  return false;
}
#endif

/* Reads counter and clock at the same moment, as far as this is possible: false
 * if the thread was interrupted in between. */
static bool read_both(uint64_t *counter, uint64_t *ns) {
  enum { APART = 1000 /* ticks: some hundred ns */ };
  uint64_t before = lab_near_clock_counter();
  *ns = lab_clock_mono();
  uint64_t took = lab_near_clock_counter() - before;
  *counter = before + took / 2;
  return took < APART;
}

static bool is_about(uint64_t a, uint64_t b) {
  return (a > b ? a - b : b - a) < b / 1000;
}

/* After a look at the time NS, when the counter was AT. */
static void measure_rate(lab_near_clock *c, uint64_t at, uint64_t ns) {
  uint64_t rate = 0, ticks = at - c->at;
  if (c->at > 0 && at > c->at)
    rate = (uint64_t)((double)(ns - c->ns) / (double)ticks * 0x1p32);
  bool is_steady = rate > 0 && is_about(rate, c->rate);
  c->rate = rate;
  c->limit = is_steady ? (LAB_MILLISECOND << 32) / rate : 0;
  c->at = at;
  c->ns = ns;
}

uint64_t lab_near_clock_look(lab_near_clock *c) {
  uint64_t at, ns;
  if (c->state == LAB_NEAR_CLOCK_NEW)
    c->state = has_steady_counter() ? LAB_NEAR_CLOCK_ON : LAB_NEAR_CLOCK_OFF;
  if (c->state == LAB_NEAR_CLOCK_OFF)
    return lab_clock_mono();
  bool is_exact = read_both(&at, &ns);
  /* In a shorter time the rate can't be measured. */
  if (is_exact && ns - c->ns >= LAB_MILLISECOND)
    measure_rate(c, at, ns);
  else if (!is_exact)
    c->limit = 0;
  return ns;
}
