/* SPDX-License-Identifier: MIT
 * Interned stacks: a stack is a number, its id.
 *
 * Frames are leaf first. Equal frames get the same id; ids start at 1, and 0 is
 * the empty stack. Stacks never go away. When LAB_STACK_LIMIT different ones
 * exist, or the tables of src/stack have LAB_STACK_HARD_BYTES, each new one
 * becomes the stack whose only frame is the pseudo function "[too many
 * different stacks]", so its samples can still be seen. With functions that a
 * script has made by load this happens at LAB_STACK_SOFT_BYTES: so it leaves
 * room for the stacks of other steps. A visit of a step may take three quarters
 * of what is left, and a little more (intern.h): so there is room for the next
 * one.
 *
 * Threads: any. A known stack is found without a lock; a new one takes a mutex.
 * Signal handlers: never. */
#ifndef LAB_STACK_STACK_H
#define LAB_STACK_STACK_H

#include <stddef.h>
#include <stdint.h>

#include "stack/frame.h"
#include "stack/merge.h"

enum {
  LAB_STACK_DEPTH = 256,     /* frames kept */
  LAB_STACK_ROOTS = 32,      /* of those, the outermost of a deeper stack */
  LAB_STACK_LIMIT = 1000000, /* different stacks */
};

/* The id of the stack of these N frames, which are copied. If there are more
 * than LAB_STACK_DEPTH, one frame in the middle stands for those that are left
 * out (lab_frame_left_out). */
uint32_t lab_stack_intern(const lab_frame *frames, size_t n);

/* The frames of a stack, valid for ever. Returns how many; 0 for id 0 and for
 * an id that doesn't exist. */
size_t lab_stack_frames(uint32_t id, const lab_frame **frames);

/* Bytes that all tables of src/stack take. */
size_t lab_stack_bytes(void);

/* A visit of a step begins: it gets its room. */
void lab_stack_renew_room(void);

/* For tests: replaces LAB_STACK_LIMIT, LAB_STACK_SOFT_BYTES and
 * LAB_STACK_HARD_BYTES, which take long to reach; 0 puts the usual number back.
 * Stacks that exist stay. */
void lab_stack_set_limit(uint32_t limit, size_t soft, size_t hard);

#endif
