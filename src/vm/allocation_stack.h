/* SPDX-License-Identifier: MIT
 * Stacks inside Lua's allocator, for heap profiles.
 *
 * There the Lua stack may be read, but nothing may be pushed on it. So the C
 * function at its top is found by unwinding, by its code address; C functions
 * below it have the names by which Lua code calls them. While Lua is making
 * room for the stack itself, the stack can't even be read.
 *
 * Threads: the VM's. */
#ifndef LAB_VM_ALLOCATION_STACK_H
#define LAB_VM_ALLOCATION_STACK_H

#include <stdbool.h>

#include "mem/sample.h"

/* The heap profiler's question (prof/heap.h): stores the stack that an
 * allocation of the running task is charged to, its label, and the task's
 * generation as owner. Stores nothing if it isn't a scenario's. */
void lab_walk_allocation(lab_mem_sample *sample);
/* True while Lua is making room for its stack: it may be half changed, and must
 * not be walked. */
bool lab_walk_is_unsafe(void);
/* True where a buffer of lauxlib's (luaL_Buffer) asks for memory. */
bool lab_walk_is_in_buffer(void);

/* What is allocated until end_loading is the scenario's own code, its functions
 * and small tables. A student doesn't look for those, so heap profiles leave
 * them out: an idle step's heap profile is empty, always and not only in most
 * samples. What goes beyond 16 KiB is shown. */
void lab_allocation_begin_loading(void);
void lab_allocation_end_loading(void);

/* What is allocated until end_own is the lab's own, although a task of the
 * scenario runs. */
void lab_allocation_begin_own(void);
void lab_allocation_end_own(void);

#endif
