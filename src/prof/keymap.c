/* SPDX-License-Identifier: MIT
 * See keymap.h. Key I has number I + 1 in the table. */
#include "prof/keymap.h"

#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"

enum { FIRST_KEYS = 32 };

static uint64_t hash_key(const lab_key *k) {
  return lab_hash_u64(k->a ^ lab_hash_u64(k->b ^ lab_hash_u64(k->c + 1)));
}

static bool is_same_key(const lab_key *x, const lab_key *y) {
  return x->a == y->a && x->b == y->b && x->c == y->c;
}

static void grow_keys(lab_keymap *m) {
  m->cap = m->cap ? 2 * m->cap : FIRST_KEYS;
  m->keys = lab_xrealloc(m->keys, m->cap * sizeof *m->keys);
}

static size_t find_key(const lab_keymap *m, const lab_key *key, uint64_t hash) {
  lab_table_walk walk = lab_table_find(&m->table, hash);
  for (uint32_t id; (id = lab_table_next(&walk));)
    if (is_same_key(&m->keys[id - 1], key))
      return id - 1;
  return m->count;
}

size_t lab_keymap_find(const lab_keymap *m, lab_key key) {
  return find_key(m, &key, hash_key(&key));
}

size_t lab_keymap_add(lab_keymap *m, lab_key key) {
  uint64_t hash = hash_key(&key);
  size_t i = find_key(m, &key, hash);
  if (i < m->count)
    return i;
  if (m->count == m->cap)
    grow_keys(m);
  m->keys[m->count++] = key;
  lab_table_add(&m->table, hash, (uint32_t)m->count);
  return m->count - 1;
}

size_t lab_keymap_bytes(const lab_keymap *m) {
  return lab_table_bytes(&m->table) + m->cap * sizeof *m->keys;
}

void lab_keymap_free(lab_keymap *m) {
  lab_xfree(m->keys);
  lab_table_free(&m->table);
  memset(m, 0, sizeof *m);
}
