/* SPDX-License-Identifier: MIT
 * Interned stacks: a stack is a number.
 *
 * Frames are leaf first. The same frames give the same id, ids start at 1, and
 * 0 is the empty stack. Stacks never go away; when LAB_STACK_LIMIT different
 * ones exist, further ones become the stack of the single pseudo frame
 * "[too many different stacks]", so that their samples stay visible.
 *
 * Threads: any (one mutex); never in a signal handler. */
#ifndef LAB_STACK_STACK_H
#define LAB_STACK_STACK_H

#include <stddef.h>
#include <stdint.h>

#include "stack/frame.h"

enum {
  LAB_STACK_DEPTH = 256,     /* frames kept; deeper callers are cut off */
  LAB_STACK_LIMIT = 1000000, /* different stacks */
};

uint32_t lab_stack_intern(const lab_frame *frames, size_t n);

/* The frames of a stack: valid for ever. Returns how many; 0 for id 0. */
size_t lab_stack_frames(uint32_t id, const lab_frame **frames);

/* The stack of NATIVE (leaf first, as lab_unwind_* gives it) on top of the
 * stack BASE (Lua frames of the VM, or the stack captured for a worker's job),
 * in the form students see: see merge.c for the rules (Lua's library code is
 * replaced by the C function's frame, the collector by "[lua gc]", hidden
 * functions vanish, the VM's own machinery is dropped). */
uint32_t lab_stack_merge(const lab_frame *native, size_t n, uint32_t base);

/* Bytes that the tables take. */
size_t lab_stack_bytes(void);

#endif
