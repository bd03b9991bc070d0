/* SPDX-License-Identifier: MIT
 * See intern.h.
 *
 * How readers do without a lock. A shelf's segments are allocated once and
 * never moved. An index keeps 64-bit slots, half hash and half id, which are
 * written once, with release, after the element they stand for is complete. A
 * full index is copied into one twice as large; the old table stays, because a
 * reader may be in it, and together the old ones are no larger than the new. */
#include "stack/intern.h"

#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/hash.h"

enum {
  ARENA_CHUNK = 1 << 16,
  FIRST_SEGMENT = 256, /* elements */
  FIRST_TABLE = 1024,  /* slots */
};

static atomic_size_t bytes_taken;

size_t lab_intern_bytes(void) {
  return atomic_load_explicit(&bytes_taken, memory_order_relaxed);
}

static void *take(size_t size) {
  atomic_fetch_add_explicit(&bytes_taken, size, memory_order_relaxed);
  return lab_xcalloc(1, size);
}

/* ---- arena -----------------------------------------------------------------
 */

void *lab_arena_alloc(lab_arena *a, size_t size) {
  size = (size + 7) & ~(size_t)7;
  if (size > ARENA_CHUNK / 4)
    return take(size);
  if (size > a->left) {
    a->at = take(ARENA_CHUNK);
    a->left = ARENA_CHUNK;
  }
  void *p = a->at;
  a->at += size;
  a->left -= size;
  return p;
}

const char *lab_arena_string(lab_arena *a, const char *s, size_t len) {
  char *copy = lab_arena_alloc(a, len + 1);
  memcpy(copy, s, len);
  copy[len] = '\0';
  return copy;
}

/* ---- shelf -----------------------------------------------------------------
 */

/* Segment S holds FIRST_SEGMENT << S elements, after all those before it. */
static unsigned segment_of(uint32_t i, size_t *offset) {
  uint32_t block = i / FIRST_SEGMENT + 1;
  unsigned s = 31 - (unsigned)__builtin_clz(block);
  *offset = i - FIRST_SEGMENT * (((size_t)1 << s) - 1);
  return s;
}

void *lab_shelf_at(lab_shelf *shelf, uint32_t i) {
  size_t offset;
  unsigned s = segment_of(i, &offset);
  char *segment =
      atomic_load_explicit(&shelf->segments[s], memory_order_acquire);
  return segment + offset * shelf->item;
}

void *lab_shelf_make(lab_shelf *shelf, uint32_t i) {
  size_t offset;
  unsigned s = segment_of(i, &offset);
  LAB_ASSERT(s < sizeof shelf->segments / sizeof *shelf->segments);
  if (!atomic_load_explicit(&shelf->segments[s], memory_order_relaxed))
    atomic_store_explicit(&shelf->segments[s],
                          take(((size_t)FIRST_SEGMENT << s) * shelf->item),
                          memory_order_release);
  return lab_shelf_at(shelf, i);
}

/* ---- index -----------------------------------------------------------------
 */

typedef struct lab_intern_index_table {
  struct lab_intern_index_table *older; /* kept: a reader may be in it */
  uint32_t mask;
  _Atomic uint64_t slots[]; /* upper half of the hash, id; 0 = free */
} table;

static uint64_t slot_make(uint64_t hash, uint32_t id) {
  return (hash & 0xffffffff00000000ull) | id;
}

uint32_t lab_intern_index_find(lab_intern_index *index, uint64_t hash,
                               lab_intern_index_equal *equal, const void *key) {
  table *t = atomic_load_explicit(&index->table, memory_order_acquire);
  if (!t)
    return 0;
  for (uint32_t i = (uint32_t)(hash >> 32);; i++) {
    uint64_t slot =
        atomic_load_explicit(&t->slots[i & t->mask], memory_order_acquire);
    uint32_t id = (uint32_t)slot;
    if (id == 0)
      return 0;
    if (slot == slot_make(hash, id) && equal(id, key))
      return id;
  }
}

static void table_put(table *t, uint64_t slot) {
  uint32_t i = (uint32_t)(slot >> 32);
  while (atomic_load_explicit(&t->slots[i & t->mask], memory_order_relaxed))
    i++;
  atomic_store_explicit(&t->slots[i & t->mask], slot, memory_order_release);
}

static table *table_grow(table *old) {
  size_t slots = old ? 2 * ((size_t)old->mask + 1) : FIRST_TABLE;
  table *t = take(sizeof *t + slots * sizeof t->slots[0]);
  t->mask = (uint32_t)(slots - 1);
  t->older = old;
  for (size_t i = 0; old && i <= old->mask; i++) {
    uint64_t slot = atomic_load_explicit(&old->slots[i], memory_order_relaxed);
    if (slot)
      table_put(t, slot);
  }
  return t;
}

void lab_intern_index_add(lab_intern_index *index, uint64_t hash, uint32_t id) {
  table *t = atomic_load_explicit(&index->table, memory_order_relaxed);
  if (!t || index->used + 1 > (t->mask + 1) / 2) {
    t = table_grow(t);
    atomic_store_explicit(&index->table, t, memory_order_release);
  }
  table_put(t, slot_make(hash, id));
  index->used++;
}

/* ---- hashing and strings ----------------------------------------------------
 */

uint64_t lab_intern_hash(const void *bytes, size_t len, uint64_t seed) {
  const char *p = bytes;
  uint64_t h = seed ^ len * 0x9e3779b97f4a7c15ull, word;
  for (; len >= sizeof word; p += sizeof word, len -= sizeof word) {
    memcpy(&word, p, sizeof word);
    h = (h ^ word) * 0xbf58476d1ce4e5b9ull;
    h ^= h >> 32;
  }
  word = 0;
  memcpy(&word, p, len);
  return lab_hash_u64(h ^ word);
}

typedef struct text {
  const char *s;
  size_t len;
} text;

static struct {
  pthread_mutex_t lock;
  lab_shelf shelf;
  lab_intern_index index;
  lab_arena arena;
  uint32_t count;
} strings = {.lock = PTHREAD_MUTEX_INITIALIZER,
             .shelf = {.item = sizeof(text)}};

static bool string_equal(uint32_t id, const void *key) {
  const text *a = lab_shelf_at(&strings.shelf, id - 1), *b = key;
  return a->len == b->len && memcmp(a->s, b->s, a->len) == 0;
}

const char *lab_intern_string(const char *s, size_t len) {
  text key = {s, len};
  uint64_t hash = lab_intern_hash(s, len, 0);
  pthread_mutex_lock(&strings.lock);
  uint32_t id = lab_intern_index_find(&strings.index, hash, string_equal, &key);
  if (id == 0) {
    id = ++strings.count;
    text *t = lab_shelf_make(&strings.shelf, id - 1);
    t->s = lab_arena_string(&strings.arena, s, len);
    t->len = len;
    lab_intern_index_add(&strings.index, hash, id);
  }
  const text *found = lab_shelf_at(&strings.shelf, id - 1);
  pthread_mutex_unlock(&strings.lock);
  return found->s;
}
