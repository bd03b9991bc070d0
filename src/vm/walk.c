/* SPDX-License-Identifier: MIT
 * See walk.h.
 *
 * A walk has two parts: which calls are shown (levels.h), and what a call is as
 * a frame. Both read Lua's private structures where they are laid out as
 * lualayout.h says: a level then costs the same wherever it is on the stack,
 * and a C function need not be pushed to be known.
 *
 * What lua_getinfo may do where (read in Lua 5.4's source, and run with its
 * assertions on): "S" and "l" only read; "f" pushes on the stack, which is
 * fine at a hook or in a C function, but not inside the allocator, where the
 * stack may be full: see allocation_stack.h. */
#include "vm/walk.h"

#include "base/hash.h"
#include "stack/stack.h"
#include "vm/levels.h"
#include "vm/load.h"
#include "vm/lualayout.h"
#include "vm/stack_cache.h"

__thread lab_resumed *lab_resumed_top
    __attribute__((tls_model("initial-exec")));

/* ---- functions ----------------------------------------------------------- */

/* The id of a Lua function. */
static uint32_t find_lua_function(const lab_layout_proto *p) {
  const lab_layout_string *s = p->source;
  if (!s)
    return lab_func_lua("=?", 2, p->line_defined, lab_load_order(p));
  size_t len = s->type >> 4 & 1 ? s->u.long_length : s->short_length;
  return lab_func_lua(s->text, len, p->line_defined, lab_load_order(p));
}

uint32_t lab_walk_function(lua_State *L, int index, int *line) {
  lua_Debug ar;
  *line = 0;
  if (lua_iscfunction(L, index)) {
    uint32_t c = lab_func_find_c((const void *)lua_tocfunction(L, index));
    return c ? c : lab_func_pseudo("[C function]");
  }
  const lab_layout_function *f = lua_topointer(L, index);
  lua_pushvalue(L, index);
  lua_getinfo(L, ">S", &ar);
  *line = ar.linedefined;
  return lab_layout_fits()
             ? find_lua_function(f->proto)
             : lab_func_lua(ar.source, ar.srclen, ar.linedefined, 0);
}

/* ---- one frame ----------------------------------------------------------- */

typedef struct walker {
  bool may_push;
  /* Functions met: a deep stack has the same few again and again. */
  struct {
    const lab_layout_proto *proto;
    uint32_t func;
  } met[8];
} walker;

static uint32_t find_met_function(walker *w, const lab_layout_proto *p) {
  enum { PLACES = sizeof w->met / sizeof *w->met };
  size_t i = lab_hash_u64((uintptr_t)p) % PLACES;
  if (w->met[i].proto != p) {
    w->met[i].proto = p;
    w->met[i].func = find_lua_function(p);
  }
  return w->met[i].func;
}

/* The C function that AR's call runs, or NULL if that isn't known. */
static const void *get_c_function(lua_State *L, lua_Debug *ar, bool may_push) {
  if (lab_layout_fits()) {
    const lab_layout_call *call = (const void *)ar->i_ci;
    const lab_layout_value *f = call->func;
    if (f->type == lab_lua_layout.c_function)
      return (const void *)f->as.function;
    if (f->type == lab_lua_layout.c_closure)
      return (const void *)((const lab_layout_cclosure *)f->as.object)
          ->function;
    return NULL;
  }
  if (!may_push)
    return NULL;
  lua_getinfo(L, "f", ar);
  const void *address = (const void *)lua_tocfunction(L, -1);
  lua_pop(L, 1);
  return address;
}

static lab_frame make_c_frame(lua_State *L, lua_Debug *ar, bool may_push) {
  const void *address = get_c_function(L, ar, may_push);
  uint32_t id = address ? lab_func_find_c(address) : 0;
  if (id == 0) {
    lua_getinfo(L, "n", ar);
    id = lab_func_pseudo(ar->name ? ar->name : "[C function]");
  }
  return lab_frame_script(id, 0);
}

/* The same as make_frame, without lua_getinfo's texts, which cost the most. */
static lab_frame make_lua_frame(walker *w, lua_State *L, lua_Debug *ar) {
  const lab_layout_call *call = (const void *)ar->i_ci;
  const lab_layout_proto *p =
      ((const lab_layout_function *)call->func->as.object)->proto;
  lua_getinfo(L, "l", ar);
  return lab_frame_script(find_met_function(w, p), ar->currentline);
}

