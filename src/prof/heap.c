/* SPDX-License-Identifier: MIT
 * See heap.h: the sink of the allocation sampler, its buckets, snapshots, and
 * the binary form.
 *
 * A sampled allocation is rare (one in 512 KiB), so one mutex over the buckets
 * is enough. It is taken under the sampler's lock, so nothing here may call
 * back into sampled memory: lab_xmalloc is the lab's own, which is not
 * sampled. */
#include "prof/heap.h"

#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "mem/memstats.h"
#include "mem/sample.h"
#include "prof/export.h"
#include "prof/heap_internal.h"
#include "prof/keymap.h"
#include "stack/codemap.h"
#include "stack/merge.h"
#include "stack/stack.h"
#include "stack/unwind.h"
#include "task/worker.h"

static struct {
  pthread_mutex_t lock;
  lab_keymap keys; /* (stack, label, size) -> ... */
  lab_buf buckets; /* ... lab_heap_bucket[] */
  size_t told;     /* bytes of tables that MemStats knows of */
  uint32_t (*capture_vm)(uint32_t *label);
} heap = {.lock = PTHREAD_MUTEX_INITIALIZER};

static __thread bool is_vm_thread;

/* ---- where ----------------------------------------------------------------
 */

/* The shared functions of src/mem are all called lab_mem_, and the static ones
 * in between go with them. */
lab_frame *lab_heap_drop_allocator(lab_frame *native, size_t *n) {
  size_t first = 0;
  for (size_t i = 0; i < *n; i++) {
    const char *name = lab_code_name((uintptr_t)native[i] - (i > 0), NULL);
    if (name && (strncmp(name, "lab_mem_", 8) == 0 ||
                 strcmp(name, "lab_vm_alloc") == 0))
      first = i + 1;
  }
  *n -= first;
  if (first > 0 && *n > 0)
    native[first]--; /* a return address; a leaf is an instruction's */
  return native + first;
}

static uint32_t capture_worker_stack(const lab_job *job, uint32_t *label) {
  lab_frame frames[LAB_UNWIND_MAX];
  size_t n = lab_unwind_here(frames, LAB_UNWIND_MAX, 0, false);
  const lab_frame *native = lab_heap_drop_allocator(frames, &n);
  *label = job->label;
  return lab_stack_merge(native, n, job->stack);
}

static uint32_t capture_stack(uint32_t *label) {
  if (is_vm_thread)
    return heap.capture_vm(label);
  const lab_job *job = lab_worker_job();
  return job && job->stack ? capture_worker_stack(job, label) : 0;
}

/* ---- how much: under the sampler's lock -----------------------------------
 */

/* Tells MemStats of the tables' growth; stacks are kept for profiles too. */
static void tell_heap_bytes(void) {
  size_t bytes =
      lab_keymap_bytes(&heap.keys) + heap.buckets.cap + lab_stack_bytes();
  lab_memstats_add_buck_hash((int64_t)bytes - (int64_t)heap.told);
  heap.told = bytes;
}

static lab_heap_bucket *heap_bucket_of(const lab_mem_sample *s) {
  size_t known = heap.keys.count;
  lab_key key = {s->stack, s->label, s->size};
  size_t i = lab_keymap_add(&heap.keys, key);
  if (i == known) {
    lab_heap_bucket b = {.stack = s->stack, .label = s->label, .size = s->size};
    lab_buf_append(&heap.buckets, &b, sizeof b);
    tell_heap_bytes();
  }
  return (lab_heap_bucket *)(void *)heap.buckets.data + i;
}

static void note_allocation(const lab_mem_sample *s) {
  pthread_mutex_lock(&heap.lock);
  lab_heap_bucket *b = heap_bucket_of(s);
  b->allocs++;
  b->alloc_weight += s->weight;
  pthread_mutex_unlock(&heap.lock);
}

