/* SPDX-License-Identifier: MIT
 * The hash table of the lab: from a hash to numbers.
 *
 * The table keeps neither keys nor values. The caller has both in an array of
 * its own, and the table finds the place in that array:
 *
 *   lab_table table = {0};
 *   uint64_t hash = lab_hash_bytes(name, len, 0);
 *   lab_table_walk walk = lab_table_find(&table, hash);
 *   uint32_t id = lab_table_next(&walk);
 *   while (id && !is_equal(&things[id - 1], name, len))
 *     id = lab_table_next(&walk);
 *   if (id == 0) {
 *     id = append_thing(name, len);   the new thing is things[id - 1]
 *     lab_table_add(&table, hash, id);
 *   }
 *   ...
 *   lab_table_free(&table);
 *
 * An id is any number from 1 up. The hash must be well mixed (base/hash.h). Its
 * upper half says where a search starts, and is compared before the caller has
 * to look at a key, so a search usually touches one cache line of the table and
 * one key. Nothing is ever removed. Adding an id twice makes two entries.
 *
 * Memory: lab_xmalloc's, so adding can't fail. 16 to 32 bytes for each id, at
 * least 528; nothing while the table is empty.
 *
 * Threads: one at a time. A table with .shared set may also be searched by any
 * number of threads without a lock while one thread adds, the one that holds
 * the owner's lock. What an id stands for must be complete before the id is
 * added. A search at the same moment may miss a new id, so a writer searches
 * again under the lock before it adds. A shared table keeps its former, smaller
 * tables until it is freed, because a reader may still be in one. That takes up
 * to twice the memory.
 *
 * Signal handlers: may search a shared table, but must not add. */
#ifndef LAB_BASE_TABLE_H
#define LAB_BASE_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One size of the table. Private to table.c and the functions below. */
typedef struct lab_table_slots {
  struct lab_table_slots *older; /* the one before; only of a shared table */
  uint32_t mask;                 /* the number of slots - 1 */
  _Atomic uint64_t slots[];      /* upper half of the hash, id; 0: free */
} lab_table_slots;

/* All zeros is an empty table. */
typedef struct lab_table {
  _Atomic(lab_table_slots *) current;
  uint32_t used;
  bool shared; /* set it before the first use, for readers without a lock */
} lab_table;

/* A search; made by lab_table_find. */
typedef struct lab_table_walk {
  const lab_table_slots *in;
  uint32_t tag; /* upper half of the hash */
  uint32_t at;  /* the next slot */
} lab_table_walk;

/* Begins a search for HASH. */
static inline lab_table_walk lab_table_find(const lab_table *t, uint64_t hash) {
  uint32_t tag = (uint32_t)(hash >> 32);
  return (lab_table_walk){
      atomic_load_explicit(&t->current, memory_order_acquire), tag, tag};
}

/* The next id that was added with this hash, or 0 at the end; don't call it
 * again then. Ids of another hash with the same upper half come up, too: the
 * caller compares the keys. */
static inline uint32_t lab_table_next(lab_table_walk *walk) {
  const lab_table_slots *in = walk->in;
  if (!in)
    return 0;
  for (;;) {
    uint64_t slot = atomic_load_explicit(&in->slots[walk->at++ & in->mask],
                                         memory_order_acquire);
    if (slot == 0 || (uint32_t)(slot >> 32) == walk->tag)
      return (uint32_t)slot;
  }
}

/* Enters ID, which must not be 0, under HASH. The caller's own searches are
 * invalid then. */
void lab_table_add(lab_table *t, uint64_t hash, uint32_t id);

/* How many bytes the table takes. */
size_t lab_table_bytes(const lab_table *t);

/* Gives the memory back; the table is empty again. No other thread may use the
 * table meanwhile. */
void lab_table_free(lab_table *t);

#endif
