/* SPDX-License-Identifier: MIT
 * See spread.h. */
#include "prof/spread.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "stack/stack.h"

static int compare_numbers(uint64_t a, uint64_t b) {
  return (a > b) - (a < b);
}

/* Which way round the children of the node stand that HASH is made of. If it
 * were the same everywhere, two functions that always run in turns could meet
 * the period's beat: then one of them would have all samples. */
static bool is_turned(uint64_t hash) {
  return (hash * 0x9e3779b97f4a7c15ull) >> 63;
}

/* From the root to the leaf; a stack stands beside what it calls. */
static int compare_paths(uint32_t a, uint32_t b) {
  const lab_frame *left, *right;
  size_t nleft = lab_stack_frames(a, &left);
  size_t nright = lab_stack_frames(b, &right);
  uint64_t hash = 0;
  while (nleft && nright && left[nleft - 1] == right[nright - 1]) {
    hash = hash * 31 + left[--nleft];
    nright--;
  }
  int order = compare_numbers(nleft ? left[nleft - 1] : 0,
                              nright ? right[nright - 1] : 0);
  return is_turned(hash) ? -order : order;
}

static int compare_rows(const void *a, const void *b) {
  const lab_spread_row *x = a, *y = b;
  int order = x->stack == y->stack ? 0 : compare_paths(x->stack, y->stack);
  if (order == 0)
    order = compare_numbers(x->label, y->label);
  if (order == 0 && x->state && y->state)
    order = strcmp(x->state, y->state);
  return order ? order : compare_numbers((uint64_t)x->ns, (uint64_t)y->ns);
}

void lab_spread_count(lab_spread_row *rows, size_t n, int64_t period) {
  if (n > 0)
    qsort(rows, n, sizeof *rows, compare_rows);
  int64_t rest = period / 2; /* of the time so far, what no sample stands for */
  for (size_t i = 0; i < n; i++) {
    rest += rows[i].ns;
    rows[i].count = rest / period;
    rest %= period;
  }
}
