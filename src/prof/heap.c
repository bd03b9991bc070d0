/* SPDX-License-Identifier: MIT
 * See heap.h: the sink of the allocation sampler, what it counts in the
 * buckets, and snapshots.
 *
 * A sampled allocation is rare (one in 512 KiB), so one mutex over the buckets
 * is enough. It is taken under the sampler's lock, so nothing here may call
 * back into sampled memory: lab_xmalloc is the lab's own, which is not
 * sampled. */
#include "prof/heap.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "mem/memstats.h"
#include "mem/sample.h"
#include "prof/attempt.h"
#include "prof/heap_internal.h"
#include "prof/heap_table.h"
#include "prof/label.h"
#include "stack/codemap.h"
#include "stack/merge.h"
#include "stack/stack.h"
#include "stack/unwind.h"
#include "task/worker.h"

static struct {
  pthread_mutex_t lock;
  lab_heap_table table;
  size_t told;              /* bytes of tables that MemStats knows of */
  size_t shown;             /* buckets, to who asks for the present step's */
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
  lab_stack_hold hold;
  lab_stack_hold_begin(&hold);
  sample->stack = lab_stack_merge(native, n, job->stack);
  lab_stack_hold_end(&hold);
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
  size_t bytes = lab_heap_table_bytes(&heap.table) + lab_stack_bytes();
  lab_memstats_add_buck_hash((int64_t)bytes - (int64_t)heap.told);
  heap.told = bytes;
}

/* Finds the bucket of a new sample, and notes it there. */
static lab_heap_bucket *place_sample(lab_mem_sample *s) {
  size_t known = heap.table.count;
  s->place = lab_heap_table_place(&heap.table, s,
                                  s->owner && s->owner == heap.present
                                      ? LAB_HEAP_PRESENT
                                      : LAB_HEAP_OTHERS);
  if (heap.table.count != known)
    tell_heap_bytes();
  return lab_heap_table_at(&heap.table, s->place);
}

static void add_amount(lab_heap_amount *a, const lab_mem_sample *s) {
  a->samples++;
  a->sampled_bytes += s->size;
  a->weight += s->weight;
  a->bytes += s->weight * (double)s->size;
}

/* A - B, without what rounding leaves. */
static lab_heap_amount subtract_heap_amounts(lab_heap_amount a,
                                             const lab_heap_amount *b) {
  a.samples -= b->samples;
  a.sampled_bytes -= b->sampled_bytes;
  a.weight = a.samples > 0 ? a.weight - b->weight : 0;
  a.bytes = a.samples > 0 ? a.bytes - b->bytes : 0;
  return a;
}

static void subtract_amount(lab_heap_amount *a, const lab_mem_sample *s) {
  lab_heap_amount one = {0};
  add_amount(&one, s);
  *a = subtract_heap_amounts(*a, &one);
}

/* A scenario.lua is run while the step before is still served, so there may be
 * samples of a generation that is newer than the present one. */
static void note_coming(uint32_t generation) {
  if (generation <= heap.present || generation <= heap.coming)
    return;
  for (uint32_t i = 0; i < lab_heap_table_places(&heap.table); i++)
    lab_heap_table_at(&heap.table, i)->coming = (lab_heap_amount){0};
  heap.coming = generation;
}

static bool has_record(const lab_heap_bucket *b) {
  return b->own.samples > 0 || b->allocs.samples > b->marked.samples;
}

/* B has changed, and was shown before if WAS. */
static void count_shown(const lab_heap_bucket *b, bool was) {
  if (has_record(b) && !was)
    heap.shown++;
  else if (was && !has_record(b))
    heap.shown--;
}

static void add_inuse(lab_heap_bucket *b, const lab_mem_sample *s) {
  bool was = has_record(b);
  add_amount(&b->inuse, s);
  if (s->owner == heap.present)
    add_amount(&b->own, s);
  else if (s->owner == heap.coming)
    add_amount(&b->coming, s);
  count_shown(b, was);
}

