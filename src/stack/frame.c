/* SPDX-License-Identifier: MIT
 * See frame.h. This is the function table.
 *
 * A Lua function is looked up for every frame of every sample and of every
 * sampled allocation, so that takes no lock (base/table.h); only a new
 * function takes the mutex. The whole name of the chunk is compared each time:
 * equal pointers don't mean equal names, because Lua may have freed the string
 * and put another one in its place. */
#include "stack/frame.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "stack/intern.h"
#include "stack/sources.h"

typedef struct key {
  lab_func_kind kind;
  const char *text; /* source, or name */
  size_t len;
  int line, order;
  const void *address;
} key;

typedef struct entry {
  lab_func func;
  size_t len; /* of its source or name */
} entry;

static struct {
  pthread_mutex_t lock;
  lab_shelf shelf;
  lab_table table;
  lab_intern_pool pool;
  atomic_uint count;
} funcs = {.lock = PTHREAD_MUTEX_INITIALIZER,
           .shelf = {.item = sizeof(entry)},
           .table = {.shared = true}};

/* A C function is known by its address, whatever its name. */
static uint64_t hash_func_key(const key *k) {
  if (k->kind == LAB_FUNC_C)
    return lab_hash_u64((uintptr_t)k->address);
  return lab_intern_hash(k->text, k->len,
                         (uint64_t)k->order << 40 ^ (uint64_t)k->kind << 32 ^
                             (uint32_t)k->line);
}

static bool is_func_of_key(const entry *e, const key *k) {
  if (e->func.kind != k->kind)
    return false;
  if (k->kind == LAB_FUNC_C)
    return e->func.address == k->address;
  const char *text = k->kind == LAB_FUNC_LUA ? e->func.source : e->func.name;
  return e->func.line == k->line && e->func.order == k->order &&
         e->len == k->len && memcmp(text, k->text, k->len) == 0;
}

/* The id of the function with key K, or 0. Takes no lock. */
static uint32_t find_func(const key *k, uint64_t hash) {
  lab_table_walk walk = lab_table_find(&funcs.table, hash);
  uint32_t id = lab_table_next(&walk);
  while (id && !is_func_of_key(lab_shelf_at(&funcs.shelf, id - 1), k))
    id = lab_table_next(&walk);
  return id;
}

/* Under the lock. */
static uint32_t add_func(const key *k, uint64_t hash, bool hidden,
                         bool of_file) {
  uint32_t id = atomic_load_explicit(&funcs.count, memory_order_relaxed) + 1;
  entry *e = lab_shelf_make(&funcs.shelf, id - 1);
  const char *text = lab_intern_copy(&funcs.pool, k->text, k->len);
  e->func = (lab_func){.kind = k->kind,
                       .source = k->kind == LAB_FUNC_LUA ? text : NULL,
                       .line = k->line,
                       .order = k->order,
                       .of_file = of_file,
                       .address = k->address,
                       .name = k->kind == LAB_FUNC_LUA ? NULL : text,
                       .hidden = hidden};
  e->len = k->len;
  atomic_store_explicit(&funcs.count, id, memory_order_release);
  lab_intern_add(&funcs.table, hash, id);
  return id;
}

/* C functions and pseudo functions are few. */
static bool is_func_of_file(const key *k) {
  char chunk[LAB_FUNC_NAME_MAX + 1];
  if (k->kind != LAB_FUNC_LUA)
    return true;
  memcpy(chunk, k->text, k->len);
  chunk[k->len] = '\0';
  return lab_sources_has(chunk, k->line, k->order);
}

static uint32_t find_or_add_func(const key *k, bool hidden) {
  uint64_t hash = hash_func_key(k);
  uint32_t id = find_func(k, hash);
  if (id)
    return id;
  static const char full[] = "[too many functions]";
  static const key full_key = {
      LAB_FUNC_PSEUDO, full, sizeof full - 1, 0, 0, NULL};
  bool of_file = is_func_of_file(k);
  pthread_mutex_lock(&funcs.lock);
  if (atomic_load_explicit(&funcs.count, memory_order_relaxed) >=
          LAB_FUNC_LIMIT ||
      (k->kind == LAB_FUNC_LUA && !lab_intern_has_room(of_file))) {
    k = &full_key;
    hash = hash_func_key(k);
  }
  id = find_func(k, hash);
  if (id == 0)
    id = add_func(k, hash, hidden, of_file);
  pthread_mutex_unlock(&funcs.lock);
  return id;
}

static size_t cut_length(size_t len) {
  return len < LAB_FUNC_NAME_MAX ? len : LAB_FUNC_NAME_MAX;
}

uint32_t lab_func_lua(const char *source, size_t len, int line, int order) {
  key k = {LAB_FUNC_LUA, source, cut_length(len), line, order, NULL};
  return find_or_add_func(&k, false);
}

uint32_t lab_func_c(const void *address, const char *name, bool hidden) {
  key k = {LAB_FUNC_C, name, cut_length(strlen(name)), 0, 0, address};
  return find_or_add_func(&k, hidden);
}

uint32_t lab_func_pseudo(const char *name) {
  key k = {LAB_FUNC_PSEUDO, name, cut_length(strlen(name)), 0, 0, NULL};
  return find_or_add_func(&k, false);
}

/* The number stands where other frames have their line. */
static uint32_t find_left_out(void) {
  static atomic_uint known;
  uint32_t id = atomic_load_explicit(&known, memory_order_relaxed);
  if (id == 0) {
    id = lab_func_pseudo("[... frames left out ...]");
    atomic_store_explicit(&known, id, memory_order_relaxed);
  }
  return id;
}

lab_frame lab_frame_left_out(size_t n) {
  return lab_frame_script(find_left_out(), n < INT_MAX ? (int)n : INT_MAX);
}

size_t lab_frame_count_left_out(lab_frame f) {
  return lab_frame_is_script(f) && lab_frame_func(f) == find_left_out()
             ? (size_t)lab_frame_line(f)
             : 0;
}

size_t lab_frame_name_left_out(char out[LAB_LEFT_OUT_NAME], size_t n) {
  return (size_t)snprintf(out, LAB_LEFT_OUT_NAME,
                          "[... %zu frames left out ...]", n);
}

uint32_t lab_func_find_c(const void *address) {
  key k = {LAB_FUNC_C, NULL, 0, 0, 0, address};
  return find_func(&k, hash_func_key(&k));
}

const lab_func *lab_func_get(uint32_t id) {
  if (id == 0 || id > atomic_load_explicit(&funcs.count, memory_order_acquire))
    return NULL;
  return &((const entry *)lab_shelf_at(&funcs.shelf, id - 1))->func;
}
