/* SPDX-License-Identifier: MIT
 * How many bytes may be used in each period of time. What is beyond that is
 * refused and counted.
 *
 *   lab_allowance a = {.most = 1 << 20, .period_ns = LAB_SECOND};
 *   if (lab_allowance_take(&a, lab_clock_mono(), len))
 *     write_text(text, len);
 *   uint64_t n = lab_allowance_tell(&a, lab_clock_mono());
 *   if (n > 0)
 *     printf("%llu texts were refused", n);
 *
 * A period begins with the first call of lab_allowance_take after the last
 * period has ended. Times are ns on a clock that never goes back.
 *
 * Threads: one at a time. Signal handlers: never. */
#ifndef LAB_BASE_ALLOWANCE_H
#define LAB_BASE_ALLOWANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lab_allowance {
  uint64_t most, period_ns; /* the caller sets these; the rest begins as 0 */
  uint64_t ends;            /* when the period ends */
  uint64_t used;            /* bytes in the period */
  uint64_t refused;         /* calls that were refused and not yet told */
  bool full;                /* something was refused in the period */
} lab_allowance;

/* Whether N bytes more may be used. After one refusal, everything is refused
 * until the period ends, also what would fit: so what is missing is in one
 * piece. */
bool lab_allowance_take(lab_allowance *a, uint64_t now, size_t n);

/* How many calls were refused since this function last returned a number above
 * 0. It returns 0 until the period has ended; UINT64_MAX as NOW ends it. */
uint64_t lab_allowance_tell(lab_allowance *a, uint64_t now);

#endif
