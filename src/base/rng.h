/* SPDX-License-Identifier: MIT
 * A small random generator for sampling decisions and tests: splitmix64
 * (Steele, Lea, Flood 2014). It has 64 bits of state, takes any seed, and
 * passes BigCrush. Don't use it for secrets.
 *
 * Threads: each needs a state of its own, so there are no locks. */
#ifndef LAB_BASE_RNG_H
#define LAB_BASE_RNG_H

#include <stdint.h>

#include "base/hash.h"

/* The next number, all 64 bits of it random. */
static inline uint64_t lab_rng_next(uint64_t *state) {
  *state += 0x9e3779b97f4a7c15ull;
  return lab_hash_u64(*state);
}

/* Uniformly distributed in (0, 1]. It is never 0, so its logarithm exists. */
static inline double lab_rng_unit(uint64_t *state) {
  return (double)((lab_rng_next(state) >> 11) + 1) * 0x1p-53;
}

#endif
