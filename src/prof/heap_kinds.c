/* SPDX-License-Identifier: MIT
 * The heap profile under its two names: heap shows what is in use first, allocs
 * what was ever allocated. Descriptions are those of Go's index page. */
#include "prof/heap_kinds.h"

#include "prof/heap.h"
#include "prof/heap_text.h"
#include "prof/heap_write.h"
#include "prof/registry.h"

static size_t count_heap(const lab_profile_kind *kind) {
  (void)kind;
  return lab_heap_count();
}

static void mark_heap(const lab_profile_kind *kind, uint32_t generation) {
  (void)kind;
  lab_heap_mark(generation);
}

static void *take_heap(const lab_profile_kind *kind) {
  (void)kind;
  return lab_heap_take();
}

static void free_heap(void *snapshot) {
  lab_heap_snapshot_free(snapshot);
}

static int write_heap_profile(const void *now, const void *before,
                              lab_buf *out) {
  return lab_heap_write(now, before, NULL, out);
}

static int write_allocs_profile(const void *now, const void *before,
                                lab_buf *out) {
  return lab_heap_write(now, before, "alloc_space", out);
}

static void include_all_heap(void *snapshot) {
  lab_heap_whole(snapshot);
}

/* Go has one text form: debug=2 is the same as debug=1. */
static void write_heap_text(const void *now, int debug, lab_buf *out) {
  (void)debug;
  lab_heap_write_text(now, out);
}

static const lab_profile_kind heap_kind = {
    .name = "heap",
    .description = "A sampling of memory allocations of live objects. You can "
                   "specify the gc GET parameter to run GC before taking the "
                   "heap sample.",
    .count = count_heap,
    .take = take_heap,
    .free = free_heap,
    .write = write_heap_profile,
    .write_text = write_heap_text,
    .mark = mark_heap,
    .whole = include_all_heap,
};

static const lab_profile_kind allocs_kind = {
    .name = "allocs",
    .description = "A sampling of all past memory allocations",
    .count = count_heap,
    .take = take_heap,
    .free = free_heap,
    .write = write_allocs_profile,
    .write_text = write_heap_text,
    .whole = include_all_heap, /* heap's mark is its own */
};

void lab_registry_add_heap(void) {
  lab_registry_add(&heap_kind);
  lab_registry_add(&allocs_kind);
}
