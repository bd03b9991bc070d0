/* SPDX-License-Identifier: MIT
 * The buckets of the block or mutex profile: one for each (stack, label).
 *
 * A step may have any number of them. So when a visit has made
 * LAB_CONTENTION_LIMIT buckets, what has no bucket goes into one for its stack,
 * step and route; and when there are as many of those, into the step's and
 * route's "[too many contention sites]". The visit that is served has room of
 * its own. When a visit begins and there are more than LAB_CONTENTION_KEPT
 * buckets, they are joined in the same two ways; the second one is called
 * "[contentions of steps left before]". No contention is lost.
 *
 * Internal to src/prof; threads: contention.c's lock. */
#ifndef LAB_PROF_CONTENTION_TABLE_H
#define LAB_PROF_CONTENTION_TABLE_H

#include "base/buf.h"
#include "prof/contention_internal.h"
#include "prof/keymap.h"

enum {
  LAB_CONTENTION_LIMIT = 10000,
  LAB_CONTENTION_KEPT = 2000,
  LAB_CONTENTION_LATEST = 16,
};

/* All zeros is an empty table. */
typedef struct lab_contention_table {
  lab_keymap keys; /* (stack, label) -> ... */
  lab_buf buckets; /* ... lab_contention_bucket[] */
  /* The numbers of buckets used lately, each at a place that follows from its
   * stack. Any number of a bucket is valid here. */
  uint32_t latest[LAB_CONTENTION_LATEST];
  uint64_t serial;     /* the last one */
  uint32_t made[2][2]; /* by the present visit or not; with all labels or not */
} lab_contention_table;

/* The bucket for STACK and LABEL, which is made if there is none; valid until
 * the next call. */
lab_contention_bucket *lab_contention_table_at(lab_contention_table *t,
                                               uint32_t stack, uint32_t label,
                                               bool is_present);
/* A visit begins: joins buckets if there are too many, and gives it room. */
void lab_contention_table_renew(lab_contention_table *t);
/* The stack of what lab_contention_table_renew has joined. */
uint32_t lab_contention_left_stack(void);
/* Bytes taken. */
size_t lab_contention_table_bytes(const lab_contention_table *t);

#endif
