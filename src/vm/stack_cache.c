/* SPDX-License-Identifier: MIT
 * See stack_cache.h.
 *
 * Reads Lua's private structures as lualayout.h describes them: lua_getinfo
 * would cost more than all the rest. */
#include "vm/stack_cache.h"

#include "base/hash.h"
#include "stack/stack.h"
#include "vm/lualayout.h"

enum { PLACES = 256 };

/* A stack is in the place that its addresses hash to, or nowhere. */
static struct place {
  uint64_t age; /* places of another age are empty */
  uint32_t stack;
  lab_addresses addresses;
} places[PLACES];
static uint64_t age = 1;

/* False for a function of an unknown kind. */
static bool read_address(const lab_layout_call *call, lab_address *out) {
  const lab_layout_value *f = call->func;
  if (f->type == lab_lua_layout.lua_function) {
    out->code = ((const lab_layout_function *)f->as.object)->proto;
    out->at = call->u.lua.pc;
    return true;
  }
  out->at = NULL;
  if (f->type == lab_lua_layout.c_function)
    out->code = (const void *)f->as.function;
  else if (f->type == lab_lua_layout.c_closure)
    out->code =
        (const void *)((const lab_layout_cclosure *)f->as.object)->function;
  else
    return false;
  return true;
}

bool lab_stack_cache_addresses(const lab_resumed *chain, int skip,
                               bool caller_only, lab_addresses *out) {
  out->n = 0;
  if (!lab_layout_fits())
    return false;
  for (; chain; chain = chain->outer) {
    const lab_layout_state *s = (const lab_layout_state *)chain->L;
    for (const lab_layout_call *c = s->call; c != &s->base; c = c->previous) {
      if (skip-- > 0)
        continue;
      if (out->n == LAB_STACK_CACHE_DEPTH ||
          !read_address(c, &out->frames[out->n++]))
        return false;
      if (caller_only && !(c->status & lab_lua_layout.call_c))
        return true;
    }
    skip = 0;
  }
  return true;
}

static struct place *find_place_of(const lab_addresses *a) {
  uint64_t hash = a->n;
  for (size_t i = 0; i < a->n; i++)
    hash = (hash ^ (uintptr_t)a->frames[i].code) * 0xbf58476d1ce4e5b9ull +
           (uintptr_t)a->frames[i].at;
  return &places[lab_hash_u64(hash) % PLACES];
}

/* Compares word by word. The addresses were written as words a moment ago, and
 * memcmp, which reads larger pieces, would have to wait for them. */
static bool are_same(const lab_addresses *a, const lab_addresses *b) {
  if (a->n != b->n)
    return false;
  for (size_t i = 0; i < a->n; i++)
    if (a->frames[i].code != b->frames[i].code ||
        a->frames[i].at != b->frames[i].at)
      return false;
  return true;
}

uint32_t lab_stack_cache_find(const lab_addresses *a) {
  const struct place *p = find_place_of(a);
  return p->age == age && are_same(&p->addresses, a) ? p->stack : 0;
}

static bool has_pseudo_function(uint32_t stack) {
  const lab_frame *frames;
  size_t n = lab_stack_frames(stack, &frames);
  for (size_t i = 0; i < n; i++)
    if (lab_func_get(lab_frame_func(frames[i]))->kind == LAB_FUNC_PSEUDO)
      return true;
  return false;
}

void lab_stack_cache_add(const lab_addresses *a, uint32_t stack) {
  if (!has_pseudo_function(stack))
    *find_place_of(a) = (struct place){age, stack, *a};
}

void lab_stack_cache_forget(void) {
  age++;
}

uint32_t lab_stack_cache_age(void) {
  return age;
}
