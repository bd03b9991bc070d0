/* SPDX-License-Identifier: MIT
 * See levels.h. */
#include "vm/levels.h"

#include <stdint.h>

#include "vm/lualayout.h"

enum { ROOTS = LAB_WALK_ROOTS + 1 };

static void add_level(lab_levels *s, lua_State *L, const void *call) {
  lab_level *place =
      s->n < LAB_WALK_LEAVES ? &s->leaves[s->n] : &s->roots[s->n % ROOTS];
  *place = (lab_level){L, (struct CallInfo *)(uintptr_t)call};
  s->n++;
}

static void read_levels(lab_levels *s, const lab_resumed *chain, int skip) {
  for (; chain; chain = chain->outer, skip = 0) {
    const lab_layout_state *state = (const void *)chain->L;
    for (const lab_layout_call *c = state->call; c != &state->base;
         c = c->previous)
      if (skip-- <= 0)
        add_level(s, chain->L, c);
  }
}

static int count_levels(lua_State *L) {
  lua_Debug ar;
  int low = 0, high = 1; /* low exists, or there is none; high doesn't */
  while (lua_getstack(L, high - 1, &ar)) {
    low = high;
    high *= 2;
  }
  while (low + 1 < high) {
    int middle = low + (high - low) / 2;
    if (lua_getstack(L, middle - 1, &ar))
      low = middle;
    else
      high = middle;
  }
  return low;
}

/* The same by lua_getstack, which costs O(level): so only for those levels that
 * may be shown. */
static void ask_levels(lab_levels *s, const lab_resumed *chain, int skip) {
  lua_Debug ar;
  for (; chain; chain = chain->outer, skip = 0) {
    int n = count_levels(chain->L);
    for (int i = skip; i < n; i++)
      if (s->n >= LAB_WALK_LEAVES && i < n - ROOTS)
        s->n++;
      else if (lua_getstack(chain->L, i, &ar))
        add_level(s, chain->L, ar.i_ci);
  }
}

void lab_levels_list(lab_levels *s, const lab_resumed *chain, int skip) {
  s->n = s->left_out = 0;
  if (lab_layout_fits())
    read_levels(s, chain, skip);
  else
    ask_levels(s, chain, skip);
  s->shown = s->n;
  if (s->n > LAB_WALK_DEPTH) {
    s->left_out = s->n - LAB_WALK_LEAVES - LAB_WALK_ROOTS;
    s->shown = LAB_WALK_DEPTH;
  }
}

const lab_level *lab_levels_at(const lab_levels *s, size_t i) {
  if (i < LAB_WALK_LEAVES)
    return &s->leaves[i];
  if (s->left_out > 0 && i == LAB_WALK_LEAVES)
    return NULL;
  size_t number = s->left_out > 0 ? i - 1 + s->left_out : i;
  return &s->roots[number % ROOTS];
}
