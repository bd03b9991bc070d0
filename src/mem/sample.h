/* SPDX-License-Identifier: MIT
 * Sampling of application memory: which allocations are sampled, and which
 * blocks are samples.
 *
 * Sampling is Go's. On average there is one sample per `rate` bytes allocated,
 * at distances drawn from the exponential distribution, so an allocation of n
 * bytes is sampled with probability p(n) = 1 - exp(-n / rate). A sample has the
 * weight 1 / p(n): sums of weights (and of weight * n) are unbiased estimates
 * of objects (and bytes). A rate of 1 samples everything, with weight 1; a rate
 * of 0 samples nothing.
 *
 * A sample whose block shrinks is drawn again for the new size: it stays a
 * sample with the probability p(new) / p(old), and then has the weight
 * 1 / p(new), as if the block had been that small from the beginning. So sums
 * over live samples stay unbiased.
 *
 * Threads: any. Signal handlers: never. */
#ifndef LAB_MEM_SAMPLE_H
#define LAB_MEM_SAMPLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lab_mem_thread;

/* ---- for everybody ------------------------------------------------------- */

/* A sampled block, as the sink sees it. */
typedef struct lab_mem_sample {
  uint32_t stack; /* what capture returned */
  uint32_t label; /* what capture stored */
  uint32_t owner; /* what capture stored: whose it is */
  size_t size;    /* bytes asked for */
  double weight;  /* objects it stands for, >= 1 */
  uint32_t place; /* the sink's own: what it has stored while it was told */
} lab_mem_sample;

/* Who keeps the profile (src/prof/heap.c). */
typedef struct lab_mem_sink {
  /* Stores the stack (src/stack), label and owner of the allocation under way
   * on this thread. A stack of 0 means that no scenario's code is running here:
   * it isn't recorded. Must not allocate application memory. */
  void (*capture)(lab_mem_sample *sample);
  /* These are called under the sampler's lock: they must be short, and must not
   * allocate application memory. They may store a place where they aren't
   * const. */
  void (*allocated)(lab_mem_sample *sample);
  void (*freed)(const lab_mem_sample *sample);
  /* The block of WAS has shrunk and is still a sample: NOW. */
  void (*shrunk)(const lab_mem_sample *was, lab_mem_sample *now);
} lab_mem_sink;

/* Mean bytes between samples; 512 KiB at first. A change takes effect at once
 * on the calling thread, on others after 64 KiB of allocations at most. */
void lab_mem_set_rate(uint64_t rate);
uint64_t lab_mem_rate(void);

/* Install the sink once, early: it is told of the end of every sample that is
 * live, also of one whose beginning was told to another sink. SINK must stay.
 * NULL: nothing is recorded. */
void lab_mem_set_sink(const lab_mem_sink *sink);

/* ---- internal to src/mem ------------------------------------------------- */

enum { LAB_SAMPLE_FILTER_BITS = 16, LAB_SAMPLE_LINE_BITS = 5 };

/* How many live samples hash to each slot. A block whose slot is 0 isn't a
 * sample: most frees look at nothing else. All blocks of a page have their
 * slots in one line of the cache, or each free would have to wait for memory.
 */
extern _Atomic uint16_t lab_sample_filter[1 << LAB_SAMPLE_FILTER_BITS];

static inline size_t lab_sample_slot(const void *p) {
  const uint64_t odd = 0x9e3779b97f4a7c15ull;
  uint64_t line = ((uintptr_t)p >> 12) * odd >>
                  (64 - LAB_SAMPLE_FILTER_BITS + LAB_SAMPLE_LINE_BITS);
  uint64_t place = ((uintptr_t)p >> 4) * odd >> (64 - LAB_SAMPLE_LINE_BITS);
  return (size_t)(line << LAB_SAMPLE_LINE_BITS | place);
}

/* Whether P may be a sample. Relaxed order is enough: the caller got P after
 * the store that made it a sample. */
static inline bool lab_sample_maybe(const void *p) {
  return atomic_load_explicit(&lab_sample_filter[lab_sample_slot(p)],
                              memory_order_relaxed) != 0;
}

/* Accounts for a new block P of SIZE bytes at the end of the thread's fuel
 * (counters.h): samples the block if it is its turn, and refuels the thread. */
void lab_sample_step(struct lab_mem_thread *t, void *p, size_t size);

/* P is being freed: if it is a sample, tells the sink. */
void lab_sample_free(const void *p);

/* For realloc, which may give P's address to another thread before we know the
 * outcome. Take removes P from the table (false: it wasn't a sample). Then
 * keep enters it again, under its new or old address, or shrink does so with
 * its new size, or drop ends it. */
bool lab_sample_take(const void *p, lab_mem_sample *sample);
void lab_sample_keep(const void *p, const lab_mem_sample *sample);
void lab_sample_shrink(struct lab_mem_thread *t, const void *p,
                       const lab_mem_sample *sample, size_t size);
void lab_sample_drop(const lab_mem_sample *sample);

/* Bytes of the filter and the table. */
size_t lab_sample_bytes(void);

#endif
