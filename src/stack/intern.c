/* SPDX-License-Identifier: MIT
 * See intern.h. The segments of a shelf are allocated once and never moved, so
 * a reader needs no lock. */
#include "stack/intern.h"

#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/plain.h"
#include "base/utf8.h"

enum {
  FIRST_CHUNK = 1 << 12,   /* each one is twice as large as the one before, */
  LARGEST_CHUNK = 1 << 16, /* up to this */
  FIRST_SEGMENT = 64,      /* elements */
};

static atomic_size_t bytes_taken;

size_t lab_intern_bytes(void) {
  return atomic_load_explicit(&bytes_taken, memory_order_relaxed);
}

/* Limits: of all visits, and what follows from them for the present one. */
typedef struct limit {
  atomic_size_t all, now;
} limit;

static limit soft = {LAB_STACK_SOFT_BYTES, LAB_STACK_SOFT_BYTES},
             hard = {LAB_STACK_HARD_BYTES, LAB_STACK_HARD_BYTES};

static atomic_int adds_left; /* of the present visit, when it has no room */

static bool take_add(void) {
  return lab_intern_bytes() < atomic_load(&hard.all) + LAB_STACK_SPARE_BYTES &&
         atomic_load(&adds_left) > 0 && atomic_fetch_sub(&adds_left, 1) > 0;
}

bool lab_intern_has_room(bool of_file) {
  return lab_intern_bytes() < atomic_load(of_file ? &hard.now : &soft.now) ||
         take_add();
}

void lab_intern_set_room(size_t soft_bytes, size_t hard_bytes) {
  atomic_store(&soft.all, soft_bytes);
  atomic_store(&soft.now, soft_bytes);
  atomic_store(&hard.all, hard_bytes);
  atomic_store(&hard.now, hard_bytes);
  atomic_store(&adds_left, 0);
}

static void renew_limit(limit *l) {
  size_t all = atomic_load(&l->all), used = lab_intern_bytes();
  atomic_store(&l->now, used < all ? all - (all - used) / 4 : all);
}

void lab_intern_renew_room(void) {
  renew_limit(&soft);
  renew_limit(&hard);
  atomic_store(&adds_left, LAB_STACK_VISIT_ADDS);
}

void *lab_intern_take(size_t size) {
  atomic_fetch_add_explicit(&bytes_taken, size, memory_order_relaxed);
  return lab_xcalloc(1, size);
}

void lab_intern_give_back(void *p, size_t size) {
  atomic_fetch_sub_explicit(&bytes_taken, size, memory_order_relaxed);
  lab_xfree(p);
}

/* ---- pool ---------------------------------------------------------------- */

void *lab_intern_alloc(lab_intern_pool *a, size_t size) {
  size = (size + 7) & ~(size_t)7;
  if (size > LARGEST_CHUNK / 4)
    return lab_intern_take(size);
  if (size > a->left) {
    a->left = a->chunk ? a->chunk : FIRST_CHUNK;
    while (a->left < size)
      a->left *= 2;
    a->chunk = a->left < LARGEST_CHUNK ? 2 * a->left : LARGEST_CHUNK;
    a->at = lab_intern_take(a->left);
  }
  void *p = a->at;
  a->at += size;
  a->left -= size;
  return p;
}

const char *lab_intern_copy(lab_intern_pool *a, const char *s, size_t len) {
  char *copy = lab_intern_alloc(a, len + 1);
  memcpy(copy, s, len);
  copy[len] = '\0';
  return copy;
}

/* ---- shelf --------------------------------------------------------------- */

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
    atomic_store_explicit(
        &shelf->segments[s],
        lab_intern_take(((size_t)FIRST_SEGMENT << s) * shelf->item),
        memory_order_release);
  return lab_shelf_at(shelf, i);
}

/* ---- tables -------------------------------------------------------------- */

void lab_intern_add(lab_table *table, uint64_t hash, uint32_t id) {
  size_t before = lab_table_bytes(table);
  lab_table_add(table, hash, id);
  atomic_fetch_add_explicit(&bytes_taken, lab_table_bytes(table) - before,
                            memory_order_relaxed);
}

void lab_intern_clear(lab_table *table) {
  atomic_fetch_sub_explicit(&bytes_taken, lab_table_bytes(table),
                            memory_order_relaxed);
  lab_table_free(table);
}

/* ---- hashing and strings ------------------------------------------------- */

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
  lab_table table;
  lab_intern_pool pool;
  uint32_t count;
} strings = {.lock = PTHREAD_MUTEX_INITIALIZER,
             .shelf = {.item = sizeof(text)}};

/* Under the lock. */
static uint32_t find_interned(uint64_t hash, const char *s, size_t len) {
  lab_table_walk walk = lab_table_find(&strings.table, hash);
  for (uint32_t id; (id = lab_table_next(&walk));) {
    const text *t = lab_shelf_at(&strings.shelf, id - 1);
    if (t->len == len && memcmp(t->s, s, len) == 0)
      return id;
  }
  return 0;
}

const char *lab_intern_string(const char *s, size_t len) {
  uint64_t hash = lab_intern_hash(s, len, 0);
  pthread_mutex_lock(&strings.lock);
  uint32_t id = find_interned(hash, s, len);
  if (id == 0) {
    id = ++strings.count;
    text *t = lab_shelf_make(&strings.shelf, id - 1);
    t->s = lab_intern_copy(&strings.pool, s, len);
    t->len = len;
    lab_intern_add(&strings.table, hash, id);
  }
  const text *found = lab_shelf_at(&strings.shelf, id - 1);
  pthread_mutex_unlock(&strings.lock);
  return found->s;
}

const char *lab_intern_text(const char *s) {
  size_t len = strlen(s);
  if (lab_plain_is(s, len) && !memchr(s, '\t', len))
    return lab_intern_string(s, len);
  lab_buf valid = LAB_BUF_INIT, plain = LAB_BUF_INIT;
  lab_utf8_append(&valid, s, len);
  lab_plain_append_word(&plain, valid.data, valid.len);
  const char *kept = lab_intern_string(plain.data, plain.len);
  lab_buf_free(&valid);
  lab_buf_free(&plain);
  return kept;
}
