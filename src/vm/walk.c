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

/* The id of the C function at ADDRESS (NULL: it isn't known which one). The
 * name by which it was called is the script's, which has any number of them. */
static uint32_t find_c_id(const void *address) {
  uint32_t id = address ? lab_func_find_c(address) : 0;
  return id ? id : lab_func_pseudo("[C function]");
}

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
  if (lua_iscfunction(L, index))
    return find_c_id((const void *)lua_tocfunction(L, index));
  const lab_layout_function *f = lua_topointer(L, index);
  lua_pushvalue(L, index);
  lua_getinfo(L, ">S", &ar);
  *line = ar.linedefined;
  return lab_layout_fits()
             ? find_lua_function(f->proto)
             : lab_func_lua(ar.source, ar.srclen, ar.linedefined, 0);
}

/* ---- one frame ----------------------------------------------------------- */

/* Frames of Lua functions by code and instruction, which is all that a frame
 * tells. They hold until a function's code is freed, as another one may come to
 * its place. A deep stack has the same few frames again and again, and so have
 * the samples of a profile. */
enum { KNOWN = 512 };
static struct known {
  const lab_layout_proto *proto;
  const void *at;
  uint64_t freed; /* lab_load_freed then */
  lab_frame frame;
} known[KNOWN];

static struct known *find_known_frame(const lab_layout_proto *p,
                                      const void *at) {
  uint64_t hash = lab_hash_u64((uintptr_t)p * 31 + (uintptr_t)at);
  return &known[hash % KNOWN];
}

/* The C function that CALL runs, or NULL if that isn't known. */
static const void *get_c_function(const lab_layout_call *call) {
  const lab_layout_value *f = call->func;
  if (f->type == lab_lua_layout.c_function)
    return (const void *)f->as.function;
  if (f->type == lab_lua_layout.c_closure)
    return (const void *)((const lab_layout_cclosure *)f->as.object)->function;
  return NULL;
}

static const void *ask_c_function(lua_State *L, lua_Debug *ar) {
  lua_getinfo(L, "f", ar);
  const void *address = (const void *)lua_tocfunction(L, -1);
  lua_pop(L, 1);
  return address;
}

static lab_frame make_c_frame(const void *address) {
  return lab_frame_script(find_c_id(address), 0);
}

static lab_frame make_lua_frame(lua_State *L, lua_Debug *ar) {
  const lab_layout_call *call = (const void *)ar->i_ci;
  const lab_layout_proto *p =
      ((const lab_layout_function *)call->func->as.object)->proto;
  struct known *k = find_known_frame(p, call->u.lua.pc);
  if (k->proto == p && k->at == call->u.lua.pc && k->freed == lab_load_freed())
    return k->frame;
  lua_getinfo(L, "l", ar);
  *k = (struct known){p, call->u.lua.pc, lab_load_freed(),
                      lab_frame_script(find_lua_function(p), ar->currentline)};
  return k->frame;
}

/* The same where the layout isn't known. */
static lab_frame ask_frame(lua_State *L, lua_Debug *ar, bool may_push) {
  lua_getinfo(L, "Sl", ar);
  if (ar->what[0] == 'C')
    return make_c_frame(may_push ? ask_c_function(L, ar) : NULL);
  return lab_frame_script(
      lab_func_lua(ar->source, ar->srclen, ar->linedefined, 0),
      ar->currentline);
}

static lab_frame make_frame(lua_State *L, lua_Debug *ar, bool may_push) {
  const lab_layout_call *call = (const void *)ar->i_ci;
  if (!lab_layout_fits())
    return ask_frame(L, ar, may_push);
  if (call->func->type == lab_lua_layout.lua_function)
    return make_lua_frame(L, ar);
  return make_c_frame(get_c_function(call));
}

/* The first tail call from AT on; or, if a loop leads back, of all. It is where
 * P's code ended: of two in a row it may be the wrong one. */
static const uint32_t *find_tail_call(const lab_layout_proto *p,
                                      const uint32_t *at) {
  const uint32_t *end = p->code + p->ncode;
  for (const uint32_t *i = at; i < end; i++)
    if ((*i & LAB_LAYOUT_OPERATION) == LAB_LAYOUT_TAIL_CALL)
      return i;
  return at > p->code ? find_tail_call(p, p->code) : p->code;
}

lab_frame lab_walk_ended_call(lua_State *L, const void *function,
                              const uint32_t *pc) {
  const lab_layout_proto *p = ((const lab_layout_function *)function)->proto;
  bool is_inside = pc > p->code && pc <= p->code + p->ncode;
  lab_layout_value place = {.as.object = (void *)function,
                            .type = lab_lua_layout.lua_function};
  lab_layout_call call = {
      .func = &place,
      .u.lua.pc = find_tail_call(p, is_inside ? pc - 1 : p->code) + 1};
  lua_Debug ar;
  ar.i_ci = (struct CallInfo *)(void *)&call;
  return make_lua_frame(L, &ar);
}

/* ---- stacks -------------------------------------------------------------- */

static lab_frame make_level(const lab_level *l, bool may_push) {
  lua_Debug ar;
  ar.i_ci = l->call;
  return make_frame(l->L, &ar, may_push);
}

size_t lab_walk_chain(const lab_resumed *chain, int skip, bool may_push,
                      lab_frame *out) {
  lab_levels s;
  lab_levels_list(&s, chain, skip);
  for (size_t i = 0; i < s.shown; i++) {
    const lab_level *l = lab_levels_at(&s, i);
    out[i] = l ? make_level(l, may_push) : lab_frame_left_out(s.left_out);
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
  size_t n = 0;
  while (n < LAB_WALK_DEPTH && lua_getstack(L, (int)n, &ar)) {
    out[n++] = make_frame(L, &ar, true);
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
