/* SPDX-License-Identifier: MIT
 * The hash table: see table.h. Open addressing with linear probing, at most
 * half full, so that a search is short and always ends at a free slot.
 *
 * A slot is written once, as a whole and with release order, so a reader sees
 * either nothing or a complete entry. When the table is full, all entries are
 * copied into one of twice the size before readers get to see it. */
#include "base/table.h"

#include "base/alloc.h"
#include "base/err.h"

enum { FIRST_SLOTS = 64 };

static lab_table_slots *get_slots(const lab_table *t) {
  return atomic_load_explicit(&t->current, memory_order_relaxed);
}

static size_t count_slot_bytes(const lab_table_slots *s) {
  return sizeof *s + ((size_t)s->mask + 1) * sizeof s->slots[0];
}

static void put_slot(lab_table_slots *s, uint64_t slot) {
  uint32_t at = (uint32_t)(slot >> 32);
  while (atomic_load_explicit(&s->slots[at & s->mask], memory_order_relaxed))
    at++;
  atomic_store_explicit(&s->slots[at & s->mask], slot, memory_order_release);
}

static lab_table_slots *grow_table(lab_table *t) {
  lab_table_slots *old = get_slots(t);
  size_t n = old ? 2 * ((size_t)old->mask + 1) : FIRST_SLOTS;
  LAB_ASSERT(n <= (size_t)UINT32_MAX + 1);
  lab_table_slots *s = lab_xcalloc(1, sizeof *s + n * sizeof s->slots[0]);
  s->mask = (uint32_t)(n - 1);
  for (size_t i = 0; old && i <= old->mask; i++) {
    uint64_t slot = atomic_load_explicit(&old->slots[i], memory_order_relaxed);
    if (slot)
      put_slot(s, slot);
  }
  if (t->shared)
    s->older = old;
  atomic_store_explicit(&t->current, s, memory_order_release);
  if (!t->shared)
    lab_xfree(old);
  return s;
}

void lab_table_add(lab_table *t, uint64_t hash, uint32_t id) {
  lab_table_slots *s = get_slots(t);
  LAB_ASSERT(id > 0);
  if (!s || t->used > s->mask / 2)
    s = grow_table(t);
  put_slot(s, (hash & 0xffffffff00000000ull) | id);
  t->used++;
}

size_t lab_table_bytes(const lab_table *t) {
  size_t bytes = 0;
  for (const lab_table_slots *s = get_slots(t); s; s = s->older)
    bytes += count_slot_bytes(s);
  return bytes;
}

void lab_table_free(lab_table *t) {
  lab_table_slots *s = get_slots(t);
  atomic_store_explicit(&t->current, NULL, memory_order_relaxed);
  t->used = 0;
  while (s) {
    lab_table_slots *older = s->older;
    lab_xfree(s);
    s = older;
  }
}
