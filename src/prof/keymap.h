/* SPDX-License-Identifier: MIT
 * A hash table from keys of three numbers to 0, 1, 2, ... in the order in which
 * the keys were first seen. A module that counts something per key has an array
 * that is indexed by these numbers:
 *
 *   size_t i = lab_keymap_add(&m, (lab_key){stack, label, size});
 *   if (i == known) ... a new key: make values[i] ...
 *
 * Keys are never removed, so a copy of the first n values stays true to the
 * first n keys. Internal to src/prof. All zeros is an empty table. Memory is
 * lab_xmalloc's. Threads: the owner's lock. */
#ifndef LAB_PROF_KEYMAP_H
#define LAB_PROF_KEYMAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/table.h"

typedef struct lab_key {
  uint64_t a, b, c;
} lab_key;

typedef struct lab_keymap {
  lab_key *keys; /* in order of their numbers */
  size_t count, cap;
  lab_table table; /* by content */
} lab_keymap;

/* The number of KEY; m->count if it isn't there. */
size_t lab_keymap_find(const lab_keymap *m, lab_key key);
/* The same, but a new KEY is added: its number is the former m->count. */
size_t lab_keymap_add(lab_keymap *m, lab_key key);
/* Bytes taken. */
size_t lab_keymap_bytes(const lab_keymap *m);
/* Gives the memory back; the table is empty again. */
void lab_keymap_free(lab_keymap *m);

#endif
