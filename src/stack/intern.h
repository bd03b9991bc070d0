/* SPDX-License-Identifier: MIT
 * The building blocks of this module's tables, which only ever grow: things
 * that are made once and stay, so that a pointer to one is valid for ever and
 * a reader needs no lock. Internal to src/stack.
 *
 *   lab_arena   memory that is never given back
 *   lab_shelf   an array whose elements never move
 *   lab_intern_index   a hash index: from a key to the id of an element
 *
 * One writer at a time (the owner's mutex), any number of readers beside it.
 * Never in a signal handler, but for lab_shelf_at. */
#ifndef LAB_STACK_INTERN_H
#define LAB_STACK_INTERN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that all arenas, shelves and indexes have taken so far. */
size_t lab_intern_bytes(void);

/* ---- arena: {0} is an empty one ------------------------------------------ */

typedef struct lab_arena {
  char *at;
  size_t left;
} lab_arena;

/* SIZE bytes, aligned for a uint64_t, not initialized. */
void *lab_arena_alloc(lab_arena *a, size_t size);
/* A copy of S with a final 0. */
const char *lab_arena_string(lab_arena *a, const char *s, size_t len);

/* ---- shelf: {.item = sizeof(element)} is an empty one ---------------------
 */

typedef struct lab_shelf {
  size_t item;
  _Atomic(char *) segments[24]; /* each twice as long as the one before */
} lab_shelf;

/* Element I, which has to exist. Lock-free. */
void *lab_shelf_at(lab_shelf *shelf, uint32_t i);
/* The place of element I, zeros at first; makes room for it. Writer only. */
void *lab_shelf_make(lab_shelf *shelf, uint32_t i);

/* ---- index: {0} is an empty one -------------------------------------------
 */

typedef struct lab_intern_index {
  _Atomic(struct lab_intern_index_table *) table;
  uint32_t used;
} lab_intern_index;

/* True if element ID is the one with KEY. */
typedef bool lab_intern_index_equal(uint32_t id, const void *key);

/* The id of the element with KEY, or 0. Lock-free: an element that is being
 * added at this moment may be missed, so a writer looks again under its
 * lock. */
uint32_t lab_intern_index_find(lab_intern_index *index, uint64_t hash,
                               lab_intern_index_equal *equal, const void *key);
/* Adds ID (not 0); what it stands for must be complete. Writer only. */
void lab_intern_index_add(lab_intern_index *index, uint64_t hash, uint32_t id);

/* ---- hashing and strings ---------------------------------------------------
 */

/* A hash of LEN bytes, eight at a time: 3 ns for a path. */
uint64_t lab_intern_hash(const void *bytes, size_t len, uint64_t seed);

/* The one copy of a string, valid for ever. Any thread. */
const char *lab_intern_string(const char *s, size_t len);

#endif
