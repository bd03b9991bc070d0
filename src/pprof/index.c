/* SPDX-License-Identifier: MIT
 * See index.h. At most two thirds of the slots are used, so that every probe
 * sequence is short and ends at a free slot. */
#include "pprof/index.h"

#include "base/alloc.h"

enum { FIRST_CAP = 64 };

/* The id at *AT or behind it that has HASH; leaves *AT there. */
static uint32_t probe(const lab_index *ix, uint64_t hash, size_t *at) {
  for (;; *at = (*at + 1) & (ix->cap - 1)) {
    const struct lab_index_slot *s = &ix->slots[*at];
    if (s->id == 0 || s->hash == (uint32_t)hash)
      return s->id;
  }
}

uint32_t lab_index_first(const lab_index *ix, uint64_t hash, size_t *at) {
  if (ix->cap == 0)
    return 0;
  *at = (uint32_t)hash & (ix->cap - 1);
  return probe(ix, hash, at);
}

uint32_t lab_index_next(const lab_index *ix, uint64_t hash, size_t *at) {
  *at = (*at + 1) & (ix->cap - 1);
  return probe(ix, hash, at);
}

static void place(lab_index *ix, struct lab_index_slot slot) {
  size_t at = slot.hash & (ix->cap - 1);
  while (ix->slots[at].id != 0)
    at = (at + 1) & (ix->cap - 1);
  ix->slots[at] = slot;
}

static void grow(lab_index *ix) {
  lab_index bigger = {.cap = ix->cap ? ix->cap * 2 : FIRST_CAP,
                      .used = ix->used};
  bigger.slots = lab_xcalloc(bigger.cap, sizeof *bigger.slots);
  for (size_t i = 0; i < ix->cap; i++)
    if (ix->slots[i].id != 0)
      place(&bigger, ix->slots[i]);
  lab_xfree(ix->slots);
  *ix = bigger;
}

void lab_index_add(lab_index *ix, uint64_t hash, uint32_t id) {
  if ((ix->used + 1) * 3 > ix->cap * 2)
    grow(ix);
  place(ix, (struct lab_index_slot){(uint32_t)hash, id});
  ix->used++;
}

void lab_index_free(lab_index *ix) {
  lab_xfree(ix->slots);
  *ix = (lab_index){0};
}
