/* SPDX-License-Identifier: MIT
 * The heap profile as text, as Go writes it for heap?debug=1:
 *
 *   heap profile: 1: 512 [3: 1536] @ heap/1048576
 *   1: 512 [3: 1536] @ 0x55d0c0de1235 0x8000000100000005
 *   #	0x55d0c0de1234	lab_buffer_grow+0x34	/src/prim/buffer.c:40
 *   #	0x8000000100000004	main.handler+0x2	/app/main.lua:4
 *
 *   # runtime.MemStats
 *   ...
 *
 * A record: objects in use: bytes [objects allocated: bytes] @ addresses, then
 * a line for each function. The records are sorted by bytes in use. */
#include "prof/heap.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "mem/memstats.h"
#include "pprof/tabwriter.h"
#include "prof/heap_internal.h"
#include "prof/memstats_format.h"
#include "prof/text.h"

typedef struct totals {
  uint64_t inuse_objects, inuse_bytes, alloc_objects, alloc_bytes;
} totals;

static void add(totals *t, const lab_heap_bucket *b) {
  t->inuse_objects += b->allocs - b->frees;
  t->inuse_bytes += (b->allocs - b->frees) * b->size;
  t->alloc_objects += b->allocs;
  t->alloc_bytes += b->allocs * b->size;
}

static void write_totals(const totals *t, lab_buf *out) {
  lab_buf_printf(out, "%" PRIu64 ": %" PRIu64 " [%" PRIu64 ": %" PRIu64 "] @",
                 t->inuse_objects, t->inuse_bytes, t->alloc_objects,
                 t->alloc_bytes);
}

/* A reader takes equal numbers on both sides for a profile that knows no
 * allocations, so one byte is added then, as Go does. */
static void write_header(const lab_heap_snapshot *s, lab_buf *out) {
  totals t = {0};
  for (size_t i = 0; i < s->n; i++)
    add(&t, &s->buckets[i]);
  if (t.alloc_bytes == t.inuse_bytes)
    t.alloc_bytes++;
  lab_buf_puts(out, "heap profile: ");
  write_totals(&t, out);
  lab_buf_printf(out, " heap/%" PRIu64 "\n", 2 * s->rate);
}

static void write_record(uint32_t stack, const totals *t, lab_buf *out) {
  write_totals(t, out);
  lab_text_stack(stack, 0, out);
}

/* ---- all of them -----------------------------------------------------------
 */

/* Bytes in use, then allocated, then the stack's number: largest first. */
static int by_bytes(const void *x, const void *y) {
  const lab_heap_bucket *a = x, *b = y;
  uint64_t inuse_a = (a->allocs - a->frees) * a->size;
  uint64_t inuse_b = (b->allocs - b->frees) * b->size;
  if (inuse_a != inuse_b)
    return inuse_a < inuse_b ? 1 : -1;
  uint64_t alloc_a = a->allocs * a->size, alloc_b = b->allocs * b->size;
  if (alloc_a != alloc_b)
    return alloc_a < alloc_b ? 1 : -1;
  return (a->stack > b->stack) - (a->stack < b->stack);
}

static lab_heap_bucket *sorted(const lab_heap_snapshot *s) {
  lab_heap_bucket *b = lab_xmalloc(s->n * sizeof *b);
  if (s->n > 0)
    memcpy(b, s->buckets, s->n * sizeof *b);
  qsort(b, s->n, sizeof *b, by_bytes);
  return b;
}

void lab_heap_write_text(const lab_heap_snapshot *s, lab_buf *out) {
  lab_buf text = LAB_BUF_INIT;
  write_header(s, &text);
  lab_heap_bucket *buckets = sorted(s);
  for (size_t i = 0; i < s->n; i++) {
    totals t = {0};
    add(&t, &buckets[i]);
    write_record(buckets[i].stack, &t, &text);
  }
  lab_xfree(buckets);
  lab_buf_putc(&text, '\n');
  lab_memstats stats;
  lab_memstats_read(&stats);
  lab_memstats_write_text(&stats, &text);
  lab_tabwriter_format(text.data, text.len, out);
  lab_buf_free(&text);
}
