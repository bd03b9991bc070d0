/* SPDX-License-Identifier: MIT
 * MemStats under Go's names (runtime.MemStats), and what each means here.
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
 * Threads: any. The numbers are read one after the other while the program
 * runs; each is exact, the set may be a few allocations apart. */
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
  /* Everything ever allocated. Growing a block counts its whole new size, as
   * the new array of Go's append does; nothing takes away from it. */
  uint64_t total_alloc;
  /* What was obtained from the system: the sum of the ...Sys below. Address
   * space, not memory: what was never touched or was released is in it too. */
  uint64_t sys;
  /* Always 0, as in Go for many years now. */
  uint64_t lookups;
  /* Blocks ever allocated, and ever freed. Growing a block is one of each,
   * shrinking it neither. */
  uint64_t mallocs, frees;

  /* ---- the heap ---- */

  /* Bytes in use now: application memory by the sizes asked for, the lab's own
   * by the sizes given. Lua objects that are garbage count until collected. */
  uint64_t heap_alloc;
  /* Address space of the arena, in use or idle. It is never returned, so this
   * is about the largest the heap has been. */
  uint64_t heap_sys;
  /* Pages without any block: heap_sys - heap_inuse. They may still hold memory
   * (RSS!); idle - released is what lab_mem_release could give back, and the
   * part of heap_sys that was never touched. */
  uint64_t heap_idle;
  /* Pages with at least one block, or with blocks that wait in a thread's
   * cache. Inuse - alloc is fragmentation and those caches. */
  uint64_t heap_inuse;
  /* Idle pages whose memory went back to the system, and was not needed again
   * since. Grows by lab_mem_release and the scavenger only. */
  uint64_t heap_released;
  /* Blocks in use now: mallocs - frees. */
  uint64_t heap_objects;

  /* ---- outside the heap ---- */

  /* C stacks of the lab's threads. Both are the space reserved for them: a
   * stack belongs to its thread as a whole, however little it has touched.
   * Lua's stacks are heap objects. */
  uint64_t stack_inuse, stack_sys;
  /* The arena's own structures (jemalloc's extents, in the place of Go's
   * spans), and the address space mapped for them. */
  uint64_t mspan_inuse, mspan_sys;
  /* Free blocks that wait in threads' caches: the heap's, and those of malloc
   * for libraries, which jemalloc doesn't tell apart. They lie in pages that
   * heap_inuse or other_sys count; so mcache_sys is always 0. */
  uint64_t mcache_inuse, mcache_sys;
  /* The profilers' tables, reported by their owners; where these live in the
   * heap they are counted in heap_alloc as well. */
  uint64_t buck_hash_sys;
  /* The bookkeeping of this module: filter and table of live heap samples. (Of
   * Lua's collector there is nothing to count: its marks are in the objects.)
   */
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
   * in many small steps: a cycle's pause is the sum of its steps. */
  uint64_t pause_total_ns;
  /* The pauses of the last 256 cycles and when each ended (ns since 1970).
   * Circular: the newest is at [(num_gc + 255) % 256]. */
  uint64_t pause_ns[LAB_MEMSTATS_PAUSES];
  uint64_t pause_end[LAB_MEMSTATS_PAUSES];
  /* Finished cycles; those among them that lab.gc() or a request with gc=1
   * asked for. */
  uint32_t num_gc, num_forced_gc;
  /* The collector's CPU time over that of the process, since its start; 0..1.
   * (Go divides by the time of all CPUs, idle or not.) */
  double gc_cpu_fraction;
  /* Always true, and always false. */
  bool enable_gc, debug_gc;

  /* ---- size classes ---- */

  /* Entry 0 is size 0, as in Go; then jemalloc's small classes (36 with pages
   * of 4 KiB: 8 bytes to 14 KiB), smallest first; the rest is 0. Blocks beyond
   * the largest are in no class. Counted where the arena fills and empties the
   * threads' caches, in batches: mallocs - frees is blocks in use AND in
   * caches, of application and lab. */
  struct {
    uint32_t size;
    uint64_t mallocs, frees;
  } by_size[LAB_MEMSTATS_SIZES];

  /* Largest resident set so far, of the whole process (getrusage). */
  uint64_t max_rss;
} lab_memstats;

/* Takes some ten microseconds: jemalloc sums up its own counters. */
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
