/* SPDX-License-Identifier: MIT
 * A quick reader of pseudo-random bytes: lab.prng. Threads: one at a time per
 * object; any thread. */
#ifndef LAB_PRIM_PRNG_H
#define LAB_PRIM_PRNG_H

#include <stddef.h>
#include <stdint.h>

#include "prim/reader.h"

/* Seeded and reproducible: the same seed gives the same bytes, however they are
 * cut into reads (on machines of one byte order). At least 3 GB/s. Not for
 * secrets. It never ends and never fails. */
typedef struct lab_prng {
  lab_reader reader;
  uint64_t state[16];
  unsigned char rest[32]; /* its last nrest bytes were not read yet */
  size_t nrest;
} lab_prng;
void lab_prng_init(lab_prng *prng, uint64_t seed);
/* Its function, by the name that profiles show. */
LAB_NOINLINE ssize_t lab_prng_read(lab_reader *self, void *out, size_t n);

#endif
