/* SPDX-License-Identifier: MIT
 * See cpu_ring.h. A record is three words and one for each frame:
 *   weight (32) label (32) | base (32) n (16) proc (15) deferred (1) | when |
 *   frames... */
#include "prof/cpu_ring.h"

#include <sys/mman.h>

enum { RECORD_WORDS = 3 };

static size_t ring_bytes(size_t nwords) {
  return sizeof(lab_cpu_ring) + nwords * sizeof(uint64_t);
}

lab_cpu_ring *lab_cpu_ring_new(size_t nwords) {
  lab_cpu_ring *r = mmap(NULL, ring_bytes(nwords), PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (r == MAP_FAILED)
    return NULL;
  r->nwords = nwords;
  return r;
}

void lab_cpu_ring_free(lab_cpu_ring *r) {
  if (r)
    munmap(r, ring_bytes(r->nwords));
}

static void put_word(lab_cpu_ring *r, size_t i, uint64_t word) {
  r->words[i & (r->nwords - 1)] = word;
}

static uint64_t get_word(const lab_cpu_ring *r, size_t i) {
  return r->words[i & (r->nwords - 1)];
}

bool lab_cpu_ring_push(lab_cpu_ring *r, const lab_cpu_record *record,
                       const lab_frame *native) {
  size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
  size_t tail = atomic_load_explicit(&r->tail, memory_order_acquire);
  if (r->nwords - (head - tail) < RECORD_WORDS + (size_t)record->n)
    return false;
  put_word(r, head++, record->weight | (uint64_t)record->label << 32);
  put_word(r, head++,
           record->base | (uint64_t)record->n << 32 |
               (uint64_t)(record->proc + 1) << 48 |
               (uint64_t)record->deferred << 63);
  put_word(r, head++, record->when);
  for (size_t i = 0; i < record->n; i++)
    put_word(r, head++, native[i]);
  atomic_store_explicit(&r->head, head, memory_order_release);
  return true;
}

bool lab_cpu_ring_pop(lab_cpu_ring *r, lab_cpu_record *record,
                      lab_frame native[LAB_UNWIND_MAX]) {
  size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
  if (tail == atomic_load_explicit(&r->head, memory_order_acquire))
    return false;
  uint64_t first = get_word(r, tail++), second = get_word(r, tail++);
  *record = (lab_cpu_record){.weight = (uint32_t)first,
                             .label = (uint32_t)(first >> 32),
                             .base = (uint32_t)second,
                             .n = (uint16_t)(second >> 32),
                             .deferred = second >> 63,
                             .proc = (int16_t)((second >> 48 & 0x7fff) - 1),
                             .when = get_word(r, tail++)};
  for (size_t i = 0; i < record->n; i++)
    native[i] = get_word(r, tail++);
  atomic_store_explicit(&r->tail, tail, memory_order_release);
  return true;
}
