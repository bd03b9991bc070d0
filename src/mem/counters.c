/* SPDX-License-Identifier: MIT
 * The list of threads and the sum of their cells: see counters.h.
 *
 * A thread is listed at its first allocation or free, and taken off the list by
 * the destructor of a pthread key. If another destructor allocates after that,
 * the thread is listed again, and libc calls our destructor once more. */
#include "mem/counters.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "mem/arena.h"

__thread lab_mem_thread lab_mem_tls __attribute__((tls_model("initial-exec")));

static pthread_key_t key;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static lab_list threads;
static lab_mem_counts ended; /* of threads that are gone */

static uint64_t load_cell(_Atomic uint64_t *cell) {
  return atomic_load_explicit(cell, memory_order_acquire);
}

static void add_frees(lab_mem_counts *sum, lab_mem_cells *cells) {
  sum->frees += load_cell(&cells->frees);
  for (int k = 0; k < LAB_MEM_KINDS; k++)
    sum->freed[k] += load_cell(&cells->freed[k]);
}

static void add_allocs(lab_mem_counts *sum, lab_mem_cells *cells) {
  sum->mallocs += load_cell(&cells->mallocs);
  for (int k = 0; k < LAB_MEM_KINDS; k++)
    sum->allocated[k] += load_cell(&cells->allocated[k]);
}

static void on_mem_thread_end(void *arg) {
  lab_mem_thread *t = arg;
  lab_arena_thread_end(t->cache);
  pthread_mutex_lock(&lock);
  add_frees(&ended, &t->cells);
  add_allocs(&ended, &t->cells);
  lab_list_remove(&t->link);
  pthread_mutex_unlock(&lock);
  *t = (lab_mem_thread){0};
}

int lab_counters_init(void) {
  lab_list_init(&threads);
  return -pthread_key_create(&key, on_mem_thread_end);
}

void lab_counters_begin(lab_mem_thread *t) {
  t->cache = lab_arena_thread_begin();
  t->rng = lab_hash_u64((uintptr_t)t) ^ lab_clock_mono();
  t->ready = true;
  LAB_ASSERT(pthread_setspecific(key, t) == 0); /* or its end goes unseen */
  pthread_mutex_lock(&lock);
  lab_list_push_back(&threads, &t->link);
  pthread_mutex_unlock(&lock);
}

void lab_counters_sum(lab_mem_counts *sum) {
  pthread_mutex_lock(&lock);
  *sum = ended;
  for (lab_list *l = threads.next; l != &threads; l = l->next)
    add_frees(sum, &LAB_CONTAINER(l, lab_mem_thread, link)->cells);
  for (lab_list *l = threads.next; l != &threads; l = l->next)
    add_allocs(sum, &LAB_CONTAINER(l, lab_mem_thread, link)->cells);
  pthread_mutex_unlock(&lock);
}
