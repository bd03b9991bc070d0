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
  lab_keymap keys;          /* (stack, label, size) -> ... */
  lab_buf buckets;          /* ... lab_heap_bucket[] */
  size_t told;              /* bytes of tables that MemStats knows of */
  uint32_t present, coming; /* generations; coming: 0 or the newest seen */
  void (*capture_vm)(lab_mem_sample *sample);
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

static void capture_worker_stack(const lab_job *job, lab_mem_sample *sample) {
  lab_frame frames[LAB_UNWIND_MAX];
  size_t n = lab_unwind_here(frames, LAB_UNWIND_MAX, 0, false);
  const lab_frame *native = lab_heap_drop_allocator(frames, &n);
  sample->label = job->label;
  sample->owner = job->generation;
  sample->stack = lab_stack_merge(native, n, job->stack);
}

static void capture_stack(lab_mem_sample *sample) {
  const lab_job *job = is_vm_thread ? NULL : lab_worker_job();
  if (is_vm_thread)
    heap.capture_vm(sample);
  else if (job && job->stack)
    capture_worker_stack(job, sample);
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

static void add_amount(lab_heap_amount *a, const lab_mem_sample *s) {
  a->samples++;
  a->weight += s->weight;
}

/* When nothing is left the weights cancel but for rounding: say 0. */
static void subtract_amount(lab_heap_amount *a, const lab_mem_sample *s) {
  a->samples--;
  a->weight = a->samples > 0 ? a->weight - s->weight : 0;
}

/* A scenario.lua is run while the step before is still served, so there may be
 * samples of a generation that is newer than the present one. */
static void note_coming(uint32_t generation) {
  lab_heap_bucket *b = (void *)heap.buckets.data;
  if (generation <= heap.present || generation <= heap.coming)
    return;
  for (size_t i = 0; i < heap.keys.count; i++)
    b[i].coming = (lab_heap_amount){0};
  heap.coming = generation;
}

static void add_inuse(const lab_mem_sample *s) {
  lab_heap_bucket *b = heap_bucket_of(s);
  add_amount(&b->inuse, s);
  if (s->owner == heap.present)
    add_amount(&b->own, s);
  else if (s->owner == heap.coming)
    add_amount(&b->coming, s);
}

static void subtract_inuse(const lab_mem_sample *s) {
  lab_heap_bucket *b = heap_bucket_of(s);
  subtract_amount(&b->inuse, s);
  if (s->owner == heap.present)
    subtract_amount(&b->own, s);
  else if (s->owner == heap.coming)
    subtract_amount(&b->coming, s);
}

static void note_allocation(const lab_mem_sample *s) {
  pthread_mutex_lock(&heap.lock);
  note_coming(s->owner);
  lab_heap_bucket *b = heap_bucket_of(s);
  add_amount(&b->allocs, s);
  if (s->owner != heap.present)
    add_amount(&b->marked, s);
  add_inuse(s);
  pthread_mutex_unlock(&heap.lock);
}

static void note_free(const lab_mem_sample *s) {
  pthread_mutex_lock(&heap.lock);
  subtract_inuse(s);
  pthread_mutex_unlock(&heap.lock);
}

static void note_shrinking(const lab_mem_sample *was,
                           const lab_mem_sample *now) {
  pthread_mutex_lock(&heap.lock);
  subtract_inuse(was);
  add_inuse(now);
  pthread_mutex_unlock(&heap.lock);
}

void lab_heap_init(void (*capture_vm)(lab_mem_sample *sample)) {
  static const lab_mem_sink sink = {capture_stack, note_allocation, note_free,
                                    note_shrinking};
  heap.capture_vm = capture_vm;
  lab_mem_set_sink(&sink);
}

void lab_heap_set_vm_thread(void) {
  is_vm_thread = true;
}

static void mark_heap_bucket(lab_heap_bucket *b, uint32_t generation) {
  b->marked = b->allocs;
  if (generation == heap.present)
    return;
  b->own = generation == heap.coming ? b->coming : (lab_heap_amount){0};
  if (generation == heap.coming)
    b->coming = (lab_heap_amount){0};
}

void lab_heap_mark(uint32_t generation) {
  pthread_mutex_lock(&heap.lock);
  lab_heap_bucket *b = (void *)heap.buckets.data;
  for (size_t i = 0; i < heap.keys.count; i++)
    mark_heap_bucket(&b[i], generation);
  if (generation == heap.coming)
    heap.coming = 0;
  heap.present = generation;
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
  s->taken_mono = lab_clock_mono();
  return s;
}

void lab_heap_whole(lab_heap_snapshot *s) {
  s->is_whole = true;
}

lab_heap_amount lab_heap_allocated(const lab_heap_snapshot *s, size_t i) {
  lab_heap_amount a = s->buckets[i].allocs;
  const lab_heap_amount *marked = &s->buckets[i].marked;
  if (!s->is_whole) {
    a.samples -= marked->samples;
    a.weight = a.samples > 0 ? a.weight - marked->weight : 0;
  }
  return a;
}

lab_heap_amount lab_heap_inuse(const lab_heap_snapshot *s, size_t i) {
  return s->is_whole ? s->buckets[i].inuse : s->buckets[i].own;
}

void lab_heap_snapshot_free(lab_heap_snapshot *s) {
  lab_xfree(s);
}

/* ---- profile.proto --------------------------------------------------------
 */

static void write_bucket(lab_export *e, const lab_heap_bucket *b, double allocs,
                         double inuse) {
  double size = (double)b->size;
  int64_t values[] = {llround(allocs), llround(allocs * size), llround(inuse),
                      llround(inuse * size)};
  lab_export_sample(e, b->stack, b->label, (int64_t)b->size, values);
}

static void write_all_buckets(lab_export *e, const lab_heap_snapshot *now) {
  for (size_t i = 0; i < now->n; i++)
    write_bucket(e, &now->buckets[i], lab_heap_allocated(now, i).weight,
                 lab_heap_inuse(now, i).weight);
}

/* The difference of two snapshots has nothing to do with marks. */
static void write_differences(lab_export *e, const lab_heap_snapshot *now,
                              const lab_heap_snapshot *before) {
  static const lab_heap_bucket none;
  for (size_t i = 0; i < now->n; i++) {
    const lab_heap_bucket *b = &now->buckets[i];
    const lab_heap_bucket *old = i < before->n ? &before->buckets[i] : &none;
    write_bucket(e, b, b->allocs.weight - old->allocs.weight,
                 b->inuse.weight - old->inuse.weight);
  }
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
    config.duration_ns = (int64_t)(now->taken_mono - before->taken_mono);
  lab_export *e = lab_export_new(&config);
  if (before)
    write_differences(e, now, before);
  else
    write_all_buckets(e, now);
  int rc = lab_export_finish(e, out);
  lab_export_free(e);
  return rc;
}