static void subtract_inuse(const lab_mem_sample *s) {
  lab_heap_bucket *b = lab_heap_table_at(&heap.table, s->place);
  bool was = has_record(b);
  subtract_amount(&b->inuse, s);
  if (s->owner == heap.present)
    subtract_amount(&b->own, s);
  else if (s->owner == heap.coming)
    subtract_amount(&b->coming, s);
  count_shown(b, was);
}

static void note_allocation(lab_mem_sample *s) {
  pthread_mutex_lock(&heap.lock);
  note_coming(s->owner);
  lab_heap_bucket *b = place_sample(s);
  bool was = has_record(b);
  add_amount(&b->allocs, s);
  if (s->owner != heap.present)
    add_amount(&b->marked, s);
  count_shown(b, was);
  add_inuse(b, s);
  pthread_mutex_unlock(&heap.lock);
}

static void note_free(const lab_mem_sample *s) {
  pthread_mutex_lock(&heap.lock);
  subtract_inuse(s);
  pthread_mutex_unlock(&heap.lock);
}

static void note_shrinking(const lab_mem_sample *was, lab_mem_sample *now) {
  pthread_mutex_lock(&heap.lock);
  subtract_inuse(was);
  add_inuse(place_sample(now), now);
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
  lab_label_keep(b->label);
  lab_stack_keep(b->stack);
  if (generation == heap.present)
    return;
  b->own = generation == heap.coming ? b->coming : (lab_heap_amount){0};
  if (generation == heap.coming)
    b->coming = (lab_heap_amount){0};
}

void lab_heap_mark(uint32_t generation) {
  pthread_mutex_lock(&heap.lock);
  if (generation && generation != heap.present) {
    lab_heap_table_renew(&heap.table);
    tell_heap_bytes();
  }
  heap.shown = 0;
  for (uint32_t i = 0; i < lab_heap_table_places(&heap.table); i++) {
    lab_heap_bucket *b = lab_heap_table_at(&heap.table, i);
    mark_heap_bucket(b, generation);
    count_shown(b, false);
  }
  if (generation == heap.coming)
    heap.coming = 0;
  heap.present = generation;
  pthread_mutex_unlock(&heap.lock);
}

/* ---- snapshots ------------------------------------------------------------
 */

size_t lab_heap_count(void) {
  pthread_mutex_lock(&heap.lock);
  size_t n = heap.shown;
  pthread_mutex_unlock(&heap.lock);
  return n;
}

lab_heap_snapshot *lab_heap_take(void) {
  pthread_mutex_lock(&heap.lock);
  tell_heap_bytes();
  size_t n = lab_heap_table_places(&heap.table);
  lab_heap_snapshot *s = lab_xmalloc(sizeof *s + n * sizeof(lab_heap_bucket));
  if (n > 0)
    memcpy(s->buckets, heap.table.buckets.data, n * sizeof(lab_heap_bucket));
  pthread_mutex_unlock(&heap.lock);
  s->n = n;
  s->rate = lab_mem_rate();
  s->is_whole = false;
  s->taken_real = lab_clock_real();
  s->taken_mono = lab_clock_mono();
  s->attempt = lab_attempt_now().id;
  return s;
}

void lab_heap_whole(lab_heap_snapshot *s) {
  s->is_whole = true;
}

lab_heap_amount lab_heap_allocated(const lab_heap_snapshot *s, size_t i) {
  const lab_heap_bucket *b = &s->buckets[i];
  return s->is_whole ? b->allocs : subtract_heap_amounts(b->allocs, &b->marked);
}

lab_heap_amount lab_heap_inuse(const lab_heap_snapshot *s, size_t i) {
  return s->is_whole ? s->buckets[i].inuse : s->buckets[i].own;
}

void lab_heap_snapshot_free(lab_heap_snapshot *s) {
  lab_xfree(s);
}
