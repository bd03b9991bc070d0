/* SPDX-License-Identifier: MIT
 * See sample.h: the decision which blocks are sampled, and the table of live
 * samples.
 *
 * The decision: all bytes that a thread allocates are one long stream. Points
 * are scattered over it by a Poisson process, one per `rate` bytes on average,
 * and a block with a point in it is sampled. The distance to the next point is
 * exponentially distributed with mean `rate`, whatever happened before. So it
 * can be drawn again after a sample, and also when the rate changes.
 *
 * The table maps addresses to samples, by open addressing with linear probing.
 * A deletion moves later entries back, so that nothing stays behind. It isn't
 * base/table.h because that one never removes anything and allocates from the
 * heap: this one is used inside the allocator, and comes from mmap so that it
 * doesn't disturb the heap it describes. In front of it there is a counting
 * filter, which answers nearly every free with one load. Both are written under
 * one lock. */
#include "mem/sample.h"

#include <math.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "base/hash.h"
#include "base/probe.h"
#include "base/rng.h"
#include "mem/counters.h"

enum { TABLE_MIN = 1024, FILTER_FULL = UINT16_MAX };

typedef struct entry {
  uintptr_t p; /* 0: empty */
  lab_mem_sample sample;
} entry;

_Alignas(64) _Atomic uint16_t lab_sample_filter[1 << LAB_SAMPLE_FILTER_BITS];

static _Atomic uint64_t rate = 512 << 10;
static _Atomic(const lab_mem_sink *) sink;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
  entry *entries;
  size_t cap; /* a power of 2, or 0 */
  size_t used;
} table;

/* ---- the table, under the lock ------------------------------------------- */

/* Where P is, or the empty place where it belongs. */
static size_t find_block(uintptr_t p) {
  size_t i = lab_hash_u64(p) & (table.cap - 1);
  while (table.entries[i].p && table.entries[i].p != p)
    i = (i + 1) & (table.cap - 1);
  return i;
}

