/* SPDX-License-Identifier: MIT
 * The buckets of the heap profile: one for each (stack, label, size).
 *
 * A step may allocate at any number of places and sizes. So when a visit has
 * made LAB_HEAP_LIMIT buckets, what has no bucket goes into one of all sizes
 * for its stack, step and route. When there are LAB_HEAP_MIXED of those, too,
 * it goes into the step's and route's "[too many allocation sites]". No byte is
 * lost. The visit that is served has room of its own.
 *
 * When a visit begins and there are more than LAB_HEAP_KEPT buckets, those that
 * have nothing in use are joined in the same two ways; the second one is called
 * "[allocations of steps left before]".
 *
 * A bucket keeps its place while anything in it is in use, and its serial
 * always. Internal to src/prof; threads: heap.c's lock. */
#ifndef LAB_PROF_HEAP_TABLE_H
#define LAB_PROF_HEAP_TABLE_H

#include "base/table.h"
#include "prof/heap_internal.h"

enum {
  LAB_HEAP_LIMIT = 150000, /* some 35 MB, until the step is left */
  LAB_HEAP_MIXED = 10000,
  LAB_HEAP_KEPT = 2000,
};

/* Whose the bucket would be. */
typedef enum lab_heap_maker {
  LAB_HEAP_PRESENT, /* the visit that is served */
  LAB_HEAP_OTHERS,
  LAB_HEAP_MAKERS
} lab_heap_maker;

/* All zeros is an empty table. */
typedef struct lab_heap_table {
  lab_buf buckets;  /* lab_heap_bucket[]; free places have the serial 0 */
  lab_table by_key; /* place + 1 */
  lab_buf free;     /* uint32_t[]: the free places */
  size_t count;     /* buckets that aren't free */
  uint64_t serial;  /* the last one */
  uint32_t made[LAB_HEAP_MAKERS][2]; /* with a size; of all sizes */
} lab_heap_table;

/* The place of the bucket for S, which is made if there is none. */
uint32_t lab_heap_table_place(lab_heap_table *t, const lab_mem_sample *s,
                              lab_heap_maker maker);
lab_heap_bucket *lab_heap_table_at(const lab_heap_table *t, uint32_t place);
/* Places, free ones included. */
size_t lab_heap_table_places(const lab_heap_table *t);
/* A visit begins: joins buckets if there are too many, and gives it room. */
void lab_heap_table_renew(lab_heap_table *t);
/* The stack of what lab_heap_table_renew has joined. */
uint32_t lab_heap_left_stack(void);
/* Bytes taken. */
size_t lab_heap_table_bytes(const lab_heap_table *t);

#endif
