/* SPDX-License-Identifier: MIT
 * The heap below the counted one: raw blocks, and what the system gave for
 * them. Two backends behind one face:
 *  - arena.c: a jemalloc arena of our own. Its extent hooks see every byte that
 *    comes from the system or goes back, which makes HeapSys and HeapReleased
 *    exact; idle memory stays until we say otherwise.
 *  - arena_libc.c: libc's malloc, for sanitizer builds, which must see our
 *    blocks. It can't tell idle memory from used, and says so.
 *
 * Allocation is inline: on the way of every object there should be one call,
 * the allocator's.
 *
 * Threads: any. CACHE is the calling thread's own, from lab_arena_thread_begin;
 * only that thread may use it. Internal to src/mem. */
#ifndef LAB_MEM_ARENA_H
#define LAB_MEM_ARENA_H

#include <stddef.h>
#include <stdint.h>

/* What the heap knows of itself; all in bytes. */
typedef struct lab_arena_usage {
  uint64_t heap_sys;      /* address space that blocks may live in */
  uint64_t heap_inuse;    /* pages with at least one block (or cached block) */
  uint64_t heap_released; /* pages whose memory went back to the system */
  uint64_t meta_inuse;    /* the arena's own structures */
  uint64_t meta_sys;      /* what was mapped for them */
  uint64_t cache_inuse;   /* free blocks in threads' caches, malloc's too */
  uint64_t other_sys;     /* mapped for malloc calls of libraries */
} lab_arena_usage;

/* One size class. */
typedef struct lab_arena_bin {
  uint32_t size;
  uint64_t mallocs, frees;
} lab_arena_bin;

/* Makes the arena; once. 0 or negative errno. */
int lab_arena_init(void);

/* A cache for the calling thread, and its end: cached blocks go back. */
int lab_arena_thread_begin(void);
void lab_arena_thread_end(int cache);
/* All of the calling thread's memory, its libraries' malloc too, comes from
 * the arena from now on. Returns the cache to use instead of CACHE: 0, the one
 * that malloc uses, whose short cuts make a block 5 ns cheaper. */
int lab_arena_thread_adopt(int cache);

/* COUNTED: bytes in use by our own books, the best that a heap which can't
 * tell has to offer. Takes some microseconds. */
void lab_arena_read(lab_arena_usage *usage, uint64_t counted);
/* Fills up to MAX size classes, smallest first; returns how many. Call after
 * lab_arena_read, whose refresh it relies on. */
size_t lab_arena_read_bins(lab_arena_bin *bins, size_t max);

/* Empties the calling thread's cache and gives all idle pages back. Returns
 * the bytes released; 0 where the heap can't tell. */
size_t lab_arena_release(int cache);

/* Raw blocks. A SIZE of 0 counts as 1. FREE wants the size that the block was
 * last asked with. */
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
