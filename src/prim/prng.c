/* SPDX-License-Identifier: MIT
 * See prng.h: xoshiro256++ (Blackman and Vigna, 2019; public domain), four
 * generators side by side so that the compiler can keep them in vector
 * registers. Their outputs take turns, 8 bytes each; the state is laid out
 * word by word: state[4 * w + lane]. Seeded by splitmix64, as the authors
 * advise. Not for secrets. */
#include "prim/prng.h"

#include <string.h>

#include "base/queue.h"
#include "base/rng.h"

enum { LANES = 4, BLOCK = LANES * 8 };

static inline uint64_t rotate_left(uint64_t x, int k) {
  return x << k | x >> (64 - k);
}

/* One step of all lanes: BLOCK bytes. */
static inline void next_block(uint64_t s[16], uint64_t out[LANES]) {
  for (int i = 0; i < LANES; i++) {
    uint64_t *a = s + i, *b = a + LANES, *c = b + LANES, *d = c + LANES;
    out[i] = rotate_left(*a + *d, 23) + *a;
    uint64_t t = *b << 17;
    *c ^= *a;
    *d ^= *b;
    *b ^= *c;
    *a ^= *d;
    *c ^= t;
    *d = rotate_left(*d, 45);
  }
}

static size_t take_rest(lab_prng *p, unsigned char *out, size_t n) {
  size_t k = p->nrest < n ? p->nrest : n;
  memcpy(out, p->rest + BLOCK - p->nrest, k);
  p->nrest -= k;
  return k;
}

ssize_t lab_prng_read(lab_reader *self, void *to, size_t n) {
  lab_prng *p = LAB_CONTAINER(self, lab_prng, reader);
  unsigned char *out = to;
  size_t done = take_rest(p, out, n);
  uint64_t s[16], block[LANES];
  memcpy(s, p->state, sizeof s);
  for (; n - done >= BLOCK; done += BLOCK) {
    next_block(s, block);
    memcpy(out + done, block, BLOCK);
  }
  if (done < n) {
    next_block(s, block);
    memcpy(p->rest, block, BLOCK);
    p->nrest = BLOCK;
    done += take_rest(p, out + done, n - done);
  }
  memcpy(p->state, s, sizeof s);
  return (ssize_t)done;
}

void lab_prng_init(lab_prng *p, uint64_t seed) {
  p->reader.read = lab_prng_read;
  p->nrest = 0;
  for (int i = 0; i < 16; i++)
    p->state[i] = lab_rng_next(&seed);
}
