/* SPDX-License-Identifier: MIT
 * See numbers.h: three levels, as those of a page table. */
#include "stack/numbers.h"

#include <stddef.h>

#include "base/err.h"
#include "stack/intern.h"

static lab_numbers_row *get_row(const lab_numbers *n, uint32_t i) {
  return atomic_load_explicit(
      &n->rows[i / LAB_NUMBERS_BLOCK / LAB_NUMBERS_BLOCK],
      memory_order_acquire);
}

static uint32_t find_block_place(uint32_t i) {
  return i / LAB_NUMBERS_BLOCK % LAB_NUMBERS_BLOCK;
}

void *lab_numbers_at(lab_numbers *n, uint32_t i) {
  lab_numbers_row *row = get_row(n, i);
  lab_numbers_block *b =
      row ? atomic_load_explicit(&row->blocks[find_block_place(i)],
                                 memory_order_acquire)
          : NULL;
  return b ? atomic_load_explicit(&b->places[i % LAB_NUMBERS_BLOCK],
                                  memory_order_acquire)
           : NULL;
}

void lab_numbers_put(lab_numbers *n, uint32_t i, void *p) {
  LAB_ASSERT(i < LAB_NUMBERS_MAX);
  lab_numbers_row *row = get_row(n, i);
  if (!row) {
    row = lab_intern_take(sizeof *row);
    atomic_store_explicit(&n->rows[i / LAB_NUMBERS_BLOCK / LAB_NUMBERS_BLOCK],
                          row, memory_order_release);
  }
  _Atomic(lab_numbers_block *) *at = &row->blocks[find_block_place(i)];
  lab_numbers_block *b = atomic_load_explicit(at, memory_order_relaxed);
  if (!b) {
    b = lab_intern_take(sizeof *b);
    atomic_store_explicit(at, b, memory_order_release);
  }
  atomic_store_explicit(&b->places[i % LAB_NUMBERS_BLOCK], p,
                        memory_order_release);
}

lab_numbers_block *lab_numbers_remove(lab_numbers *n, uint32_t i) {
  lab_numbers_row *row = get_row(n, i);
  uint32_t at = find_block_place(i);
  lab_numbers_block *b =
      atomic_load_explicit(&row->blocks[at], memory_order_relaxed);
  atomic_store_explicit(&b->places[i % LAB_NUMBERS_BLOCK], NULL,
                        memory_order_release);
  if (++row->given_back[at] < LAB_NUMBERS_BLOCK)
    return NULL;
  atomic_store_explicit(&row->blocks[at], NULL, memory_order_release);
  return b;
}

void lab_numbers_free_block(lab_numbers_block *b) {
  if (b)
    lab_intern_give_back(b, sizeof *b);
}
