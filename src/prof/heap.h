/* SPDX-License-Identifier: MIT
 * The heap profile: where sampled allocations (mem/mem.h) were made.
 *
 * Buckets are (stack, label, size), as in Go's runtime; each keeps what was
 * allocated and what is in use, raw (how many samples) and weighted (how many
 * objects they stand for). One snapshot can be subtracted from another. Their
 * number is limited (heap_table.h): what has no bucket of its own is counted in
 * one whose name says so. When a block shrinks, what is in use moves to the
 * bucket of its new size; what was allocated stays where it was.
 *
 * A sample belongs to the visit of a step whose code made it. After a mark the
 * profile shows what the new step has in use: what an older one has left behind
 * (in tasks that haven't ended yet, or as room in Lua's own tables) isn't its
 * own.
 *
 * Threads: any; never a signal handler. */
#ifndef LAB_PROF_HEAP_H
#define LAB_PROF_HEAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "mem/sample.h"
#include "stack/frame.h"

/* Installs the sink of src/mem. CAPTURE_VM stores the stack of the scenario's
 * code that runs on the VM's thread (or leaves 0: none does), its label, and as
 * owner the generation of its task; it is called on that thread only (see
 * lab_heap_set_vm_thread). A worker's stack is found here: its job's, with the
 * native frames on top. Other threads are never sampled, nor are jobs without a
 * stack. */
void lab_heap_init(void (*capture_vm)(lab_mem_sample *sample));
/* The calling thread is the VM's. */
void lab_heap_set_vm_thread(void);
/* NATIVE are *N frames that were taken inside an allocation, leaf first. Drops
 * what led from the allocation to there: all frames up to the outermost
 * function of src/mem, or Lua's allocator (lab_vm_alloc). Returns the frames
 * that remain, which begin with the code that wanted memory; *N is how many. */
lab_frame *lab_heap_drop_allocator(lab_frame *native, size_t *n);

/* The state at one moment. */
typedef struct lab_heap_snapshot lab_heap_snapshot;
lab_heap_snapshot *lab_heap_take(void);
/* Accepts NULL. */
void lab_heap_snapshot_free(lab_heap_snapshot *s);

/* The snapshot is to show all that was allocated since the process began, and
 * all that is in use; without this call it shows what the marked generation has
 * allocated since the mark, and what it has in use. */
void lab_heap_whole(lab_heap_snapshot *s);

/* A visit of a step begins, whose tasks have this generation: from now on, what
 * was allocated up to now is left out, and what others have in use. */
void lab_heap_mark(uint32_t generation);

/* How many records a snapshot shows that was taken now, for the index page. As
 * quick when there are many. */
size_t lab_heap_count(void);

#endif
