/* SPDX-License-Identifier: MIT
 * The counted heap: every byte of the lab and of its scenarios.
 *
 * Two kinds of memory come from one jemalloc arena:
 *  - application memory (lab_mem_*): what Lua and the primitives allocate for
 *    the scenario. It is counted AND offered to the heap profiler. The caller
 *    says the size when it gives a block back, so that the counts are the bytes
 *    that were asked for, not those of the size class.
 *  - the lab's own memory (base/alloc.h, which lab_mem_init points here; libuv
 *    too): counted, never profiled. Counted by its usable size.
 *
 * Sampling is Go's: on average one sample per `rate` bytes allocated, the
 * distances drawn from the exponential law, so that an allocation of n bytes is
 * sampled with probability p(n) = 1 - exp(-n / rate). A sample carries the
 * weight 1 / p(n); sums of weights (and of weight * n) are unbiased estimates
 * of objects (and bytes). rate 1 samples everything, weight 1; 0 nothing.
 *
 * Threads: any. Signal handlers: never. */
#ifndef LAB_MEM_MEM_H
#define LAB_MEM_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A sampled block, as the sink sees it. */
typedef struct lab_mem_sample {
  uint32_t stack; /* what capture returned */
  uint32_t label; /* likewise */
  size_t size;    /* bytes asked for */
  double weight;  /* objects it stands for, >= 1 */
} lab_mem_sample;

/* Who keeps the profile (src/prof/heap.c). */
typedef struct lab_mem_sink {
  /* The stack (src/stack) of the allocation under way on this thread, or 0: no
   * scenario's code is running here, don't record it. Must not allocate
   * application memory. */
  uint32_t (*capture)(uint32_t *label);
  /* Both are called under the sampler's lock: they must be short, and may not
   * allocate application memory. */
  void (*allocated)(const lab_mem_sample *sample);
  void (*freed)(const lab_mem_sample *sample);
} lab_mem_sink;

/* Makes the arena, and installs the counted heap in base/alloc.h. Call it
 * first in main. 0 or negative errno. */
int lab_mem_init(void);

/* The calling thread allocates a lot: serve it by the heap's shortest way. What
 * libraries malloc on this thread then lies in HeapInuse as well. */
void lab_mem_adopt_thread(void);

/* Mean bytes between samples; 512 KiB to begin with. Takes effect at once on
 * the calling thread, on others after 64 KiB of allocations at most. */
void lab_mem_set_rate(uint64_t rate);
uint64_t lab_mem_rate(void);
/* Install it once, early: it is told of the end of every sample that is live,
 * whoever was told of its beginning. SINK must stay. NULL: record nothing. */
void lab_mem_set_sink(const lab_mem_sink *sink);

/* Application memory. NULL when there is none left (or the limit is reached).
 * OLD and SIZE are what the block was asked with. Growing counts as a new
 * allocation and a free of the old block, as Go's append; shrinking keeps the
 * block's sample and frees the difference. realloc of NULL allocates; a new
 * size of 0 frees and returns NULL; on failure the old block stays. */
void *lab_mem_alloc(size_t size);
void *lab_mem_realloc(void *p, size_t old, size_t size);
void lab_mem_free(void *p, size_t size);

/* The lab's own memory: counted, not sampled, size not needed when freeing.
 * libuv is given these. */
void *lab_mem_own_alloc(size_t size);
void *lab_mem_own_calloc(size_t count, size_t size);
void *lab_mem_own_realloc(void *p, size_t size);
void lab_mem_own_free(void *p);

/* Application bytes in use beyond which lab_mem_alloc fails; 0 = no limit.
 * Looked at for each block of 64 KiB or more, and otherwise every 64 KiB: small
 * blocks pass it by that much per thread at most, and so do blocks that several
 * threads ask for at the very same moment. */
void lab_mem_set_limit(size_t bytes);
/* Application bytes in use now. Adds up all threads: not for every object. */
size_t lab_mem_app_bytes(void);

/* All bytes in use, application's and lab's: MemStats' HeapAlloc. Likewise. */
size_t lab_mem_heap_bytes(void);
/* WATCH (or nobody, NULL) is called after each 64 KiB or so that the
 * application has allocated, on the thread that did. It must not allocate
 * application memory. */
void lab_mem_set_watch(void (*watch)(void));

/* Gives all idle pages back to the system now, except what other threads keep
 * in their caches. Returns bytes released; 0 in libc builds, which can't say.
 */
size_t lab_mem_release(void);

/* The scavenger's policy: idle pages go back after SECONDS without an
 * allocation of 64 KiB or more; 0 = at every tick, negative = never; 300 to
 * begin with. Call lab_mem_scavenge_tick about once a second, always from the
 * same thread. */
void lab_mem_set_scavenge(int seconds);
void lab_mem_scavenge_tick(void);

#endif
