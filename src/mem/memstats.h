/* SPDX-License-Identifier: MIT
 * The memory statistics of Go (runtime.MemStats), and what each number means
 * here.
 *
 * Identities that always hold: HeapSys = HeapIdle + HeapInuse,
 * HeapObjects = Mallocs - Frees, HeapReleased <= HeapIdle, Alloc = HeapAlloc,
 * and Sys is the sum of the other ...Sys. TotalAlloc, Mallocs and Frees never
 * fall, nor does HeapSys in jemalloc builds.
 *
 * "The heap" is one jemalloc arena: all of the application's memory (Lua's
 * objects, the primitives' buffers) and the lab's own (mem.h). In builds with
 * LAB_ALLOC=libc nobody can tell idle pages from used ones: there HeapSys =
 * HeapInuse = HeapAlloc, and HeapIdle, HeapReleased, MSpan, MCache, OtherSys
 * and BySize are 0.
 *
 * Threads: any. Signal handlers: never. The numbers are read one after the
 * other while the program runs: each is exact, but there may be some
 * allocations between them. */
#ifndef LAB_MEM_MEMSTATS_H
#define LAB_MEM_MEMSTATS_H

#include <stdbool.h>
#include <stdint.h>

enum { LAB_MEMSTATS_PAUSES = 256, LAB_MEMSTATS_SIZES = 61 };

/* Bytes, unless said otherwise. */
typedef struct lab_memstats {
  /* ---- what was allocated, counted at each call ---- */

  /* The same as heap_alloc; Go has both names. */
  uint64_t alloc;
  /* Everything ever allocated; it never falls. Growing a block counts its whole
   * new size, like the new array of Go's append. */
  uint64_t total_alloc;
  /* What was obtained from the system: the sum of the ...Sys below. It is
   * address space, not memory: what was never touched or was released is
   * counted, too. */
  uint64_t sys;
  /* Always 0, as in Go today. */
  uint64_t lookups;
  /* Blocks ever allocated, and ever freed. Growing a block is one of each,
   * shrinking it neither. */
  uint64_t mallocs, frees;

  /* ---- the heap ---- */

  /* Bytes in use now: application memory by the sizes asked for, the lab's own
   * by the sizes given. Lua's garbage counts until it is collected. */
  uint64_t heap_alloc;
  /* The most memory that the heap has had at one time, in use or idle. */
  uint64_t heap_sys;
  /* Pages without any block: heap_sys - heap_inuse. They may still have memory,
   * which RSS shows as far as it was touched. Idle - released is what
   * lab_mem_release could give back. */
  uint64_t heap_idle;
  /* Pages with at least one block, or with free blocks in a thread's cache.
   * Inuse - alloc is fragmentation and those caches. */
  uint64_t heap_inuse;
  /* Idle pages whose memory went back to the system, and wasn't needed again
   * since. Only lab_mem_release and the scavenger make it grow. */
  uint64_t heap_released;
  /* Blocks in use now: mallocs - frees. */
  uint64_t heap_objects;

  /* ---- outside the heap ---- */

  /* C stacks of the lab's threads. Both numbers are the space reserved for
   * them: a stack counts as a whole, even if little of it was touched. Lua's
   * stacks are heap objects. */
  uint64_t stack_inuse, stack_sys;
  /* The arena's own structures (jemalloc's extents, in the place of Go's
   * spans), and the address space mapped for them. */
  uint64_t mspan_inuse, mspan_sys;
  /* Free blocks in threads' caches: the heap's and those of malloc for
   * libraries, which jemalloc doesn't tell apart. Their pages are counted in
   * heap_inuse or other_sys, so mcache_sys is always 0. */
  uint64_t mcache_inuse, mcache_sys;
  /* The profilers' tables, reported by their owners. Those in the heap are
   * counted in heap_alloc, too. */
  uint64_t buck_hash_sys;
  /* This module's own data: the filter and the table of live heap samples.
   * (Lua's collector has nothing to count: its marks are in the objects.) */
  uint64_t gc_sys;
  /* Mapped by jemalloc for malloc calls of libraries (libc, libdw, zlib...)
   * and for the threads' caches. */
  uint64_t other_sys;

  /* ---- Lua's collector, as told to lab_memstats_gc_cycle ---- */

  /* heap_alloc at which the next cycle is to start; 0 before the first. */
  uint64_t next_gc;
  /* When the last cycle ended, ns since 1970; 0 before the first. */
  uint64_t last_gc;
  /* Time in ns during which cycles kept scenarios from running. Lua collects
   * in many small steps; the pause of a cycle is the sum of its steps. */
  uint64_t pause_total_ns;
  /* The pauses of the last 256 cycles and when each ended (ns since 1970).
   * Circular: the newest is at [(num_gc + 255) % 256]. */
  uint64_t pause_ns[LAB_MEMSTATS_PAUSES];
  uint64_t pause_end[LAB_MEMSTATS_PAUSES];
  /* Finished cycles, and how many of them lab.gc() or a request with gc=1 asked
   * for. */
  uint32_t num_gc, num_forced_gc;
  /* The collector's CPU time as a part of the process's since its start, 0
   * to 1. (Go divides by the time of all CPUs, idle or not.) */
  double gc_cpu_fraction;
  /* Always true, and always false. */
  bool enable_gc, debug_gc;

  /* ---- size classes ---- */

  /* Entry 0 is size 0, as in Go; then jemalloc's small classes (36 with pages
   * of 4 KiB: 8 bytes to 14 KiB), smallest first; the rest is 0. Larger blocks
   * are in no class. The numbers are counted in batches, where the arena fills
   * and empties the threads' caches. So mallocs - frees are the blocks in use
   * AND in caches, of the application and the lab. */
  struct {
    uint32_t size;
    uint64_t mallocs, frees;
  } by_size[LAB_MEMSTATS_SIZES];

  /* Largest resident set so far, of the whole process (getrusage). */
  uint64_t max_rss;
} lab_memstats;

/* Takes some ten microseconds, because jemalloc adds up its own counters. */
void lab_memstats_read(lab_memstats *stats);

/* Reports one finished cycle of Lua's garbage collector. PAUSE_NS: the time for
 * which all its steps kept scenarios from running; CPU_NS: the same on the
 * thread's CPU clock; NEXT_GC: the HeapAlloc at which the next cycle is to
 * start; FORCED: somebody asked for it. Only the VM's thread. */
void lab_memstats_gc_cycle(uint64_t pause_ns, uint64_t cpu_ns, uint64_t next_gc,
                           bool forced);

/* Adds BYTES to BuckHashSys. The owner of a profiler's table reports with it
 * how much the table has grown. */
void lab_memstats_add_buck_hash(int64_t bytes);

#endif
