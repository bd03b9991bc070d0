/* SPDX-License-Identifier: MIT
 * Native stacks: walking them, and knowing which code belongs to Lua.
 *
 * Unwinding is libgcc's _Unwind_Backtrace, which finds unwind tables without
 * locks (_dl_find_object, glibc >= 2.35). Never link libunwind: it replaces
 * that symbol by one that locks.
 *
 * The code map is a sorted table of our own ELF symbols with a class each. */
#ifndef LAB_STACK_UNWIND_H
#define LAB_STACK_UNWIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stack/frame.h"

typedef enum lab_code {
  LAB_CODE_OTHER = 0, /* not in this executable */
  LAB_CODE_OWN,       /* our C code */
  LAB_CODE_LUA_VM,    /* luaV_execute */
  LAB_CODE_LUA_CALL,  /* the machinery between Lua functions: luaD_*, ... */
  LAB_CODE_LUA_CORE,  /* the rest of the core: strings, tables, ... */
  LAB_CODE_LUA_GC,    /* the collector */
  LAB_CODE_LUA_LIB,   /* the standard libraries and lauxlib */
} lab_code;

/* Reads our own symbol table and warms the unwinder up; call it once, early,
 * before there are other threads (it removes DEBUGINFOD_URLS from the
 * environment). 0 or negative errno (then every address is OTHER). */
int lab_unwind_init(void);

/* What the code at PC is; and the symbol that contains PC, or NULL, and in
 * *START (which may be NULL) its first address. For a return address ask for
 * the byte before it. Both async-signal-safe. */
lab_code lab_code_class(uintptr_t pc);
const char *lab_code_name(uintptr_t pc, uintptr_t *start);

/* The walks below give frames as lab_stack_merge and lab_symbols_lookup expect
 * them: the first is the address of an instruction (or of a byte within a call
 * instruction), all others are return addresses. */

enum { LAB_UNWIND_MAX = 64 };

/* The stack at the instruction a signal interrupted. Stops before the first
 * frame of class LUA_VM or LUA_CALL if STOP_AT_LUA; *STOPPED (may be NULL) is
 * that class, or LAB_CODE_OTHER if the walk ended otherwise. Returns the number
 * of frames, 0 if the leaf itself is such code. Call it in the handler, on the
 * thread that was interrupted. Async-signal-safe; 0.2 us a frame. */
size_t lab_unwind_signal(const void *ucontext, lab_frame *out, size_t max,
                         bool stop_at_lua, lab_code *stopped);

/* The calling function's stack, its own frame and SKIP more left out. Stops as
 * above. Async-signal-safe. */
size_t lab_unwind_here(lab_frame *out, size_t max, size_t skip,
                       bool stop_at_lua);

/* Marks the function at START (its first instruction) as the end of the native
 * stack: neither it nor its callers are reported. For the entry of a worker's
 * job. At most 16 such functions; call before threads start. */
void lab_unwind_end_at(const void *start);

#endif
