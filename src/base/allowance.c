/* SPDX-License-Identifier: MIT
 * See allowance.h. */
#include "base/allowance.h"

bool lab_allowance_take(lab_allowance *a, uint64_t now, size_t n) {
  if (now >= a->ends) {
    a->ends = now + a->period_ns;
    a->used = 0;
    a->full = false;
  }
  if (a->full || n > a->most - a->used) {
    a->full = true;
    a->refused++;
    return false;
  }
  a->used += n;
  return true;
}

uint64_t lab_allowance_tell(lab_allowance *a, uint64_t now) {
  if (a->refused == 0 || now < a->ends)
    return 0;
  uint64_t n = a->refused;
  a->refused = 0;
  return n;
}
