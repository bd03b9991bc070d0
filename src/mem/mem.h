/* SPDX-License-Identifier: MIT
 * The counted heap: every byte of the lab and of its scenarios.
 *
 * Two kinds of memory come from one jemalloc arena:
 *  - application memory (this header): what Lua and the primitives allocate for
 *    the scenario. It is counted AND offered to the heap profiler (sample.h).
 *    The caller says the size when it frees a block, so the counts are the
 *    bytes that were asked for, not those of the size class.
 *  - the lab's own memory (own.h; base/alloc.h, which lab_mem_init points
 *    there; libuv's too): counted, never profiled.
 *
 * Threads: any. Signal handlers: never. */
#ifndef LAB_MEM_MEM_H
#define LAB_MEM_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/own.h"

/* Makes the arena, and installs the counted heap in base/alloc.h. Call it
 * first in main. 0 or negative errno. */
int lab_mem_init(void);

/* Tells that the calling thread allocates a lot, so it is served in the fastest
 * way. What libraries malloc on this thread is part of HeapInuse then. */
void lab_mem_adopt_thread(void);

/* Application memory. NULL when there is none left, or the limit is reached.
 * OLD and SIZE are what the block was asked with. Growing counts as a new
 * allocation and a free of the old block, as with Go's append; shrinking frees
 * the difference, also of a sample (sample.h). Reallocating NULL allocates; a
 * new size of 0 frees and returns NULL; on failure the old block stays. */
void *lab_mem_alloc(size_t size);
void *lab_mem_realloc(void *p, size_t old, size_t size);
void lab_mem_free(void *p, size_t size);

/* The number of application bytes in use beyond which lab_mem_alloc fails; 0:
 * no limit. It is checked for each block of 64 KiB or more, and otherwise every
 * 64 KiB. So each thread can exceed it by that much with small blocks, and so
 * can blocks that several threads ask for at the same moment. */
void lab_mem_set_limit(size_t bytes);
/* Application bytes in use now. Adds up all threads, so it is too slow to be
 * asked for every object. */
size_t lab_mem_app_bytes(void);
/* All bytes in use, the application's and the lab's: MemStats' HeapAlloc. As
 * slow. */
size_t lab_mem_heap_bytes(void);

/* WATCH is called after about every 64 KiB that the application has allocated,
 * on the thread that did. It must not allocate application memory. NULL: nobody
 * is called. */
void lab_mem_set_watch(void (*watch)(void));

/* Gives all idle pages back to the system now, except what other threads keep
 * in their caches. Returns the bytes released; 0 in libc builds, which can't
 * say. */
size_t lab_mem_release(void);
/* Empties the calling thread's cache, so that another thread can give back what
 * was freed here. */
void lab_mem_flush(void);

#endif
