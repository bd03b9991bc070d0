/* SPDX-License-Identifier: MIT
 * Hashes for tables in memory; not for anything an enemy may choose.
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

/* FNV-1a over N bytes, mixed at the end; SEED chains several pieces. */
static inline uint64_t lab_hash_bytes(const void *bytes, size_t n,
                                      uint64_t seed) {
  const unsigned char *p = bytes;
  uint64_t h = seed ^ 0xcbf29ce484222325ull;
  for (size_t i = 0; i < n; i++)
    h = (h ^ p[i]) * 0x100000001b3ull;
  return lab_hash_u64(h);
}

#endif
