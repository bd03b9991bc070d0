/* SPDX-License-Identifier: MIT
 * Memory for the lab's own needs.
 *
 * The lowest module can't know the counted heap (src/mem), yet everything that
 * the lab allocates must be counted. So base has three function pointers. At
 * first they are libc's; lab_mem_init() replaces them, once, before the first
 * allocation.
 *
 * Functions with an x in their names never return NULL. When memory is out they
 * end the process, because a lab that can't keep its own records must not go
 * on. What a scenario asks for goes through mem.h and may fail.
 *
 * This end is orderly: one line on stderr and in the log, which begins with
 * LAB_OUT_OF_MEMORY and names the size and the thread; what outlives a process
 * is given back (lab_alloc_at_end); and the exit status is
 * LAB_OUT_OF_MEMORY_STATUS. There is no signal and no core: the lab's code is
 * not at fault.
 *
 * Threads: any. Signal handlers: never. */
#ifndef LAB_BASE_ALLOC_H
#define LAB_BASE_ALLOC_H

#include <stddef.h>

#define LAB_OUT_OF_MEMORY "diaglab: out of memory: no "
enum { LAB_OUT_OF_MEMORY_STATUS = 3 };

typedef struct lab_allocator {
  void *(*alloc)(size_t size);
  void *(*realloc)(void *p, size_t size);
  void (*free)(void *p);
} lab_allocator;

/* Installs another allocator. Call it once, before anything is allocated. */
void lab_alloc_install(const lab_allocator *allocator);

/* GIVE_BACK is called before the process ends for want of memory, once. The
 * thread may hold any lock, so GIVE_BACK must not wait for one without a time
 * limit. It has a little of libc's memory, and none of this module's. */
void lab_alloc_at_end(void (*give_back)(void));

/* Memory that counts as a scenario's, against its limit: what the lab keeps on
 * its behalf. Alloc and realloc return NULL if there is none. OLD and SIZE are
 * what the block was asked with. At first it is libc's, without a limit. */
typedef struct lab_counted_allocator {
  void *(*realloc)(void *p, size_t old, size_t size); /* P may be NULL */
  void (*free)(void *p, size_t size);
} lab_counted_allocator;

void lab_alloc_install_counted(const lab_counted_allocator *allocator);
void *lab_counted_realloc(void *p, size_t old, size_t size);
void lab_counted_free(void *p, size_t size);

/* SIZE bytes, not initialized; a SIZE of 0 counts as 1. Caller frees. */
void *lab_xmalloc(size_t size);
/* The same for what a caller can do without, such as reading a large file that
 * somebody sent: NULL if there is no such memory. As realloc(3), P may be NULL
 * and stays valid then. */
void *lab_try_malloc(size_t size);
void *lab_try_realloc(void *p, size_t size);
/* SIZE bytes of zeros, or NULL likewise. */
void *lab_try_zalloc(size_t size);
/* COUNT * SIZE bytes of zeros; aborts when the product overflows. */
void *lab_xcalloc(size_t count, size_t size);
/* As realloc(3): P may be NULL. */
void *lab_xrealloc(void *p, size_t size);
/* A copy of the string S; a copy of the first LEN bytes of S, with a final 0.
 */
char *lab_xstrdup(const char *s);
char *lab_xmemdup0(const char *s, size_t len);
/* Gives memory back; NULL is accepted. */
void lab_xfree(void *p);

#endif
