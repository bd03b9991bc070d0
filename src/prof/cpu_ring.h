/* SPDX-License-Identifier: MIT
 * A ring of samples between one producer and one consumer. Internal to
 * src/prof.
 *
 * The producer is a thread with its signal handler (never both at once: see
 * cpu_signal.c). The consumer holds the profiler's lock. The ring itself uses
 * no locks and no system calls, so push is async-signal-safe. */
#ifndef LAB_PROF_CPU_RING_H
#define LAB_PROF_CPU_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stack/unwind.h"

/* A sample, but for its native frames. */
typedef struct lab_cpu_record {
  uint64_t when;   /* mono ns of its emission */
  int16_t proc;    /* the VM's thread 0, a worker's number + 1, others -1 */
  uint32_t weight; /* us of CPU time */
  uint32_t base, label;
  uint16_t n;    /* native frames */
  bool deferred; /* emitted outside the handler: the VM had kept it */
} lab_cpu_record;

typedef struct lab_cpu_ring {
  atomic_size_t head, tail; /* words ever written, ever read */
  size_t nwords;            /* a power of two */
  uint64_t words[];
} lab_cpu_ring;

/* A ring of NWORDS (a power of two) words of 8 bytes, straight from the kernel,
 * so that pages that are never used cost nothing. NULL without memory. */
lab_cpu_ring *lab_cpu_ring_new(size_t nwords);
void lab_cpu_ring_free(lab_cpu_ring *ring);

/* False if there is no room. */
bool lab_cpu_ring_push(lab_cpu_ring *ring, const lab_cpu_record *record,
                       const lab_frame *native);
/* False if it is empty. */
bool lab_cpu_ring_pop(lab_cpu_ring *ring, lab_cpu_record *record,
                      lab_frame native[LAB_UNWIND_MAX]);

#endif
