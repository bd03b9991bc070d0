/* SPDX-License-Identifier: MIT
 * See hash.h. */
#include "base/hash.h"

#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>

uint64_t lab_hash_key[2] = {0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull};

#ifndef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
/* A kernel that has just started may have no random bytes yet, but it has given
 * some to this process. */
__attribute__((constructor)) static void choose_hash_key(void) {
  size_t size = sizeof lab_hash_key;
  if (getrandom(lab_hash_key, size, GRND_NONBLOCK) == (ssize_t)size)
    return;
  const void *given = (const void *)getauxval(AT_RANDOM);
  if (given)
    memcpy(lab_hash_key, given, size);
}
#endif

typedef struct sip {
  uint64_t a, b, c, d;
} sip;

static inline uint64_t rotate_word(uint64_t x, unsigned n) {
  return x << n | x >> (64 - n);
}

static inline void mix_sip(sip *s) {
  s->a += s->b;
  s->c += s->d;
  s->b = rotate_word(s->b, 13) ^ s->a;
  s->d = rotate_word(s->d, 16) ^ s->c;
  s->a = rotate_word(s->a, 32);
  s->c += s->b;
  s->a += s->d;
  s->b = rotate_word(s->b, 17) ^ s->c;
  s->d = rotate_word(s->d, 21) ^ s->a;
  s->c = rotate_word(s->c, 32);
}

static inline void add_sip_word(sip *s, uint64_t word) {
  s->d ^= word;
  mix_sip(s);
  s->a ^= word;
}

static inline sip begin_sip(void) {
  return (sip){lab_hash_key[0] ^ 0x736f6d6570736575ull,
               lab_hash_key[1] ^ 0x646f72616e646f6dull,
               lab_hash_key[0] ^ 0x6c7967656e657261ull,
               lab_hash_key[1] ^ 0x7465646279746573ull};
}

static inline uint64_t end_sip(sip *s) {
  s->c ^= 0xff;
  mix_sip(s);
  mix_sip(s);
  mix_sip(s);
  return s->a ^ s->b ^ s->c ^ s->d;
}

uint64_t lab_hash_bytes(const void *bytes, size_t n, uint64_t seed) {
  const unsigned char *at = bytes;
  uint64_t word, last = (uint64_t)(n + sizeof seed) << 56;
  sip s = begin_sip();
  add_sip_word(&s, seed);
  for (; n >= sizeof word; n -= sizeof word, at += sizeof word) {
    memcpy(&word, at, sizeof word);
    add_sip_word(&s, word);
  }
  for (size_t i = 0; i < n; i++)
    last |= (uint64_t)at[i] << 8 * i;
  add_sip_word(&s, last);
  return end_sip(&s);
}

uint64_t lab_hash_id(uint64_t x) {
  sip s = begin_sip();
  add_sip_word(&s, x);
  add_sip_word(&s, (uint64_t)sizeof x << 56);
  return end_sip(&s);
}
