/* SPDX-License-Identifier: MIT
 * The heap's curve and the collector in a trace.
 *
 * Calls while nothing is recorded do nothing. Threads: any, never a signal
 * handler. */
#ifndef LAB_TRACE_MEMORY_H
#define LAB_TRACE_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

/* A good moment for a point of the heap's curve. At most a few thousand points
 * per second are written. */
void lab_trace_heap(void);
/* The collector begins to work, at STACK, and scenarios stand still; then they
 * go on. DONE: a cycle has ended; NEXT_GC: the size of the heap at which the
 * next one begins. */
void lab_trace_gc_begin(uint32_t stack);
void lab_trace_gc_end(bool done, uint64_t next_gc);

/* ---- inside src/trace, under the recording's lock ------------------------ */

/* A point of the heap's curve, if the last one is old enough. */
void lab_trace_heap_point(uint64_t now);
/* A collection that is under way ends. */
void lab_trace_end_gc(uint64_t now);

#endif
