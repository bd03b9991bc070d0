/* SPDX-License-Identifier: MIT
 * The heap profile under its two names: heap shows what is in use first, allocs
 * what was ever allocated. Descriptions are those of Go's index page. */
#include "prof/heap.h"
#include "prof/registry.h"

static void *take(void) {
  return lab_heap_take();
}

static void release(void *snapshot) {
  lab_heap_snapshot_free(snapshot);
}

static int write_heap(const void *now, const void *before, lab_buf *out) {
  return lab_heap_write(now, before, NULL, out);
}

static int write_allocs(const void *now, const void *before, lab_buf *out) {
  return lab_heap_write(now, before, "alloc_space", out);
}

static void whole(void *snapshot) {
  lab_heap_whole(snapshot);
}

/* Latecomers of a step that was left can't be told from others here. */
static void mark(uint32_t generation) {
  (void)generation;
  lab_heap_mark();
}

/* Go has one text form: debug=2 is the same as debug=1. */
static void write_text(const void *now, int debug, lab_buf *out) {
  (void)debug;
  lab_heap_write_text(now, out);
}

static const lab_profile_kind heap_kind = {
    .name = "heap",
    .description = "A sampling of memory allocations of live objects. You can "
                   "specify the gc GET parameter to run GC before taking the "
                   "heap sample.",
    .count = lab_heap_count,
    .take = take,
    .free = release,
    .write = write_heap,
    .write_text = write_text,
    .mark = mark,
    .whole = whole,
};

static const lab_profile_kind allocs_kind = {
    .name = "allocs",
    .description = "A sampling of all past memory allocations",
    .count = lab_heap_count,
    .take = take,
    .free = release,
    .write = write_allocs,
    .write_text = write_text,
    .whole = whole, /* heap's mark is its own */
};

void lab_registry_add_heap(void) {
  lab_registry_add(&heap_kind);
  lab_registry_add(&allocs_kind);
}
