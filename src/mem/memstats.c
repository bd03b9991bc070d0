/* SPDX-License-Identifier: MIT
 * See memstats.h. The cells (counters.h) say what was allocated, the arena
 * (arena.h) what the system gave, and Lua's collector reports its cycles. */
#include "mem/memstats.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/thread.h"
#include "mem/arena.h"
#include "mem/counters.h"
#include "mem/sample.h"

static _Atomic int64_t buck_hash;

/* Written by the collector's thread, read by all. */
static pthread_mutex_t gc_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
  uint64_t next, last, pause_total, cpu;
  uint64_t pause[LAB_MEMSTATS_PAUSES], end[LAB_MEMSTATS_PAUSES];
  uint32_t cycles, forced;
} gc;

/* ---- the collector ------------------------------------------------------- */

void lab_memstats_gc_cycle(uint64_t pause_ns, uint64_t cpu_ns, uint64_t next_gc,
                           bool forced) {
  uint64_t now = lab_clock_real();
  pthread_mutex_lock(&gc_lock);
  size_t i = gc.cycles++ % LAB_MEMSTATS_PAUSES;
  gc.pause[i] = pause_ns;
  gc.end[i] = gc.last = now;
  gc.pause_total += pause_ns;
  gc.cpu += cpu_ns;
  gc.next = next_gc;
  gc.forced += forced;
  pthread_mutex_unlock(&gc_lock);
}

static void read_gc(lab_memstats *s) {
  uint64_t process = lab_clock_process_cpu();
  pthread_mutex_lock(&gc_lock);
  s->next_gc = gc.next;
  s->last_gc = gc.last;
  s->pause_total_ns = gc.pause_total;
  memcpy(s->pause_ns, gc.pause, sizeof gc.pause);
  memcpy(s->pause_end, gc.end, sizeof gc.end);
  s->num_gc = gc.cycles;
  s->num_forced_gc = gc.forced;
  s->gc_cpu_fraction = process ? (double)gc.cpu / (double)process : 0;
  pthread_mutex_unlock(&gc_lock);
  s->enable_gc = true;
}

/* ---- memory -------------------------------------------------------------- */

void lab_memstats_add_buck_hash(int64_t bytes) {
  atomic_fetch_add(&buck_hash, bytes);
}

static void read_counts(lab_memstats *s) {
  lab_mem_counts c;
  lab_counters_sum(&c);
  for (int k = 0; k < LAB_MEM_KINDS; k++) {
    s->total_alloc += c.allocated[k];
    s->heap_alloc += c.allocated[k] - c.freed[k];
  }
  s->alloc = s->heap_alloc;
  s->mallocs = c.mallocs;
  s->frees = c.frees;
  s->heap_objects = c.mallocs - c.frees;
}

static void read_arena(lab_memstats *s) {
  lab_arena_usage u;
  lab_arena_read(&u, s->heap_alloc);
  s->heap_sys = u.heap_sys;
  s->heap_inuse = u.heap_inuse;
  s->heap_idle = u.heap_sys - u.heap_inuse;
  s->heap_released = u.heap_released;
  s->mspan_inuse = u.meta_inuse;
  s->mspan_sys = u.meta_sys;
  s->mcache_inuse = u.cache_inuse;
  s->other_sys = u.other_sys;
}

/* Entry 0 is size 0, as in Go; the arena's classes follow. */
static void read_sizes(lab_memstats *s) {
  lab_arena_bin bins[LAB_MEMSTATS_SIZES - 1];
  size_t n = lab_arena_read_bins(bins, LAB_MEMSTATS_SIZES - 1);
  for (size_t i = 0; i < n; i++) {
    s->by_size[i + 1].size = bins[i].size;
    s->by_size[i + 1].mallocs = bins[i].mallocs;
    s->by_size[i + 1].frees = bins[i].frees;
  }
}

static void add_thread_stack(lab_thread *thread, void *arg) {
  *(uint64_t *)arg += thread->stack_size;
}

void lab_memstats_read(lab_memstats *s) {
  struct rusage usage;
  memset(s, 0, sizeof *s);
  read_counts(s);
  read_arena(s);
  read_sizes(s);
  read_gc(s);
  lab_thread_each(add_thread_stack, &s->stack_sys);
  s->stack_inuse = s->stack_sys;
  s->buck_hash_sys = (uint64_t)atomic_load(&buck_hash);
  s->gc_sys = lab_sample_bytes();
  s->sys = s->heap_sys + s->stack_sys + s->mspan_sys + s->mcache_sys +
           s->buck_hash_sys + s->gc_sys + s->other_sys;
  getrusage(RUSAGE_SELF, &usage);
  s->max_rss = (uint64_t)usage.ru_maxrss * 1024;
}
