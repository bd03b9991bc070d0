/* SPDX-License-Identifier: MIT
 * Lua's stack as a stack id (stack/stack.h).
 *
 * A stack is the frames of the running coroutine, then those of the coroutine
 * that resumed it, and so on. C functions have the name that they were
 * registered by ("lab.copy_n"), Lua functions their place in the source.
 *
 * Threads: the VM's. Not in a signal handler, and not inside the allocator,
 * unless it says otherwise. */
#ifndef LAB_VM_WALK_H
#define LAB_VM_WALK_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stack/frame.h"

enum {
  /* Of a stack with more frames than LAB_WALK_DEPTH, the innermost and the
   * outermost ones are kept, and one frame says how many are left out. */
  LAB_WALK_LEAVES = 96,
  LAB_WALK_ROOTS = 32,
  LAB_WALK_DEPTH = LAB_WALK_LEAVES + 1 + LAB_WALK_ROOTS,
};

/* A running coroutine, and the one that resumed it. */
typedef struct lab_resumed {
  lua_State *L;
  struct lab_resumed *outer;
} lab_resumed;
/* The innermost running coroutine; NULL: no Lua code runs on this thread. */
extern __thread lab_resumed *lab_resumed_top;
/* The chain of running coroutines, from L on; NULL: L isn't running. */
const lab_resumed *lab_resumed_find(const lua_State *L);

/* The stack id of L and the coroutines that resumed it. SKIP levels of L are
 * left out. */
uint32_t lab_walk(lua_State *L, int skip);
/* The same, but the stack ends with the innermost Lua function, which called a
 * primitive. */
uint32_t lab_walk_caller(lua_State *L);
/* The frames of CHAIN, innermost first, at most LAB_WALK_DEPTH, into OUT;
 * returns how many. SKIP levels of the first coroutine are left out. MAY_PUSH:
 * false inside the allocator. Takes about 10 ns per frame of OUT that was seen
 * before, 50 ns per other one, and 2 ns per frame of the stack. */
size_t lab_walk_chain(const lab_resumed *chain, int skip, bool may_push,
                      lab_frame *out);

/* The frame of a call that has ended in a tail call. FUNCTION is what it ran, a
 * lab_layout_function, and PC an instruction of it before that. Only if
 * lab_layout_fits. */
lab_frame lab_walk_ended_call(lua_State *L, const void *function,
                              const uint32_t *pc);

/* The id of the function at INDEX of L's stack (stack/frame.h). *LINE is where
 * it is defined, or 0. */
uint32_t lab_walk_function(lua_State *L, int index, int *line);

/* Registers the names of all C functions of the table on top of L's stack:
 * PREFIX, a dot, and the key. HIDDEN: see stack/frame.h. May raise. */
void lab_walk_register(lua_State *L, const char *prefix, bool hidden);

#endif
