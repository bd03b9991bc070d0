/* SPDX-License-Identifier: MIT
 * See levels.h.
 *
 * To count 200,000 calls takes 50 ms where they aren't in the processor's
 * caches, and a profile does it for each sample. So of a deep coroutine one
 * call is remembered, the landmark, with how many there are outside of it. As
 * long as it has not returned, those are the same ones, and the next walk ends
 * at it. A bit of its status that Lua doesn't use tells that it has not: Lua
 * sets the status of each call when it begins. */
#include "vm/levels.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "vm/lualayout.h"

enum {
  ROOTS = LAB_WALK_ROOTS + 1,
  LANDMARK = 1 << 15, /* in the status of a call */
  TO_LANDMARK = 1024, /* calls inside of it when it is chosen */
};

static struct {
  volatile sig_atomic_t busy; /* it is being changed */
  const lua_State *L;
  lab_layout_call *call; /* or NULL */
  size_t outside;        /* calls, itself included */
} landmark;

static void add_level(lab_levels *s, lua_State *L, const void *call) {
  lab_level *place =
      s->n < LAB_WALK_LEAVES ? &s->leaves[s->n] : &s->roots[s->n % ROOTS];
  *place = (lab_level){L, (struct CallInfo *)(uintptr_t)call};
  s->n++;
}

static void set_landmark(const lua_State *L, lab_layout_call *call,
                         size_t outside) {
  if (landmark.busy) /* this is a signal handler */
    return;
  landmark.busy = 1;
  atomic_signal_fence(memory_order_seq_cst);
  call->status |= LANDMARK;
  landmark.L = L;
  landmark.call = call;
  landmark.outside = outside;
  atomic_signal_fence(memory_order_seq_cst);
  landmark.busy = 0;
}

static bool is_landmark(const lua_State *L, const lab_layout_call *call) {
  return call == landmark.call && !landmark.busy && L == landmark.L &&
         (call->status & LANDMARK);
}

/* The landmark and the calls outside of it, of which there are more than ROOTS.
 * The outermost ones are found from their end. */
static void add_outside(lab_levels *s, lua_State *L) {
  const lab_layout_state *state = (const void *)L;
  const lab_layout_call *roots[ROOTS], *c = &state->base;
  for (int i = 0; i < ROOTS; i++)
    roots[i] = c = c->next;
  s->n += landmark.outside - ROOTS;
  for (int i = ROOTS; i-- > 0;)
    add_level(s, L, roots[i]);
}

static void read_coroutine(lab_levels *s, lua_State *L, int skip) {
  const lab_layout_state *state = (const void *)L;
  lab_layout_call *next_landmark = NULL;
  size_t n = 0;
  for (lab_layout_call *c = state->call; c != &state->base; c = c->previous) {
    if (s->n >= LAB_WALK_LEAVES && skip <= 0 && is_landmark(L, c)) {
      add_outside(s, L);
      return;
    }
    if (skip-- <= 0)
      add_level(s, L, c);
    if (++n == TO_LANDMARK)
      next_landmark = c;
  }
  if (n > 2 * TO_LANDMARK)
    set_landmark(L, next_landmark, n - TO_LANDMARK + 1);
}

static void read_levels(lab_levels *s, const lab_resumed *chain, int skip) {
  for (; chain; chain = chain->outer, skip = 0)
    read_coroutine(s, chain->L, skip);
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
