/* SPDX-License-Identifier: MIT
 * See walk.h.
 *
 * What lua_getinfo may do where (read in Lua 5.4's source, and run with its
 * assertions on): "S" and "l" only read; "f" pushes on the stack, which is
 * fine at a hook or in a C function, but not inside the allocator, where the
 * stack may be full: see allocation_stack.h. */
#include "vm/walk.h"

#include "stack/stack.h"
#include "vm/stack_cache.h"

__thread lab_resumed *lab_resumed_top
    __attribute__((tls_model("initial-exec")));

static lab_frame make_c_frame(lua_State *L, lua_Debug *ar, bool may_push) {
  uint32_t id = 0;
  if (may_push) {
    lua_getinfo(L, "f", ar);
    id = lab_func_find_c((const void *)lua_tocfunction(L, -1));
    lua_pop(L, 1);
  }
  if (id == 0) {
    lua_getinfo(L, "n", ar);
    id = lab_func_pseudo(ar->name ? ar->name : "[C function]");
  }
  return lab_frame_script(id, 0);
}

static lab_frame make_frame(lua_State *L, lua_Debug *ar, bool may_push) {
  lua_getinfo(L, "Sl", ar);
  return ar->what[0] == 'C'
             ? make_c_frame(L, ar, may_push)
             : lab_frame_script(
                   lab_func_lua(ar->source, ar->srclen, ar->linedefined),
                   ar->currentline);
}

static size_t walk_one(lua_State *L, int skip, bool may_push, lab_frame *out,
                       size_t max) {
  lua_Debug ar;
  size_t n = 0;
  for (int level = skip; n < max && lua_getstack(L, level, &ar); level++)
    out[n++] = make_frame(L, &ar, may_push);
  return n;
}

size_t lab_walk_chain(const lab_resumed *chain, int skip, bool may_push,
                      lab_frame *out) {
  size_t n = 0;
  for (; chain && n < LAB_WALK_DEPTH; chain = chain->outer, skip = 0)
    n += walk_one(chain->L, skip, may_push, out + n, LAB_WALK_DEPTH - n);
  return n;
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

/* See lab_walk_caller. */
static size_t walk_to_caller(lua_State *L, lab_frame *out) {
  lua_Debug ar = {.what = "C"};
  size_t n = 0;
  while (n < LAB_WALK_DEPTH && ar.what[0] == 'C' &&
         lua_getstack(L, (int)n, &ar))
    out[n++] = make_frame(L, &ar, true);
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
