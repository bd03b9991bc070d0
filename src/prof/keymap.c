/* SPDX-License-Identifier: MIT
 * See keymap.h. Open addressing with linear probing, at most half full. */
#include "prof/keymap.h"

#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"

enum { FIRST_SLOTS = 256 };

static uint64_t hash_of(const lab_key *k) {
  return lab_hash_u64(k->a ^ lab_hash_u64(k->b ^ lab_hash_u64(k->c + 1)));
}

static bool same(const lab_key *x, const lab_key *y) {
  return x->a == y->a && x->b == y->b && x->c == y->c;
}

static void enter(lab_keymap *m, size_t number) {
  size_t i = hash_of(&m->keys[number]) & (m->nslots - 1);
  while (m->slots[i])
    i = (i + 1) & (m->nslots - 1);
  m->slots[i] = (uint32_t)number + 1;
}

static void grow(lab_keymap *m) {
  m->nslots = m->nslots ? 2 * m->nslots : FIRST_SLOTS;
  lab_xfree(m->slots);
  m->slots = lab_xcalloc(m->nslots, sizeof *m->slots);
  m->keys = lab_xrealloc(m->keys, m->nslots / 2 * sizeof *m->keys);
  for (size_t i = 0; i < m->count; i++)
    enter(m, i);
}

size_t lab_keymap_add(lab_keymap *m, lab_key key) {
  if (m->count == m->nslots / 2)
    grow(m);
  size_t i = hash_of(&key) & (m->nslots - 1);
  for (; m->slots[i]; i = (i + 1) & (m->nslots - 1))
    if (same(&m->keys[m->slots[i] - 1], &key))
      return m->slots[i] - 1;
  m->keys[m->count++] = key;
  m->slots[i] = (uint32_t)m->count;
  return m->count - 1;
}

size_t lab_keymap_bytes(const lab_keymap *m) {
  return m->nslots * sizeof *m->slots + m->nslots / 2 * sizeof *m->keys;
}

void lab_keymap_free(lab_keymap *m) {
  lab_xfree(m->keys);
  lab_xfree(m->slots);
  memset(m, 0, sizeof *m);
}
