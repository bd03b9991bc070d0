/* SPDX-License-Identifier: MIT
 * See frame.h. The function table.
 *
 * A Lua function is looked up for every frame of every sample and of every
 * sampled allocation, so finding is lock-free (intern.h); only a new function
 * takes the mutex. The chunk's name is compared as a whole each time: the
 * pointer that Lua gives can't be trusted, since the string it points to may
 * have been collected and another one may live there. */
#include "stack/frame.h"

#include <pthread.h>
#include <string.h>

#include "base/hash.h"
#include "stack/intern.h"

typedef struct key {
  lab_func_kind kind;
  const char *text; /* source, or name */
  size_t len;
  int line;
  const void *address;
} key;

typedef struct entry {
  lab_func func;
  size_t len; /* of its source or name */
} entry;

static struct {
  pthread_mutex_t lock;
  lab_shelf shelf;
  lab_intern_index index;
  lab_arena arena;
  atomic_uint count;
} funcs = {.lock = PTHREAD_MUTEX_INITIALIZER, .shelf = {.item = sizeof(entry)}};

/* A C function is its address; whatever it was called when it came first. */
static uint64_t key_hash(const key *k) {
  if (k->kind == LAB_FUNC_C)
    return lab_hash_u64((uintptr_t)k->address);
  return lab_intern_hash(k->text, k->len,
                         (uint64_t)k->kind << 32 | (uint32_t)k->line);
}

static bool key_equal(uint32_t id, const void *arg) {
  const entry *e = lab_shelf_at(&funcs.shelf, id - 1);
  const key *k = arg;
  if (e->func.kind != k->kind)
    return false;
  if (k->kind == LAB_FUNC_C)
    return e->func.address == k->address;
  const char *text = k->kind == LAB_FUNC_LUA ? e->func.source : e->func.name;
  return e->func.line == k->line && e->len == k->len &&
         memcmp(text, k->text, k->len) == 0;
}

/* Under the lock. */
static uint32_t add(const key *k, uint64_t hash, bool hidden) {
  uint32_t id = atomic_load_explicit(&funcs.count, memory_order_relaxed) + 1;
  entry *e = lab_shelf_make(&funcs.shelf, id - 1);
  const char *text = lab_arena_string(&funcs.arena, k->text, k->len);
  e->func = (lab_func){.kind = k->kind,
                       .source = k->kind == LAB_FUNC_LUA ? text : NULL,
                       .line = k->line,
                       .address = k->address,
                       .name = k->kind == LAB_FUNC_LUA ? NULL : text,
                       .hidden = hidden};
  e->len = k->len;
  atomic_store_explicit(&funcs.count, id, memory_order_release);
  lab_intern_index_add(&funcs.index, hash, id);
  return id;
}

static uint32_t find_or_add(const key *k, bool hidden) {
  uint64_t hash = key_hash(k);
  uint32_t id = lab_intern_index_find(&funcs.index, hash, key_equal, k);
  if (id)
    return id;
  static const char full[] = "[too many functions]";
  static const key full_key = {LAB_FUNC_PSEUDO, full, sizeof full - 1, 0, NULL};
  pthread_mutex_lock(&funcs.lock);
  if (atomic_load_explicit(&funcs.count, memory_order_relaxed) >=
      LAB_FUNC_LIMIT) {
    k = &full_key;
    hash = key_hash(k);
  }
  id = lab_intern_index_find(&funcs.index, hash, key_equal, k);
  if (id == 0)
    id = add(k, hash, hidden);
  pthread_mutex_unlock(&funcs.lock);
  return id;
}

static size_t cut(size_t len) {
  return len < LAB_FUNC_NAME_MAX ? len : LAB_FUNC_NAME_MAX;
}

uint32_t lab_func_lua(const char *source, size_t len, int line) {
  key k = {LAB_FUNC_LUA, source, cut(len), line, NULL};
  return find_or_add(&k, false);
}

uint32_t lab_func_c(const void *address, const char *name, bool hidden) {
  key k = {LAB_FUNC_C, name, cut(strlen(name)), 0, address};
  return find_or_add(&k, hidden);
}

uint32_t lab_func_pseudo(const char *name) {
  key k = {LAB_FUNC_PSEUDO, name, cut(strlen(name)), 0, NULL};
  return find_or_add(&k, false);
}

uint32_t lab_func_find_c(const void *address) {
  key k = {LAB_FUNC_C, NULL, 0, 0, address};
  return lab_intern_index_find(&funcs.index, key_hash(&k), key_equal, &k);
}

const lab_func *lab_func_get(uint32_t id) {
  if (id == 0 || id > atomic_load_explicit(&funcs.count, memory_order_acquire))
    return NULL;
  return &((const entry *)lab_shelf_at(&funcs.shelf, id - 1))->func;
}
