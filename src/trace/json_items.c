/* SPDX-License-Identifier: MIT
 * See json_items.h. Open addressing with linear probing, at most half full. */
#include "trace/json_items.h"

#include "base/alloc.h"
#include "base/hash.h"

static lab_trace_item *find_item_slot(const lab_trace_items *m, uint64_t key) {
  size_t i = lab_hash_u64(key) & (m->size - 1);
  while (m->items[i].key && m->items[i].key != key)
    i = (i + 1) & (m->size - 1);
  return &m->items[i];
}

lab_trace_item *lab_trace_items_find(const lab_trace_items *m, uint64_t key) {
  lab_trace_item *at = m->size ? find_item_slot(m, key) : NULL;
  return at && at->key ? at : NULL;
}

lab_trace_item *lab_trace_items_add(lab_trace_items *m, uint64_t key) {
  if (2 * (m->count + 1) > m->size) {
    lab_trace_items larger = {NULL, m->size ? 2 * m->size : 64, m->count};
    larger.items = lab_xcalloc(larger.size, sizeof *larger.items);
    for (size_t i = 0; i < m->size; i++)
      if (m->items[i].key)
        *find_item_slot(&larger, m->items[i].key) = m->items[i];
    lab_xfree(m->items);
    *m = larger;
  }
  lab_trace_item *at = find_item_slot(m, key);
  m->count += at->key == 0;
  *at = (lab_trace_item){.key = key};
  return at;
}

/* What follows moves up, so that it is still found. */
void lab_trace_items_drop(lab_trace_items *m, lab_trace_item *at) {
  size_t hole = (size_t)(at - m->items), mask = m->size - 1;
  for (size_t i = (hole + 1) & mask; m->items[i].key; i = (i + 1) & mask) {
    size_t home = lab_hash_u64(m->items[i].key) & mask;
    if (((i - home) & mask) >= ((i - hole) & mask)) {
      m->items[hole] = m->items[i];
      hole = i;
    }
  }
  m->items[hole].key = 0;
  m->count--;
}

void lab_trace_items_free(lab_trace_items *m) {
  lab_xfree(m->items);
  *m = (lab_trace_items){0};
}

/* ---- open regions -------------------------------------------------------- */

void lab_trace_open_push(lab_trace_open_names *o, uint32_t *innermost,
                         uint32_t name) {
  uint32_t place = o->free;
  if (place) {
    o->free = o->all[place - 1].outer;
  } else {
    if ((o->count & (o->count - 1)) == 0) /* full at powers of two */
      o->all = lab_xrealloc(o->all, (o->count ? 2 * (size_t)o->count : 1) *
                                        sizeof *o->all);
    place = ++o->count;
  }
  o->all[place - 1] = (lab_trace_open_name){name, *innermost};
  *innermost = place;
}

uint32_t lab_trace_open_pop(lab_trace_open_names *o, uint32_t *innermost) {
  uint32_t place = *innermost;
  lab_trace_open_name of = o->all[place - 1];
  *innermost = of.outer;
  o->all[place - 1].outer = o->free;
  o->free = place;
  return of.name;
}

void lab_trace_open_free(lab_trace_open_names *o) {
  lab_xfree(o->all);
  *o = (lab_trace_open_names){0};
}

/* ---- slices -------------------------------------------------------------- */

lab_trace_slice lab_trace_slice_after(uint64_t *next, uint64_t from,
                                      uint64_t to) {
  lab_trace_slice s = {from > *next ? from : *next, to};
  if (s.to < s.from)
    s.to = s.from;
  *next = s.to + 1;
  return s;
}
