/* SPDX-License-Identifier: MIT
 * Native frames and Lua frames as one stack, in the form that students see.
 *
 * Threads: any; takes the mutex of stack.h for a new stack. Signal handlers:
 * never. */
#ifndef LAB_STACK_MERGE_H
#define LAB_STACK_MERGE_H

#include <stddef.h>
#include <stdint.h>

#include "stack/frame.h"

/* The stack of the N frames NATIVE (leaf first, as lab_unwind_* gives them; at
 * most LAB_UNWIND_MAX) on top of the stack BASE: the VM's Lua frames, or the
 * stack that was captured for a worker's job. Lua's library code is replaced by
 * the C function's frame and the collector by "[lua gc]"; hidden functions and
 * the machinery of the VM are left out. merge.c has the rules. */
uint32_t lab_stack_merge(const lab_frame *native, size_t n, uint32_t base);

#endif
