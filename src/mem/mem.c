/* SPDX-License-Identifier: MIT
 * Application memory is counted, sampled and limited: see mem.h.
 *
 * For most blocks the thread's fuel (counters.h) is enough, so only the block
 * and two cells are touched. Everything else happens when the fuel is used up:
 * at least every 64 KiB, and for each block of that size. */
#include "mem/mem.h"

#include <stdatomic.h>

#include "base/alloc.h"
#include "mem/arena.h"
#include "mem/counters.h"
#include "mem/sample.h"
#include "mem/scavenge.h"

static _Atomic size_t limit;
static void (*_Atomic watcher)(void);

/* What the lab keeps for a scenario: base/alloc.h. */
static void *realloc_kept(void *p, size_t old, size_t size) {
  void *fresh = lab_mem_realloc(p, old, size);
  if (fresh || size == 0)
    lab_scavenge_count(p ? old : 0, size);
  return fresh;
}

static void free_kept(void *p, size_t size) {
  if (p)
    lab_scavenge_count(size, 0);
  lab_mem_free(p, size);
}

int lab_mem_init(void) {
  static const lab_allocator own = {lab_mem_own_alloc, lab_mem_own_realloc,
                                    lab_mem_own_free};
  static const lab_counted_allocator counted = {realloc_kept, free_kept};
  int rc = lab_arena_init();
  if (rc == 0)
    rc = lab_counters_init();
  if (rc != 0)
    return rc;
  lab_scavenge_init();
  lab_alloc_install(&own);
  lab_alloc_install_counted(&counted);
  return 0;
}

void lab_mem_adopt_thread(void) {
  lab_mem_thread *t = lab_mem_self();
  t->cache = lab_arena_thread_adopt(t->cache);
}

/* At the end of the fuel: whether NEED more bytes may be used. */
static bool is_admitted(size_t need) {
  size_t most = atomic_load_explicit(&limit, memory_order_relaxed);
  if (need > PTRDIFF_MAX)
    return false;
  lab_scavenge_note(need);
  if (most == 0)
    return true;
  size_t used = lab_mem_app_bytes();
  return used <= most && need <= most - used;
}

static __attribute__((noinline)) void take_step(lab_mem_thread *t, void *p,
                                                size_t size) {
  lab_sample_step(t, p, size);
  void (*watch)(void) = atomic_load_explicit(&watcher, memory_order_acquire);
  if (watch)
    watch();
}

/* A new block was made: takes its size off the fuel, or takes a step. */
static inline void spend_fuel(lab_mem_thread *t, void *p, size_t size) {
  if (size < t->fuel)
    t->fuel -= size;
  else
    take_step(t, p, size);
}

void *lab_mem_alloc(size_t size) {
  lab_mem_thread *t = lab_mem_self();
  if (size >= t->fuel && !is_admitted(size))
    return NULL;
  void *p = lab_arena_alloc(t->cache, size);
  if (!p)
    return NULL;
  lab_count_alloc(t, LAB_MEM_APP, size);
  spend_fuel(t, p, size);
  return p;
}

void lab_mem_free(void *p, size_t size) {
  if (!p)
    return;
  lab_mem_thread *t = lab_mem_self();
  if (lab_sample_maybe(p))
    lab_sample_free(p); /* before the address can be another block's */
  lab_count_free(t, LAB_MEM_APP, size);
  lab_arena_free(t->cache, p, size);
}

void *lab_mem_realloc(void *p, size_t old, size_t size) {
  if (!p)
    return size ? lab_mem_alloc(size) : NULL;
  if (size == 0) {
    lab_mem_free(p, old);
    return NULL;
  }
  lab_mem_thread *t = lab_mem_self();
  bool grows = size > old;
  if (grows && size >= t->fuel && !is_admitted(size - old))
    return NULL;
  lab_mem_sample sample;
  bool sampled = lab_sample_maybe(p) && lab_sample_take(p, &sample);
  void *fresh = lab_arena_realloc(t->cache, p, size);
  if (sampled && grows && fresh)
    lab_sample_drop(&sample);
  else if (sampled && size < old && fresh)
    lab_sample_shrink(t, fresh, &sample, size);
  else if (sampled)
    lab_sample_keep(fresh ? fresh : p, &sample);
  if (!fresh)
    return NULL;
  lab_count_resize(t, LAB_MEM_APP, old, size);
  if (grows)
    spend_fuel(t, fresh, size);
  return fresh;
}

void lab_mem_set_limit(size_t bytes) {
  atomic_store_explicit(&limit, bytes, memory_order_relaxed);
  lab_mem_thread *t = lab_mem_self();
  t->rest += t->fuel; /* so that the next call checks it */
  t->fuel = 0;
}

void lab_mem_set_watch(void (*watch)(void)) {
  atomic_store_explicit(&watcher, watch, memory_order_release);
}

size_t lab_mem_heap_bytes(void) {
  lab_mem_counts c;
  size_t bytes = 0;
  lab_counters_sum(&c);
  for (int k = 0; k < LAB_MEM_KINDS; k++)
    bytes += (size_t)(c.allocated[k] - c.freed[k]);
  return bytes;
}

size_t lab_mem_app_bytes(void) {
  lab_mem_counts c;
  lab_counters_sum(&c);
  return (size_t)(c.allocated[LAB_MEM_APP] - c.freed[LAB_MEM_APP]);
}

void lab_mem_flush(void) {
  lab_arena_flush(lab_mem_self()->cache);
}

size_t lab_mem_release(void) {
  return lab_arena_release(lab_mem_self()->cache);
}
