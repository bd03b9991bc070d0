/* SPDX-License-Identifier: MIT
 * See own.h. Blocks are counted by their usable size, which the heap knows,
 * because free doesn't get the size that was asked for. */
#include "mem/own.h"

#include "mem/arena.h"
#include "mem/counters.h"
#include "mem/scavenge.h"

static void *count_own_block(lab_mem_thread *t, void *p) {
  if (p) {
    size_t size = lab_arena_usable(p);
    lab_count_alloc(t, LAB_MEM_OWN, size);
    lab_scavenge_note(size);
    lab_scavenge_count_own(0, size);
  }
  return p;
}

void *lab_mem_own_alloc(size_t size) {
  lab_mem_thread *t = lab_mem_self();
  return count_own_block(t, lab_arena_alloc(t->cache, size));
}

void *lab_mem_own_calloc(size_t count, size_t size) {
  size_t total;
  if (__builtin_mul_overflow(count, size, &total))
    return NULL;
  lab_mem_thread *t = lab_mem_self();
  return count_own_block(t, lab_arena_zalloc(t->cache, total));
}

void *lab_mem_own_realloc(void *p, size_t size) {
  if (!p)
    return lab_mem_own_alloc(size);
  if (size == 0) {
    lab_mem_own_free(p);
    return NULL;
  }
  lab_mem_thread *t = lab_mem_self();
  size_t old = lab_arena_usable(p);
  void *fresh = lab_arena_realloc(t->cache, p, size);
  if (!fresh)
    return NULL;
  size_t now = lab_arena_usable(fresh);
  lab_count_resize(t, LAB_MEM_OWN, old, now);
  lab_scavenge_count_own(old, now);
  if (now > old)
    lab_scavenge_note(now);
  return fresh;
}

void lab_mem_own_free(void *p) {
  if (!p)
    return;
  lab_mem_thread *t = lab_mem_self();
  size_t size = lab_arena_usable(p);
  lab_count_free(t, LAB_MEM_OWN, size);
  lab_scavenge_count_own(size, 0);
  lab_arena_free(t->cache, p, size);
}
