/* SPDX-License-Identifier: MIT
 * The libc backend of arena.h, for builds with sanitizers, whose malloc must
 * see our blocks. It says nothing about its pages. So the heap is what we count
 * as in use, and nothing is idle or released: the identities of memstats.h
 * hold, and no number is invented. */
#if !LAB_ALLOC_JEMALLOC

#include "mem/arena.h"

#include <string.h>

int lab_arena_init(void) {
  return 0;
}

int lab_arena_thread_begin(void) {
  return 0;
}

void lab_arena_thread_end(int cache) {
  (void)cache;
}

int lab_arena_thread_adopt(int cache) {
  return cache;
}

void lab_arena_read(lab_arena_usage *usage, uint64_t counted) {
  memset(usage, 0, sizeof *usage);
  usage->heap_sys = usage->heap_inuse = counted;
}

size_t lab_arena_read_bins(lab_arena_bin *bins, size_t max) {
  (void)bins;
  (void)max;
  return 0;
}

void lab_arena_flush(int cache) {
  (void)cache;
}

size_t lab_arena_release(int cache) {
  (void)cache;
  malloc_trim(0); /* it doesn't say how many pages it gave back */
  return 0;
}

#else
typedef int lab_arena_is_in_arena; /* C wants a declaration in each file */
#endif
