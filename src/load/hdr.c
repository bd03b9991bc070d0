/* SPDX-License-Identifier: MIT
 * See hdr.h. */
#include "load/hdr.h"

#include <math.h>
#include <stddef.h>

#include "base/alloc.h"

/* How many low bits of VALUE don't matter. */
static unsigned find_shift(uint64_t value) {
  return value < 2 * LAB_HDR_STEPS ? 0
                                   : 63 - (unsigned)__builtin_clzll(value) - 10;
}

/* Values from STEPS << shift on have the buckets behind (shift + 1) * STEPS. */
static size_t find_bucket(uint64_t value) {
  if (value >> LAB_HDR_BITS)
    return LAB_HDR_BUCKETS - 1;
  unsigned shift = find_shift(value);
  return (size_t)shift * LAB_HDR_STEPS + (size_t)(value >> shift);
}

/* The greatest value of a bucket. */
static uint64_t find_bucket_end(size_t bucket) {
  size_t shift = bucket < 2 * LAB_HDR_STEPS ? 0 : bucket / LAB_HDR_STEPS - 1;
  uint64_t begin = (uint64_t)(bucket - shift * LAB_HDR_STEPS) << shift;
  return begin + ((1ull << shift) - 1);
}

lab_hdr *lab_hdr_new(void) {
  return lab_xcalloc(1, sizeof(lab_hdr));
}

void lab_hdr_add_times(lab_hdr *h, uint64_t value, uint64_t times) {
  if (h->count == 0 || value < h->least)
    h->least = value;
  if (value > h->greatest)
    h->greatest = value;
  h->count += times;
  h->sum += (double)value * (double)times;
  h->buckets[find_bucket(value)] += times;
}

void lab_hdr_add(lab_hdr *h, uint64_t value) {
  lab_hdr_add_times(h, value, 1);
}

void lab_hdr_merge(lab_hdr *h, const lab_hdr *other) {
  if (other->count == 0)
    return;
  if (h->count == 0 || other->least < h->least)
    h->least = other->least;
  if (other->greatest > h->greatest)
    h->greatest = other->greatest;
  h->count += other->count;
  h->sum += other->sum;
  for (size_t i = 0; i < LAB_HDR_BUCKETS; i++)
    h->buckets[i] += other->buckets[i];
}

uint64_t lab_hdr_percentile(const lab_hdr *h, double percent) {
  /* 99.9 / 100 * 1000 is a little more than 999: that must not be rank 1000. */
  double exact = percent / 100 * (double)h->count;
  uint64_t rank = (uint64_t)ceil(exact - exact * 1e-12);
  uint64_t below = 0;
  if (h->count == 0)
    return 0;
  if (rank < 1)
    rank = 1;
  for (size_t i = 0; i < LAB_HDR_BUCKETS; i++) {
    below += h->buckets[i];
    if (below < rank)
      continue;
    uint64_t end = find_bucket_end(i);
    return end < h->greatest && i < LAB_HDR_BUCKETS - 1 ? end : h->greatest;
  }
  return h->greatest;
}

double lab_hdr_mean(const lab_hdr *h) {
  return h->count ? h->sum / (double)h->count : 0;
}

uint64_t lab_hdr_count_to(const lab_hdr *h, uint64_t value) {
  size_t last = find_bucket(value);
  uint64_t n = 0;
  for (size_t i = 0; i <= last; i++)
    n += h->buckets[i];
  return n;
}