static bool resize_blocks(size_t cap) {
  entry *old = table.entries;
  size_t old_cap = table.cap;
  void *fresh = mmap(NULL, cap * sizeof *old, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (fresh == MAP_FAILED)
    return false;
  table.entries = fresh;
  table.cap = cap;
  for (size_t i = 0; i < old_cap; i++)
    if (old[i].p)
      table.entries[find_block(old[i].p)] = old[i];
  if (old)
    munmap(old, old_cap * sizeof *old);
  return true;
}

static void add_to_filter(uintptr_t p, int n) {
  _Atomic uint16_t *slot = &lab_sample_filter[lab_sample_slot((void *)p)];
  uint16_t count = atomic_load_explicit(slot, memory_order_relaxed);
  /* A full slot has lost count and stays full: that is slower but never wrong.
   */
  if (count != FILTER_FULL)
    atomic_store_explicit(slot, (uint16_t)(count + n), memory_order_relaxed);
}

/* Returns the table's copy of SAMPLE, or NULL if there is no room. */
static lab_mem_sample *insert_block(uintptr_t p, const lab_mem_sample *sample) {
  if ((table.used + 1) * 4 > table.cap * 3 &&
      !resize_blocks(table.cap ? table.cap * 2 : TABLE_MIN))
    return NULL;
  entry *e = &table.entries[find_block(p)];
  *e = (entry){p, *sample};
  table.used++;
  add_to_filter(p, 1);
  return &e->sample;
}

/* Empties place I. Later entries of the same run move back, unless they would
 * come before their own first place. */
static void erase_place(size_t i) {
  size_t mask = table.cap - 1;
  for (size_t j = (i + 1) & mask; table.entries[j].p; j = (j + 1) & mask) {
    size_t home = lab_hash_u64(table.entries[j].p) & mask;
    if (((j - home) & mask) < ((j - i) & mask))
      continue;
    table.entries[i] = table.entries[j];
    i = j;
  }
  table.entries[i].p = 0;
}

static bool extract_block(uintptr_t p, lab_mem_sample *sample) {
  if (table.cap == 0)
    return false;
  size_t i = find_block(p);
  if (!table.entries[i].p)
    return false;
  *sample = table.entries[i].sample;
  erase_place(i);
  table.used--;
  add_to_filter(p, -1);
  if (table.cap > TABLE_MIN && table.used * 8 < table.cap)
    resize_blocks(table.cap / 2); /* if it fails, the large one stays */
  return true;
}

/* ---- life of a sample ---------------------------------------------------- */

static void tell_freed(const lab_mem_sample *sample) {
  const lab_mem_sink *s = atomic_load(&sink);
  if (s)
    s->freed(sample);
}

void lab_sample_free(const void *p) {
  lab_mem_sample sample;
  pthread_mutex_lock(&lock);
  if (extract_block((uintptr_t)p, &sample))
    tell_freed(&sample);
  pthread_mutex_unlock(&lock);
}

bool lab_sample_take(const void *p, lab_mem_sample *sample) {
  pthread_mutex_lock(&lock);
  bool found = extract_block((uintptr_t)p, sample);
  pthread_mutex_unlock(&lock);
  return found;
}

void lab_sample_keep(const void *p, const lab_mem_sample *sample) {
  pthread_mutex_lock(&lock);
  if (!insert_block((uintptr_t)p, sample))
    tell_freed(
        sample); /* its end would go unseen, and it would live for ever */
  pthread_mutex_unlock(&lock);
}

void lab_sample_drop(const lab_mem_sample *sample) {
  pthread_mutex_lock(&lock);
  tell_freed(sample);
  pthread_mutex_unlock(&lock);
}

/* A sample that can't be entered into the table isn't recorded at all, because
 * its free would go unnoticed. */
static void record_sample(void *p, lab_mem_sample *sample) {
  const lab_mem_sink *s = atomic_load(&sink);
  if (!s)
    return;
  s->capture(sample);
  if (sample->stack == 0)
    return;
  pthread_mutex_lock(&lock);
  lab_mem_sample *kept = insert_block((uintptr_t)p, sample);
  if (kept)
    s->allocated(kept);
  pthread_mutex_unlock(&lock);
}

/* ---- decision ------------------------------------------------------------ */

/* The number of bytes to the next point. A block is sampled if its size is at
 * least that. With a rate of 1 the number is 0, so that even an empty block is
 * sampled; otherwise it is at least 1. */
static uint64_t draw_distance(lab_mem_thread *t) {
  if (t->rate == 0)
    return UINT64_MAX;
  if (t->rate == 1)
    return 0;
  double distance = ceil(-log(lab_rng_unit(&t->rng)) * (double)t->rate);
  return distance < 1 ? 1 : distance > 0x1p62 ? 1ull << 62 : (uint64_t)distance;
}

/* 1 / p(size); expm1 keeps its digits where size is far below the rate. */
static double weigh_sample(size_t size, uint64_t with_rate) {
  return with_rate <= 1 ? 1 : -1 / expm1(-(double)size / (double)with_rate);
}

void lab_sample_step(lab_mem_thread *t, void *p, size_t size) {
  uint64_t distance = t->fuel + t->rest;
  uint64_t current = lab_mem_rate();
  if (t->rate != current || distance == 0) { /* 0: the thread is new */
    t->rate = current;
    distance = draw_distance(t);
  }
  bool chosen = size >= distance;
  distance = chosen ? draw_distance(t) : distance - size;
  t->fuel = distance < LAB_MEM_STEP ? (size_t)distance : LAB_MEM_STEP;
  t->rest = distance - t->fuel;
  if (!chosen || t->sampling)
    return;
  lab_mem_sample sample = {.size = size, .weight = weigh_sample(size, t->rate)};
  LAB_PROBE2(alloc__sample, size, (uint64_t)(sample.weight + 0.5));
  t->sampling = true;
  record_sample(p, &sample);
  t->sampling = false;
}

/* The old weight may be that of another rate, so the new one is made of it. */
void lab_sample_shrink(lab_mem_thread *t, const void *p,
                       const lab_mem_sample *sample, size_t size) {
  const lab_mem_sink *s = atomic_load(&sink);
  lab_mem_sample now = *sample;
  double chance = sample->weight / weigh_sample(size, lab_mem_rate());
  now.size = size;
  if (chance < 1)
    now.weight /= chance;
  bool stays = chance >= 1 || lab_rng_unit(&t->rng) <= chance;
  pthread_mutex_lock(&lock);
  lab_mem_sample *kept = stays ? insert_block((uintptr_t)p, &now) : NULL;
  if (!kept)
    tell_freed(sample);
  else if (s)
    s->shrunk(sample, kept);
  pthread_mutex_unlock(&lock);
}

/* ---- settings ------------------------------------------------------------ */

void lab_mem_set_rate(uint64_t bytes) {
  atomic_store_explicit(&rate, bytes, memory_order_relaxed);
  lab_mem_thread *t = lab_mem_self();
  t->rest += t->fuel; /* so that the next call checks it */
  t->fuel = 0;
}

uint64_t lab_mem_rate(void) {
  return atomic_load_explicit(&rate, memory_order_relaxed);
}

void lab_mem_set_sink(const lab_mem_sink *s) {
  atomic_store(&sink, s);
}

size_t lab_sample_bytes(void) {
  pthread_mutex_lock(&lock);
  size_t bytes = table.cap * sizeof *table.entries;
  pthread_mutex_unlock(&lock);
  return bytes + sizeof lab_sample_filter;
}
