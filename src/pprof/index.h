/* SPDX-License-Identifier: MIT
 * A hash index: from a hash to the ids that have it. The things themselves,
 * and what makes two of them equal, are the caller's:
 *
 *   size_t at;
 *   for (id = lab_index_first(ix, h, &at); id; id = lab_index_next(ix, h, &at))
 *     if (equal(things[id], wanted))
 *       return id;
 *   lab_index_add(ix, h, new_id);
 *
 * Ids are 1 and up, hashes well mixed. Nothing is ever removed.
 * All zeros is an empty index. Threads: one at a time. */
#ifndef LAB_PPROF_INDEX_H
#define LAB_PPROF_INDEX_H

#include <stddef.h>
#include <stdint.h>

struct lab_index_slot {
  uint32_t hash; /* lower half */
  uint32_t id;   /* 0: free */
};

typedef struct lab_index {
  struct lab_index_slot *slots; /* open addressing, linear probing */
  size_t cap;                   /* 0 or a power of two */
  size_t used;
} lab_index;

/* The first, and each further id added under HASH, 0 when there is no more.
 * Another hash with the same lower half may come up too: rarely. *AT is the
 * walk's place; adding invalidates it. */
uint32_t lab_index_first(const lab_index *ix, uint64_t hash, size_t *at);
uint32_t lab_index_next(const lab_index *ix, uint64_t hash, size_t *at);

void lab_index_add(lab_index *ix, uint64_t hash, uint32_t id);

/* Gives the memory back; the index is empty again. */
void lab_index_free(lab_index *ix);

#endif
