/* SPDX-License-Identifier: MIT
 * How much application memory a step may have, and what a scenario is told when
 * it wants more: where that was, and what its limit is.
 *
 * The limit itself is kept by mem/mem.h, which refuses. This file decides which
 * one holds: the step's own (limits.memory), or half of the machine's memory.
 * The lab's own work (a switch, an error's text, the walk of a profile) lifts
 * it for a while, for a step that is full must still be diagnosed and left. */
#ifndef LAB_VM_MEMORY_LIMIT_H
#define LAB_VM_MEMORY_LIMIT_H

#include <lua.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct lab_vm lab_vm;

#define LAB_LUA_NO_MEMORY "not enough memory" /* Lua's own words */
enum {
  LAB_MEMORY_LIMIT_TEXT = 96,         /* room for lab_memory_limit_text */
  LAB_MEMORY_TEXT = LUA_IDSIZE + 160, /* room for lab_memory_error_text */
};

typedef struct lab_memory {
  size_t limit;                     /* bytes that the step may have */
  bool own_limit;                   /* its scenario says so, not the machine */
  unsigned lifted;                  /* by so many lab_memory_lift */
  bool suspended;                   /* until the next limit is set */
  char refused_at[LUA_IDSIZE + 16]; /* "file:line: " of the last refusal */
  atomic_size_t shown;              /* the limit, for other threads */
} lab_memory;

/* From now on the step may have BYTES; 0: no tighter limit than the machine's.
 * It holds at once, unless it is lifted. */
void lab_memory_set_limit(lab_vm *vm, size_t bytes);
/* No limit holds between the two, which may be nested. */
void lab_memory_lift(lab_vm *vm);
void lab_memory_impose(lab_vm *vm);
/* No limit holds until set_limit or resume: the step before is being left. */
void lab_memory_suspend(lab_vm *vm);
void lab_memory_resume(lab_vm *vm);
/* What the step may have, in bytes. The second: any thread. */
size_t lab_memory_limit(const lab_vm *vm);
size_t lab_memory_read_limit(lab_vm *vm);

/* The allocator gives none: notes where that is. Allocates nothing. */
void lab_memory_note_refusal(void);
/* "the step has 1 GiB (limits.memory)". */
void lab_memory_limit_text(const lab_vm *vm, char *out, size_t size);
/* What stands for Lua's error that came of the last refusal:
 * "scenario.lua:12: not enough memory: the step has 1 GiB (limits.memory)".
 * FAILED, which may be NULL: a coroutine that ended by it. */
void lab_memory_error_text(lab_vm *vm, lua_State *failed, char *out,
                           size_t size);

#endif
