/* SPDX-License-Identifier: MIT
 * What this module's tables are made of. All but that of stacks (stack.h) only
 * ever grow: things are made once and stay, so a pointer to one is valid for
 * ever, and a reader needs no lock. Internal to src/stack.
 *
 *   lab_intern_pool   memory that is never given back
 *   lab_shelf         an array whose elements never move
 *   lab_table         from a key's hash to the number of its element
 *                     (base/table.h)
 *
 * Threads: one writer at a time, the one that holds the owner's mutex, and any
 * number of readers beside it. Signal handlers: only lab_shelf_at. */
#ifndef LAB_STACK_INTERN_H
#define LAB_STACK_INTERN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/table.h"

/* What a script can make any number of gets no further room when the tables
 * have SOFT bytes; nothing does when they have HARD ones. But a visit of a step
 * may take no more than three quarters of what is left of either, so that there
 * is room for the next one. When that is used up the visit may still add
 * VISIT_ADDS things, as long as the tables have less than HARD + SPARE bytes.
 */
enum {
  LAB_STACK_SOFT_BYTES = 48 << 20,
  LAB_STACK_HARD_BYTES = 96 << 20,
  LAB_STACK_SPARE_BYTES = 32 << 20,
  LAB_STACK_VISIT_ADDS = 1000,
};

/* Bytes that all pools, shelves and tables of this module have taken. */
size_t lab_intern_bytes(void);
/* Whether there is room for one more; OF_FILE: for what comes from a file. Ask
 * once for each thing that is to be added. */
bool lab_intern_has_room(bool of_file);
/* Replaces both numbers, also for the present visit. */
void lab_intern_set_room(size_t soft, size_t hard);
/* A visit of a step begins. */
void lab_intern_renew_room(void);

/* SIZE bytes of zeros, which lab_intern_bytes counts until they are given
 * back. */
void *lab_intern_take(size_t size);
void lab_intern_give_back(void *p, size_t size);

/* ---- pools: {0} is an empty one ------------------------------------------ */

typedef struct lab_intern_pool {
  char *at;
  size_t left;
  size_t chunk; /* bytes to take next */
} lab_intern_pool;

/* SIZE bytes, aligned for a uint64_t, not initialized. */
void *lab_intern_alloc(lab_intern_pool *pool, size_t size);
/* A copy of the LEN bytes of S, with a final 0. */
const char *lab_intern_copy(lab_intern_pool *pool, const char *s, size_t len);

/* ---- shelves: {.item = sizeof(element)} is an empty one ------------------ */

typedef struct lab_shelf {
  size_t item;
  _Atomic(char *) segments[24]; /* each twice as long as the one before */
} lab_shelf;

/* Element I, which must exist. Takes no lock. */
void *lab_shelf_at(lab_shelf *shelf, uint32_t i);
/* The place of element I, all zeros at first. Makes room for it. Writer only.
 */
void *lab_shelf_make(lab_shelf *shelf, uint32_t i);

/* ---- tables -------------------------------------------------------------- */

/* lab_table_add, and lab_intern_bytes counts what the table takes. */
void lab_intern_add(lab_table *table, uint64_t hash, uint32_t id);
/* lab_table_free, and the bytes aren't counted any more. */
void lab_intern_clear(lab_table *table);

/* ---- hashing and strings ------------------------------------------------- */

/* A well mixed hash of LEN bytes, eight at a time: 3 ns for a path. */
uint64_t lab_intern_hash(const void *bytes, size_t len, uint64_t seed);

/* The one copy of a string, valid for ever. Any thread. */
const char *lab_intern_string(const char *s, size_t len);
/* The same for a text that is to be shown: S as valid UTF-8 (base/utf8.h), and
 * plain (base/plain.h), as profiles are read in terminals. Scripts give names
 * to chunks and functions, and may have ESC in them. */
const char *lab_intern_text(const char *s);

#endif
