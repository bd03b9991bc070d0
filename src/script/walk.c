/* SPDX-License-Identifier: MIT
 * Lua's stack as a stack id.
 *
 * A stack is the frames of the running coroutine, then those of the coroutine
 * that resumed it, and so on: lua_resume is wrapped at link time (--wrap), so
 * that the chain is known, also for resumes from inside Lua's own library.
 *
 * What lua_getinfo may do where (read in Lua 5.4's source, and run with its
 * assertions on): "S" and "l" only read; "f" pushes on the stack, which is
 * fine at a hook or in a C function, but not inside the allocator, where the
 * stack may be full. There a C function is known by its code address, found by
 * unwinding, and those below the top by name ("n"). */
#include "script/vm.h"

#include <string.h>

#include "mem/mem.h"
#include "prim/buffer.h"
#include "stack/stack.h"
#include "stack/unwind.h"

enum { DEPTH = 64 }; /* lua_getstack costs O(level) */

__thread lab_resumed *lab_resumed_top
    __attribute__((tls_model("initial-exec")));

int __real_lua_resume(lua_State *L, lua_State *from, int nargs, int *nresults);
int __wrap_lua_resume(lua_State *L, lua_State *from, int nargs, int *nresults);

int __wrap_lua_resume(lua_State *L, lua_State *from, int nargs, int *nresults) {
  lab_resumed here = {L, lab_resumed_top};
  atomic_signal_fence(memory_order_seq_cst);
  lab_resumed_top = &here;
  int status = __real_lua_resume(L, from, nargs, nresults);
  /* First the outer one becomes current, so that no later signal is filed
   * under L; then what is pending for L is settled. */
  lab_resumed_top = here.outer;
  atomic_signal_fence(memory_order_seq_cst);
  lab_sampler_left(&here);
  return status;
}

