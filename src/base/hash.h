/* SPDX-License-Identifier: MIT
 * Hashes for tables in memory (base/table.h). They are fast, but an attacker
 * who chooses the keys can make all of them collide: don't use them for keys
 * that come from the network in large numbers.
 *
 * Pure functions: any thread, any signal handler. */
#ifndef LAB_BASE_HASH_H
#define LAB_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Mixes all bits of X (the finalizer of splitmix64, Steele et al. 2014). */
static inline uint64_t lab_hash_u64(uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9ull;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebull;
  return x ^ x >> 31;
}

/* FNV-1a over N bytes, mixed at the end. For several pieces, pass the hash of
 * the first one as the SEED of the next; begin with 0. */
static inline uint64_t lab_hash_bytes(const void *bytes, size_t n,
                                      uint64_t seed) {
  const unsigned char *p = bytes;
  uint64_t h = seed ^ 0xcbf29ce484222325ull;
  for (size_t i = 0; i < n; i++)
    h = (h ^ p[i]) * 0x100000001b3ull;
  return lab_hash_u64(h);
}

#endif
