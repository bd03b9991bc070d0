/* SPDX-License-Identifier: MIT
 * Numbers of variable length, as protocol buffers and Go's traces write them:
 * seven bits a byte, the lowest first, and the top bit set in all bytes but the
 * last. Small numbers take one byte.
 *
 * Pure functions: any thread, any signal handler. */
#ifndef LAB_BASE_VARINT_H
#define LAB_BASE_VARINT_H

#include <stddef.h>
#include <stdint.h>

enum { LAB_VARINT_MAX = 10 }; /* bytes of the longest one */

/* Writes N at OUT, where there is room for LAB_VARINT_MAX bytes. Returns the
 * place behind it. */
static inline uint8_t *lab_varint_put(uint8_t *out, uint64_t n) {
  while (n >= 0x80) {
    *out++ = (uint8_t)(n | 0x80);
    n >>= 7;
  }
  *out++ = (uint8_t)n;
  return out;
}

/* Reads the number at IN into *N. Returns the place behind it, or NULL if it
 * doesn't end before END, or is longer than LAB_VARINT_MAX bytes. Bits beyond
 * the 64th are lost. */
static inline const uint8_t *lab_varint_get(const uint8_t *in,
                                            const uint8_t *end, uint64_t *n) {
  *n = 0;
  for (unsigned shift = 0; in < end && shift < 64; shift += 7) {
    *n |= (uint64_t)(*in & 0x7f) << shift;
    if (*in++ < 0x80)
      return in;
  }
  return NULL;
}

#endif
