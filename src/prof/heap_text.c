/* SPDX-License-Identifier: MIT
 * The heap profile as text, as Go writes it for heap?debug=1:
 *
 *   heap profile: 1: 512 [3: 1536] @ heap/1048576
 *   1: 512 [3: 1536] @ 0x55d0c0de1235 0x8000000100000005
 *   #   0x55d0c0de1234   lab_buffer_grow+0x34   /src/prim/buffer.c:40
 *   #   0x8000000100000004   main.handler+0x2   /app/main.lua:4
 *
 *   # runtime.MemStats
 *   ...
 *
 * A record: objects in use: bytes [objects allocated: bytes] @ addresses, then
 * a line for each function. The records are sorted by bytes in use. */
#include "prof/heap_text.h"

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

typedef struct record {
  uint32_t stack;
  totals t;
} record;

static record heap_record_at(const lab_heap_snapshot *s, size_t i) {
  const lab_heap_bucket *b = &s->buckets[i];
  lab_heap_amount inuse = lab_heap_inuse(s, i);
  lab_heap_amount allocs = lab_heap_allocated(s, i);
  totals t = {inuse.samples, inuse.sampled_bytes, allocs.samples,
              allocs.sampled_bytes};
  return (record){b->stack, t};
}

static bool is_empty_record(const record *r) {
  return r->t.inuse_objects == 0 && r->t.alloc_objects == 0;
}

static void add_totals(totals *sum, const totals *t) {
  sum->inuse_objects += t->inuse_objects;
  sum->inuse_bytes += t->inuse_bytes;
  sum->alloc_objects += t->alloc_objects;
  sum->alloc_bytes += t->alloc_bytes;
}

static void write_totals(const totals *t, lab_buf *out) {
  lab_buf_printf(out, "%" PRIu64 ": %" PRIu64 " [%" PRIu64 ": %" PRIu64 "] @",
                 t->inuse_objects, t->inuse_bytes, t->alloc_objects,
                 t->alloc_bytes);
}

/* A reader takes equal numbers on both sides for a profile that knows no
 * allocations, so one byte is added then, as Go does. */
static void write_text_header(const lab_heap_snapshot *s, const record *records,
                              lab_buf *out) {
  totals sum = {0};
  for (size_t i = 0; i < s->n; i++)
    add_totals(&sum, &records[i].t);
  if (sum.alloc_bytes == sum.inuse_bytes)
    sum.alloc_bytes++;
  lab_buf_puts(out, "heap profile: ");
  write_totals(&sum, out);
  lab_buf_printf(out, " heap/%" PRIu64 "\n", 2 * s->rate);
}

/* ---- all of them -----------------------------------------------------------
 */

/* Bytes in use, then allocated, then the stack's number: largest first. */
static int compare_bytes(const void *x, const void *y) {
  const record *a = x, *b = y;
  if (a->t.inuse_bytes != b->t.inuse_bytes)
    return a->t.inuse_bytes < b->t.inuse_bytes ? 1 : -1;
  if (a->t.alloc_bytes != b->t.alloc_bytes)
    return a->t.alloc_bytes < b->t.alloc_bytes ? 1 : -1;
  return (a->stack > b->stack) - (a->stack < b->stack);
}

static record *sort_buckets(const lab_heap_snapshot *s) {
  record *r = lab_xmalloc(s->n * sizeof *r);
  for (size_t i = 0; i < s->n; i++)
    r[i] = heap_record_at(s, i);
  qsort(r, s->n, sizeof *r, compare_bytes);
  return r;
}

void lab_heap_write_text(const lab_heap_snapshot *s, lab_buf *out) {
  lab_buf text = LAB_BUF_INIT;
  record *records = sort_buckets(s);
  write_text_header(s, records, &text);
  for (size_t i = 0; i < s->n; i++) {
    if (is_empty_record(&records[i]))
      continue;
    write_totals(&records[i].t, &text);
    lab_text_stack(records[i].stack, 0, &text);
  }
  lab_xfree(records);
  lab_buf_putc(&text, '\n');
  lab_memstats stats;
  lab_memstats_read(&stats);
  lab_memstats_write_text(&stats, &text);
  lab_tabwriter_format(text.data, text.len, out);
  lab_buf_free(&text);
}
