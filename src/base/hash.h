/* SPDX-License-Identifier: MIT
 * Hashes for tables in memory (base/table.h).
 *
 * lab_hash_u64 is the fastest. Who chooses the keys can make all of them
 * collide, so it is for keys that the lab itself makes: addresses, numbers that
 * it gives out. For keys that somebody sends, in large numbers, there are
 * lab_hash_id and lab_hash_bytes: nobody outside knows the key of this process.
 * Their values differ from one process to the next, so they don't belong in a
 * file, and nothing may be put in their order.
 *
 * Any thread, any signal handler. */
#ifndef LAB_BASE_HASH_H
#define LAB_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Chosen when the program starts; always the same in a build for fuzzing. Only
 * a test sets it, while it has no table. */
extern uint64_t lab_hash_key[2];

/* Mixes all bits of X (the finalizer of splitmix64, Steele et al. 2014). */
static inline uint64_t lab_hash_u64(uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9ull;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebull;
  return x ^ x >> 31;
}

/* SipHash-1-3 (Aumasson and Bernstein 2012) of SEED's 8 bytes and N more. For
 * several pieces, pass the hash of the first one as the SEED of the next; begin
 * with 0. */
uint64_t lab_hash_bytes(const void *bytes, size_t n, uint64_t seed);

/* The same of a number. */
uint64_t lab_hash_id(uint64_t x);

#endif
