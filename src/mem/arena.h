/* SPDX-License-Identifier: MIT
 * The heap below the counted one: raw blocks, and the memory that the system
 * gave for them. It has two backends:
 *  - arena.c: a jemalloc arena of our own. Its extent hooks see every byte that
 *    comes from the system or goes back, so HeapSys and HeapReleased are exact.
 *    Idle memory stays until we give it back.
 *  - arena_libc.c: libc's malloc, for builds with sanitizers, which must see
 * our blocks. It can't tell idle memory from used.
 *
 * Allocation is inline, so that an object costs one call only, the allocator's.
 *
 * Internal to src/mem. Threads: any. CACHE is the calling thread's own, from
 * lab_arena_thread_begin; no other thread may use it. */
#ifndef LAB_MEM_ARENA_H
#define LAB_MEM_ARENA_H

#include <stddef.h>
#include <stdint.h>

/* What the heap reports; all in bytes. */
typedef struct lab_arena_usage {
  uint64_t heap_sys;      /* the most memory it has had at one time */
  uint64_t heap_inuse;    /* pages with at least one block (or cached block) */
  uint64_t heap_released; /* pages whose memory went back to the system */
  uint64_t meta_inuse;    /* the arena's own structures */
  uint64_t meta_sys;      /* what was mapped for them */
  uint64_t cache_inuse;   /* free blocks in threads' caches, also malloc's */
  uint64_t other_sys;     /* mapped for malloc calls of libraries */
} lab_arena_usage;

/* One size class. */
typedef struct lab_arena_bin {
  uint32_t size;
  uint64_t mallocs, frees;
} lab_arena_bin;

/* Makes the arena. Call it once. 0 or negative errno. */
int lab_arena_init(void);

/* Makes a cache for the calling thread; ends it, and returns its blocks. */
int lab_arena_thread_begin(void);
void lab_arena_thread_end(int cache);
/* From now on all memory of the calling thread comes from the arena, also what
 * libraries malloc. Returns the cache to use instead of CACHE: that is 0, the
 * one that malloc uses, which makes a block 5 ns faster. */
int lab_arena_thread_adopt(int cache);

/* COUNTED: the bytes in use that counters.h counted, for the backend that has
 * no numbers of its own. Takes some microseconds. */
void lab_arena_read(lab_arena_usage *usage, uint64_t counted);
/* Fills in up to MAX size classes, smallest first; returns how many. Call it
 * after lab_arena_read, which refreshes the statistics. */
size_t lab_arena_read_bins(lab_arena_bin *bins, size_t max);

/* Empties the calling thread's cache. */
void lab_arena_flush(int cache);
/* Empties the calling thread's cache and gives all idle pages back. Returns
 * the bytes released; 0 if the backend can't tell. */
size_t lab_arena_release(int cache);

/* Raw blocks: NULL if there is no memory. A SIZE of 0 counts as 1. free needs
 * the size that was last asked for. zalloc's bytes are zeros. */
#if LAB_ALLOC_JEMALLOC

#include <jemalloc/jemalloc.h>
#include <stdlib.h>

static inline void *lab_arena_alloc(int cache, size_t size) {
  return cache ? mallocx(size + !size, cache) : malloc(size + !size);
}

static inline void *lab_arena_zalloc(int cache, size_t size) {
  return mallocx(size + !size, cache | MALLOCX_ZERO);
}

static inline void *lab_arena_realloc(int cache, void *p, size_t size) {
  return rallocx(p, size + !size, cache);
}

static inline void lab_arena_free(int cache, void *p, size_t size) {
  sdallocx(p, size + !size, cache);
}

static inline size_t lab_arena_usable(void *p) {
  return sallocx(p, 0);
}

#else

#include <malloc.h>
#include <stdlib.h>

static inline void *lab_arena_alloc(int cache, size_t size) {
  (void)cache;
  return malloc(size + !size);
}

static inline void *lab_arena_zalloc(int cache, size_t size) {
  (void)cache;
  return calloc(1, size + !size);
}

static inline void *lab_arena_realloc(int cache, void *p, size_t size) {
  (void)cache;
  return realloc(p, size + !size);
}

static inline void lab_arena_free(int cache, void *p, size_t size) {
  (void)cache;
  (void)size;
  free(p);
}

static inline size_t lab_arena_usable(void *p) {
  return malloc_usable_size(p);
}

#endif

#endif
