/* SPDX-License-Identifier: MIT
 * The lab's own memory. It is counted, by the usable size of the blocks, and
 * never sampled: the heap profile shows the scenario, not the lab.
 *
 * The functions have the signatures and the meaning of libc's, so they can be
 * given to libraries (libuv). They return NULL when memory is out; the lab's
 * own code uses base/alloc.h, which stands on these.
 *
 * Threads: any. Signal handlers: never. */
#ifndef LAB_MEM_OWN_H
#define LAB_MEM_OWN_H

#include <stddef.h>

void *lab_mem_own_alloc(size_t size);
void *lab_mem_own_calloc(size_t count, size_t size);
/* Resizing to 0 bytes frees the block and returns NULL. */
void *lab_mem_own_realloc(void *p, size_t size);
void lab_mem_own_free(void *p);

#endif
