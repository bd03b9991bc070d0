/* SPDX-License-Identifier: MIT
 * Interned stacks: a stack is a number, its id.
 *
 * Frames are leaf first. Equal frames get the same id; ids start at 1, and 0 is
 * the empty stack.
 *
 * Stacks belong to visits of steps. When a visit begins, those are given back
 * that nobody has asked for since the one before it began, unless somebody
 * keeps them (lab_stack_keep), there are only LAB_STACK_KEPT in all, or they
 * were made before the first visit. An id is never used for a second stack: one
 * whose stack is gone stands for the pseudo function "[stack of a step left
 * before]". Who notes ids and reads them later, or on another thread, has a
 * hold meanwhile: then none of them goes.
 *
 * When LAB_STACK_LIMIT different ones exist, or the tables of src/stack have
 * LAB_STACK_HARD_BYTES, each new one becomes the stack whose only frame is the
 * pseudo function "[too many different stacks]", so its samples can still be
 * seen. With functions that a script has made by load this happens at
 * LAB_STACK_SOFT_BYTES: so it leaves room for the stacks of other steps. A
 * visit of a step may take three quarters of what is left, and a little more
 * (intern.h): so there is room for the next one.
 *
 * Threads: any. The VM's thread finds a known stack without a lock; all else
 * takes a mutex. Signal handlers: never. */
#ifndef LAB_STACK_STACK_H
#define LAB_STACK_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/queue.h"
#include "stack/frame.h"
#include "stack/merge.h"

enum {
  LAB_STACK_DEPTH = 256,     /* frames kept */
  LAB_STACK_ROOTS = 32,      /* of those, the outermost of a deeper stack */
  LAB_STACK_LIMIT = 1000000, /* different stacks */
  LAB_STACK_KEPT = 1000,
};

/* The id of the stack of these N frames, which are copied. If there are more
 * than LAB_STACK_DEPTH, one frame in the middle stands for those that are left
 * out (lab_frame_left_out). */
uint32_t lab_stack_intern(const lab_frame *frames, size_t n);

/* The frames of a stack. Returns how many; 0 for id 0 and for an id that
 * doesn't exist. They are valid as long as the caller has a hold, and on the
 * VM's thread until the next visit begins. */
size_t lab_stack_frames(uint32_t id, const lab_frame **frames);

/* Bytes that all tables of src/stack take. */
size_t lab_stack_bytes(void);

/* While a hold lasts, each stack that could be found when it began, or was made
 * since, keeps its frames. It costs 50 ns. */
typedef struct lab_stack_hold {
  lab_list link;
  uint32_t visit; /* during which it began */
} lab_stack_hold;
void lab_stack_hold_begin(lab_stack_hold *h);
void lab_stack_hold_end(lab_stack_hold *h);

/* The stack counts as asked for by the present visit. False: it was given back,
 * or is about to be. The VM's thread. */
bool lab_stack_keep(uint32_t id);
/* KEEP is called when a visit begins, before stacks are given back: whoever has
 * noted ids keeps those that it still needs. NULL: nobody has. The VM's thread.
 */
void lab_stack_set_keeper(void (*keep)(void));
/* A visit of a step begins: stacks of earlier ones are given back, and it gets
 * its room. Always the same thread, the VM's. */
void lab_stack_begin_visit(void);

/* For tests: replaces LAB_STACK_LIMIT, LAB_STACK_SOFT_BYTES and
 * LAB_STACK_HARD_BYTES, which take long to reach; 0 puts the usual number back.
 * Stacks that exist stay. */
void lab_stack_set_limit(uint32_t limit, size_t soft, size_t hard);

#endif
