/* SPDX-License-Identifier: MIT
 * MemStats under Go's names (runtime.MemStats), and what each means here.
 * Identities that always hold: HeapSys = HeapIdle + HeapInuse,
 * HeapObjects = Mallocs - Frees, HeapReleased <= HeapIdle, Alloc = HeapAlloc;
 * TotalAlloc, Mallocs and Frees never fall.
 *
 * Threads: any. The numbers are read one after the other while the program
 * runs; each is exact, the set may be a few allocations apart. */
#ifndef LAB_MEM_MEMSTATS_H
#define LAB_MEM_MEMSTATS_H

#include <stdbool.h>
#include <stdint.h>

enum { LAB_MEMSTATS_PAUSES = 256, LAB_MEMSTATS_SIZES = 61 };

typedef struct lab_memstats {
  uint64_t alloc, total_alloc, sys, lookups, mallocs, frees;
  uint64_t heap_alloc, heap_sys, heap_idle, heap_inuse, heap_released;
  uint64_t heap_objects;
  uint64_t stack_inuse, stack_sys, mspan_inuse, mspan_sys;
  uint64_t mcache_inuse, mcache_sys, buck_hash_sys, gc_sys, other_sys;
  uint64_t next_gc, last_gc; /* bytes; ns since 1970 */
  uint64_t pause_total_ns;
  uint64_t pause_ns[LAB_MEMSTATS_PAUSES];  /* circular: [(NumGC+255)%256] */
  uint64_t pause_end[LAB_MEMSTATS_PAUSES]; /* ns since 1970, likewise */
  uint32_t num_gc, num_forced_gc;
  double gc_cpu_fraction;
  bool enable_gc, debug_gc;
  struct {
    uint32_t size;
    uint64_t mallocs, frees;
  } by_size[LAB_MEMSTATS_SIZES];
  uint64_t max_rss; /* bytes, getrusage */
} lab_memstats;

void lab_memstats_read(lab_memstats *stats);

/* The collector's side: one finished cycle of Lua's garbage collector.
 * PAUSE_NS: time in which it kept scenarios from running, all its steps added
 * up; CPU_NS likewise on the thread's CPU clock; NEXT_GC: HeapAlloc at which
 * the next cycle is to start. One thread only (the VM's). */
void lab_memstats_gc_cycle(uint64_t pause_ns, uint64_t cpu_ns, uint64_t next_gc,
                           bool forced);

/* Bytes of the profilers' own tables (BuckHashSys), added by their owners. */
void lab_memstats_add_buck_hash(int64_t bytes);

#endif