static void note_free(const lab_mem_sample *s) {
  pthread_mutex_lock(&heap.lock);
  lab_heap_bucket *b = heap_bucket_of(s);
  b->frees++;
  b->free_weight += s->weight;
  pthread_mutex_unlock(&heap.lock);
}

void lab_heap_init(uint32_t (*capture_vm)(uint32_t *label)) {
  static const lab_mem_sink sink = {capture_stack, note_allocation, note_free};
  heap.capture_vm = capture_vm;
  lab_mem_set_sink(&sink);
}

void lab_heap_set_vm_thread(void) {
  is_vm_thread = true;
}

void lab_heap_mark(void) {
  pthread_mutex_lock(&heap.lock);
  lab_heap_bucket *b = (void *)heap.buckets.data;
  for (size_t i = 0; i < heap.keys.count; i++) {
    b[i].marked_allocs = b[i].allocs;
    b[i].marked_weight = b[i].alloc_weight;
  }
  pthread_mutex_unlock(&heap.lock);
}

/* ---- snapshots ------------------------------------------------------------
 */

size_t lab_heap_count(void) {
  pthread_mutex_lock(&heap.lock);
  size_t n = heap.keys.count;
  pthread_mutex_unlock(&heap.lock);
  return n;
}

lab_heap_snapshot *lab_heap_take(void) {
  pthread_mutex_lock(&heap.lock);
  tell_heap_bytes();
  size_t n = heap.keys.count;
  lab_heap_snapshot *s = lab_xmalloc(sizeof *s + n * sizeof(lab_heap_bucket));
  if (n > 0)
    memcpy(s->buckets, heap.buckets.data, n * sizeof(lab_heap_bucket));
  pthread_mutex_unlock(&heap.lock);
  s->n = n;
  s->rate = lab_mem_rate();
  s->is_whole = false;
  s->taken_real = lab_clock_real();
  return s;
}

void lab_heap_whole(lab_heap_snapshot *s) {
  s->is_whole = true;
}

void lab_heap_snapshot_free(lab_heap_snapshot *s) {
  lab_xfree(s);
}

/* ---- profile.proto --------------------------------------------------------
 */

/* When nothing is in use the weights cancel but for rounding: say 0. */
static double objects_in_use(const lab_heap_bucket *b) {
  return b->allocs == b->frees ? 0 : b->alloc_weight - b->free_weight;
}

/* The difference of two snapshots has nothing to do with marks. */
static void write_bucket(lab_export *e, const lab_heap_bucket *now,
                         const lab_heap_bucket *before, bool whole) {
  double marked = whole ? 0 : now->marked_weight;
  double allocs = now->alloc_weight - (before ? before->alloc_weight : marked);
  double inuse = objects_in_use(now) - (before ? objects_in_use(before) : 0);
  double size = (double)now->size;
  int64_t values[] = {llround(allocs), llround(allocs * size), llround(inuse),
                      llround(inuse * size)};
  lab_export_sample(e, now->stack, now->label, (int64_t)now->size, values);
}

int lab_heap_write(const lab_heap_snapshot *now,
                   const lab_heap_snapshot *before, const char *default_type,
                   lab_buf *out) {
  static const lab_profile_type types[] = {{"alloc_objects", "count"},
                                           {"alloc_space", "bytes"},
                                           {"inuse_objects", "count"},
                                           {"inuse_space", "bytes"}};
  lab_profile_config config = {.types = types,
                               .ntypes = 4,
                               .period_type = {"space", "bytes"},
                               .period = (int64_t)now->rate,
                               .default_type = default_type,
                               .time_ns = (int64_t)now->taken_real,
                               .drop_zero = true};
  if (before)
    config.duration_ns = (int64_t)(now->taken_real - before->taken_real);
  lab_export *e = lab_export_new(&config);
  for (size_t i = 0; i < now->n; i++)
    write_bucket(e, &now->buckets[i],
                 before && i < before->n ? &before->buckets[i] : NULL,
                 before || now->is_whole);
  int rc = lab_export_finish(e, out);
  lab_export_free(e);
  return rc;
}
