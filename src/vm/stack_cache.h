/* SPDX-License-Identifier: MIT
 * A cache of Lua stacks, in which a stack is found without lua_getinfo.
 *
 * A stack is taken whenever a task starts or parks, and most tasks do what
 * others did before. What a frame shows follows from two addresses: that of the
 * function's code and that of the instruction; or from a C function's own
 * address. Stacks are remembered by those. They stay true until the collector
 * frees a function and another one gets its place: so the whole cache is
 * emptied whenever the collector has worked.
 *
 * A C function without a registered name is shown by the name that it is called
 * by, which its address doesn't tell: such a stack is not remembered.
 *
 * Where Lua's structures are not laid out as lualayout.h says, the cache is off
 * and every stack is walked.
 *
 * Threads: the VM's. */
#ifndef LAB_VM_STACK_CACHE_H
#define LAB_VM_STACK_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm/walk.h"

enum { LAB_STACK_CACHE_DEPTH = 16 };

/* Of a frame: the code of a Lua function and its instruction, or a C function
 * and NULL. */
typedef struct lab_address {
  const void *code, *at;
} lab_address;

typedef struct lab_addresses {
  size_t n;
  lab_address frames[LAB_STACK_CACHE_DEPTH];
} lab_addresses;

/* The addresses of the stack that lab_walk takes of CHAIN, or (CALLER_ONLY)
 * lab_walk_caller. False if it can't be remembered: it is too deep, or the
 * cache is off. */
bool lab_stack_cache_addresses(const lab_resumed *chain, int skip,
                               bool caller_only, lab_addresses *out);
/* The stack that was added for them, or 0. */
uint32_t lab_stack_cache_find(const lab_addresses *a);
void lab_stack_cache_add(const lab_addresses *a, uint32_t stack);
/* Empties the cache. Called before and after the collector works, because it
 * frees functions. */
void lab_stack_cache_forget(void);
/* How often that was: addresses that were noted at another age may be of other
 * functions now. */
uint32_t lab_stack_cache_age(void);

#endif
