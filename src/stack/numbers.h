/* SPDX-License-Identifier: MIT
 * An array of pointers whose places are used in order, once each, and given
 * back in any order. It takes memory for the range of places in use, about, and
 * not for all that were ever used: a block of LAB_NUMBERS_BLOCK places goes
 * when all of them have been used and given back.
 *
 * Internal to src/stack. All zeros is an empty array. Threads: one writer at a
 * time, and any number of readers beside it. Signal handlers: may read. */
#ifndef LAB_STACK_NUMBERS_H
#define LAB_STACK_NUMBERS_H

#include <stdatomic.h>
#include <stdint.h>

enum {
  LAB_NUMBERS_BLOCK = 512,
  LAB_NUMBERS_MAX = LAB_NUMBERS_BLOCK * LAB_NUMBERS_BLOCK * 2048,
};

typedef struct lab_numbers_block {
  _Atomic(void *) places[LAB_NUMBERS_BLOCK];
} lab_numbers_block;

typedef struct lab_numbers_row {
  _Atomic(lab_numbers_block *) blocks[LAB_NUMBERS_BLOCK];
  uint16_t given_back[LAB_NUMBERS_BLOCK]; /* places of each */
} lab_numbers_row;

typedef struct lab_numbers {
  _Atomic(lab_numbers_row *)
      rows[LAB_NUMBERS_MAX / LAB_NUMBERS_BLOCK / LAB_NUMBERS_BLOCK];
} lab_numbers;

/* What is at place I, which must be less than LAB_NUMBERS_MAX. NULL: nothing
 * yet, or nothing any more. */
void *lab_numbers_at(lab_numbers *n, uint32_t i);
/* Puts P, which isn't NULL, at place I, the first one that wasn't used yet. */
void lab_numbers_put(lab_numbers *n, uint32_t i, void *p);
/* Gives place I back, where something is. Returns a block that isn't used any
 * more, or NULL. The caller gives it to lab_numbers_free_block when no reader
 * can be in it. */
lab_numbers_block *lab_numbers_remove(lab_numbers *n, uint32_t i);
/* Accepts NULL. */
void lab_numbers_free_block(lab_numbers_block *b);

#endif
