/* SPDX-License-Identifier: MIT
 * Which allocations are sampled, and which blocks are samples.
 *
 * Internal to src/mem; any thread. */
#ifndef LAB_MEM_SAMPLE_H
#define LAB_MEM_SAMPLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/counters.h"
#include "mem/mem.h"

enum { LAB_SAMPLE_FILTER_BITS = 16 };

/* How many live samples hash to each slot. A block whose slot is 0 is no
 * sample: the one thing that most frees look at. */
extern _Atomic uint16_t lab_sample_filter[1 << LAB_SAMPLE_FILTER_BITS];

static inline size_t lab_sample_slot(const void *p) {
  uint64_t h = ((uintptr_t)p >> 4) * 0x9e3779b97f4a7c15ull;
  return (size_t)(h >> (64 - LAB_SAMPLE_FILTER_BITS));
}

/* Whether P may be a sample. Called by who holds P, and so after the store
 * that made it one: relaxed order is enough. */
static inline bool lab_sample_maybe(const void *p) {
  return atomic_load_explicit(&lab_sample_filter[lab_sample_slot(p)],
                              memory_order_relaxed) != 0;
}

/* Accounts for a new block P of SIZE bytes at the end of the thread's fuel:
 * samples it if it is its turn, and fuels the thread anew. */
void lab_sample_step(lab_mem_thread *t, void *p, size_t size);

/* P is being freed: if it is a sample, tells the sink. */
void lab_sample_free(const void *p);

/* For realloc, where P's address may be another thread's block before we know
 * the outcome. Take removes P from the table (false: it was no sample); then
 * either keep puts it back under its new or old address, or drop ends it. */
bool lab_sample_take(const void *p, lab_mem_sample *sample);
void lab_sample_keep(const void *p, const lab_mem_sample *sample);
void lab_sample_drop(const lab_mem_sample *sample);

/* Bytes of filter and table. */
size_t lab_sample_bytes(void);

#endif