static lab_frame c_frame(lua_State *L, lua_Debug *ar, bool may_push) {
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

static lab_frame frame_of(lua_State *L, lua_Debug *ar, bool may_push) {
  lua_getinfo(L, "Sl", ar);
  return ar->what[0] == 'C'
             ? c_frame(L, ar, may_push)
             : lab_frame_script(
                   lab_func_lua(ar->source, ar->srclen, ar->linedefined),
                   ar->currentline);
}

static size_t walk_one(lua_State *L, int skip, bool may_push, lab_frame *out,
                       size_t max) {
  lua_Debug ar;
  size_t n = 0;
  for (int level = skip; n < max && lua_getstack(L, level, &ar); level++)
    out[n++] = frame_of(L, &ar, may_push);
  return n;
}

/* The frames of CHAIN, innermost first. */
static size_t walk_chain(const lab_resumed *chain, int skip, bool may_push,
                         lab_frame *out) {
  size_t n = 0;
  for (; chain && n < DEPTH; chain = chain->outer, skip = 0)
    n += walk_one(chain->L, skip, may_push, out + n, DEPTH - n);
  return n;
}

size_t lab_walk_chain(const lab_resumed *chain, int skip, lab_frame *out) {
  return walk_chain(chain, skip, true, out);
}

/* Where CHAIN starts with L. */
static lab_resumed chain_from(lua_State *L) {
  const lab_resumed *chain = lab_resumed_top;
  while (chain && chain->L != L)
    chain = chain->outer;
  return chain ? *chain : (lab_resumed){L, NULL};
}

uint32_t lab_walk(lua_State *L, int skip) {
  lab_resumed chain = chain_from(L);
  lab_addresses addresses;
  bool is_short = lab_known_addresses(&chain, skip, false, &addresses);
  uint32_t id = is_short ? lab_known_find(&addresses) : 0;
  if (id)
    return id;
  lab_frame frames[DEPTH];
  id = lab_stack_intern(frames, walk_chain(&chain, skip, true, frames));
  if (is_short)
    lab_known_add(&addresses, id);
  return id;
}

/* See lab_walk_caller. */
static size_t walk_to_caller(lua_State *L, lab_frame *out) {
  lua_Debug ar = {.what = "C"};
  size_t n = 0;
  while (n < DEPTH && ar.what[0] == 'C' && lua_getstack(L, (int)n, &ar))
    out[n++] = frame_of(L, &ar, true);
  return n;
}

uint32_t lab_walk_caller(lua_State *L) {
  lab_resumed alone = {L, NULL};
  lab_addresses addresses;
  bool is_short = lab_known_addresses(&alone, 0, true, &addresses);
  uint32_t id = is_short ? lab_known_find(&addresses) : 0;
  if (id)
    return id;
  lab_frame frames[DEPTH];
  id = lab_stack_intern(frames, walk_to_caller(L, frames));
  if (is_short)
    lab_known_add(&addresses, id);
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

/* ---- inside the allocator ------------------------------------------------ */

/* Drops the allocator's own frames from the leaf: the first frame kept is the
 * code that wanted memory. */
static size_t drop_allocator(lab_frame *native, size_t n) {
  size_t first = 0;
  for (size_t i = 0; i < n; i++) {
    const char *name = lab_code_name((uintptr_t)native[i] - (i > 0), NULL);
    if (name && (strncmp(name, "lab_mem_", 8) == 0 ||
                 strcmp(name, "lab_vm_alloc") == 0))
      first = i + 1;
  }
  if (first == 0 || first == n)
    return n - first;
  memmove(native, native + first, (n - first) * sizeof *native);
  native[0]--; /* it was a return address; a leaf is an instruction's */
  return n - first;
}

/* Our primitives at the leaf, e.g. lab_buffer_grow <- lab_buffer_write. When
 * Lua itself wanted the memory there are none: it is charged to the Lua
 * function, as Go charges an allocation to the line that made it. */
static size_t primitives(const lab_frame *native, size_t n) {
  size_t own = 0;
  while (own < n &&
         lab_code_class((uintptr_t)native[own] - (own > 0)) == LAB_CODE_OWN)
    own++;
  return own;
}

/* A coroutine's own stack: room for frames, and the list of calls. Goroutines'
 * stacks are not in Go's heap profiles either, and these outlive the request
 * that grew them. */
static bool is_stack(const lab_frame *native, size_t n) {
  for (size_t i = 0; i < n && i < 4; i++) {
    const char *name = lab_code_name((uintptr_t)native[i] - (i > 0), NULL);
    if (name && (strcmp(name, "luaE_extendCI") == 0 ||
                 strcmp(name, "luaD_reallocstack") == 0))
      return true;
  }
  return false;
}

bool lab_walk_is_unsafe(void) {
  lab_frame native[LAB_UNWIND_MAX];
  size_t n = lab_unwind_here(native, LAB_UNWIND_MAX, 0, true);
  return is_stack(native, drop_allocator(native, n));
}

/* The registered C function among NATIVE, innermost first, or 0. */
static uint32_t c_function(const lab_frame *native, size_t n) {
  for (size_t i = 0; i < n; i++) {
    uintptr_t start;
    if (!lab_code_name((uintptr_t)native[i] - (i > 0), &start))
      continue;
    uint32_t id = lab_func_find_c((const void *)start);
    if (id)
      return id;
  }
  return 0;
}

uint32_t lab_walk_allocation(uint32_t *label) {
  lab_resumed *top = lab_resumed_top;
  lab_vm *vm = top ? lab_vm_of(top->L) : NULL;
  if (!vm || !vm->running || vm->running->own)
    return 0;
  if (lab_mem_app_bytes() < vm->heap_floor)
    return 0;
  lab_frame frames[DEPTH], native[LAB_UNWIND_MAX];
  size_t nnative = lab_unwind_here(native, LAB_UNWIND_MAX, 0, true);
  nnative = drop_allocator(native, nnative);
  if (is_stack(native, nnative)) /* Lua's list of calls may be half changed */
    return 0;
  size_t n = walk_chain(top, 0, false, frames);
  if (n == 0)
    return 0;
  lua_Debug ar;
  if (lua_getstack(top->L, 0, &ar) && lua_getinfo(top->L, "S", &ar) &&
      ar.what[0] == 'C') {
    uint32_t id = c_function(native, nnative);
    if (id)
      frames[0] = lab_frame_script(id, 0);
  }
  *label = vm->running->base.label;
  return lab_stack_merge(native, primitives(native, nnative),
                         lab_stack_intern(frames, n));
}
