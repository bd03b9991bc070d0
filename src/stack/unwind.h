/* SPDX-License-Identifier: MIT
 * Walking native stacks.
 *
 * Unwinding is libgcc's _Unwind_Backtrace, which finds the unwind tables
 * without a lock (_dl_find_object, glibc >= 2.35). Never link libunwind: it
 * replaces that symbol by one that takes locks.
 *
 * The walks give frames in the form that lab_stack_merge and lab_symbols_lookup
 * expect: the first is the address of an instruction (or of a byte within a
 * call instruction), all others are return addresses. Of a stack with more
 * frames than the caller has room for, the last one says that further ones are
 * left out (lab_frame_left_out(0)): to count them would take too long.
 *
 * Threads: any. Signal handlers: the walks are safe. */
#ifndef LAB_STACK_UNWIND_H
#define LAB_STACK_UNWIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stack/codemap.h"
#include "stack/frame.h"

/* Reads our own symbol table (codemap.h) and prepares the unwinder. Call it
 * once, early, before there are other threads: it removes DEBUGINFOD_URLS from
 * the environment. 0 or negative errno (then every address is OTHER). */
int lab_unwind_init(void);

enum { LAB_UNWIND_MAX = 64 }; /* as many frames as the lab's callers want */

/* The stack at the instruction that a signal interrupted. If STOP_AT_LUA, the
 * walk stops before the first frame of class LUA_VM or LUA_CALL. *STOPPED (may
 * be NULL) is that class, or LAB_CODE_OTHER if the walk ended otherwise.
 * Returns the number of frames, 0 if the leaf itself is such code. Call it in
 * the handler, on the thread that was interrupted. Takes 0.2 us a frame. */
size_t lab_unwind_signal(const void *ucontext, lab_frame *out, size_t max,
                         bool stop_at_lua, lab_code *stopped);

/* The stack of the calling function, without its own frame and SKIP more.
 * STOP_AT_LUA as above. */
size_t lab_unwind_here(lab_frame *out, size_t max, size_t skip,
                       bool stop_at_lua);

/* Makes the function at START (its first instruction) the end of native stacks:
 * neither it nor its callers are reported. It is for the entry of a worker's
 * job. At most 16 such functions; call it before threads start. */
void lab_unwind_end_at(const void *start);

#endif