static lab_frame make_frame(walker *w, lua_State *L, lua_Debug *ar) {
  const lab_layout_call *call = (const void *)ar->i_ci;
  if (lab_layout_fits() && call->func->type == lab_lua_layout.lua_function)
    return make_lua_frame(w, L, ar);
  lua_getinfo(L, "Sl", ar);
  return ar->what[0] == 'C'
             ? make_c_frame(L, ar, w->may_push)
             : lab_frame_script(
                   lab_func_lua(ar->source, ar->srclen, ar->linedefined, 0),
                   ar->currentline);
}

/* ---- stacks -------------------------------------------------------------- */

static lab_frame make_level(walker *w, const lab_level *l) {
  lua_Debug ar = {.i_ci = l->call};
  return make_frame(w, l->L, &ar);
}

size_t lab_walk_chain(const lab_resumed *chain, int skip, bool may_push,
                      lab_frame *out) {
  walker w = {.may_push = may_push};
  lab_levels s;
  lab_levels_list(&s, chain, skip);
  for (size_t i = 0; i < s.shown; i++) {
    const lab_level *l = lab_levels_at(&s, i);
    out[i] = l ? make_level(&w, l) : lab_frame_left_out(s.left_out);
  }
  return s.shown;
}

const lab_resumed *lab_resumed_find(const lua_State *L) {
  const lab_resumed *chain = lab_resumed_top;
  while (chain && chain->L != L)
    chain = chain->outer;
  return chain;
}

/* L and the coroutines that resumed it; L alone if it isn't running. */
static lab_resumed find_chain(lua_State *L) {
  const lab_resumed *chain = lab_resumed_find(L);
  return chain ? *chain : (lab_resumed){L, NULL};
}

uint32_t lab_walk(lua_State *L, int skip) {
  lab_resumed chain = find_chain(L);
  lab_addresses addresses;
  bool is_short = lab_stack_cache_addresses(&chain, skip, false, &addresses);
  uint32_t id = is_short ? lab_stack_cache_find(&addresses) : 0;
  if (id)
    return id;
  lab_frame frames[LAB_WALK_DEPTH];
  id = lab_stack_intern(frames, lab_walk_chain(&chain, skip, true, frames));
  if (is_short)
    lab_stack_cache_add(&addresses, id);
  return id;
}

static bool runs_lua(lab_frame frame) {
  return lab_func_get(lab_frame_func(frame))->kind == LAB_FUNC_LUA;
}

/* See lab_walk_caller. */
static size_t walk_to_caller(lua_State *L, lab_frame *out) {
  lua_Debug ar;
  walker w = {.may_push = true};
  size_t n = 0;
  while (n < LAB_WALK_DEPTH && lua_getstack(L, (int)n, &ar)) {
    out[n++] = make_frame(&w, L, &ar);
    if (runs_lua(out[n - 1]))
      break;
  }
  return n;
}

uint32_t lab_walk_caller(lua_State *L) {
  lab_resumed alone = {L, NULL};
  lab_addresses addresses;
  bool is_short = lab_stack_cache_addresses(&alone, 0, true, &addresses);
  uint32_t id = is_short ? lab_stack_cache_find(&addresses) : 0;
  if (id)
    return id;
  lab_frame frames[LAB_WALK_DEPTH];
  id = lab_stack_intern(frames, walk_to_caller(L, frames));
  if (is_short)
    lab_stack_cache_add(&addresses, id);
  return id;
}

void lab_walk_register(lua_State *L, const char *prefix, bool hidden) {
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    if (lua_type(L, -2) == LUA_TSTRING && lua_iscfunction(L, -1)) {
      const char *name = lua_tostring(L, -2);
      if (prefix[0])
        lua_pushfstring(L, "%s.%s", prefix, name);
      else
        lua_pushstring(L, name);
      lab_func_c((const void *)lua_tocfunction(L, -2), lua_tostring(L, -1),
                 hidden);
      lua_pop(L, 1);
    }
    lua_pop(L, 1); /* the value; the key stays for lua_next */
  }
}
