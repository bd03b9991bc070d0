/* SPDX-License-Identifier: MIT
 * Where a signal interrupted the VM's thread: whether Lua may be left by an
 * error at just that instruction.
 *
 * Some functions of Lua's library work for long on huge strings without a look
 * at anything: string.upper, string.pack, utf8.len, tonumber, a .. b. While
 * only such code runs, and what it calls in the C library (memcpy, toupper,
 * strtod), nothing is half changed and no lock is held: all that Lua has to
 * know is on its stack. Then a signal handler may raise, as the function itself
 * might have raised a moment ago. Everywhere else it must not.
 *
 * Threads: the VM's. */
#ifndef LAB_VM_LEAF_CODE_H
#define LAB_VM_LEAF_CODE_H

#include <stdbool.h>
#include <stddef.h>

#include "stack/frame.h"

/* Finds the C library. Call it before the others, not in a signal handler. */
void lab_leaf_code_init(void);

/* True if the handler of the signal whose context this is may raise a Lua
 * error, and then it must: a table that is being moved may have been put back
 * (rehash.h). Only in a signal handler. */
bool lab_leaf_code_may_raise(const void *ucontext);

/* True if these native frames (lab_unwind_signal) are of this program and of
 * the libraries that it calls for memory, strings, numbers and time: no code
 * of anybody else's. Async-signal-safe. */
bool lab_leaf_code_is_known(const lab_frame *native, size_t n);

#endif
