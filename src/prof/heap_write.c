/* SPDX-License-Identifier: MIT
 * See heap_write.h. Buckets of two snapshots are the same if their serials are.
 */
#include "prof/heap_write.h"

#include <math.h>

#include "base/alloc.h"
#include "mem/sample.h"
#include "prof/export.h"
#include "prof/heap_internal.h"
#include "prof/heap_table.h"
#include "prof/keymap.h"

static const lab_heap_bucket no_bucket;

static void write_bucket(lab_export *e, const lab_heap_bucket *b,
                         const lab_heap_amount *allocs,
                         const lab_heap_amount *inuse) {
  int64_t values[] = {llround(allocs->weight), llround(allocs->bytes),
                      llround(inuse->weight), llround(inuse->bytes)};
  if (b->serial)
    lab_export_sample(e, b->stack, b->label, (int64_t)b->size, values);
}

static void write_all_buckets(lab_export *e, const lab_heap_snapshot *now) {
  for (size_t i = 0; i < now->n; i++) {
    lab_heap_amount allocs = lab_heap_allocated(now, i);
    lab_heap_amount inuse = lab_heap_inuse(now, i);
    write_bucket(e, &now->buckets[i], &allocs, &inuse);
  }
}

/* ---- differences: these have nothing to do with marks -------------------- */

static lab_heap_amount subtract_estimates(const lab_heap_amount *a,
                                          const lab_heap_amount *b) {
  return (lab_heap_amount){.weight = a->weight - b->weight,
                           .bytes = a->bytes - b->bytes};
}

static void write_difference(lab_export *e, const lab_heap_bucket *b,
                             const lab_heap_bucket *old) {
  lab_heap_amount allocs = subtract_estimates(&b->allocs, &old->allocs);
  lab_heap_amount inuse = subtract_estimates(&b->inuse, &old->inuse);
  write_bucket(e, b, &allocs, &inuse);
}

/* OLD isn't there any more: since then it was joined with others. What it had
 * allocated is subtracted there. */
static void write_joined_bucket(lab_export *e, const lab_heap_bucket *old,
                                const lab_keymap *joint) {
  static const lab_heap_amount none;
  lab_heap_bucket into = {.serial = old->serial, .label = old->base};
  lab_key key = {old->stack, old->base, 0};
  bool has_its_stack = lab_keymap_find(joint, key) < joint->count;
  into.stack = has_its_stack ? old->stack : lab_heap_left_stack();
  lab_heap_amount inuse = subtract_estimates(&none, &old->inuse);
  lab_heap_amount allocs = subtract_estimates(&none, &old->allocs);
  write_bucket(e, old, &none, &inuse);
  write_bucket(e, &into, &allocs, &none);
}

/* Fills SERIALS with the numbers of all buckets of S, and JOINT with the stack
 * and label of those of all sizes. A free place gets a key of its own, so that
 * a key's number is a bucket's. */
static void index_snapshot(const lab_heap_snapshot *s, lab_keymap *serials,
                           lab_keymap *joint) {
  for (size_t i = 0; i < s->n; i++) {
    const lab_heap_bucket *b = &s->buckets[i];
    lab_keymap_add(serials, (lab_key){b->serial, b->serial ? 0 : i, 0});
    if (b->serial && b->size == 0)
      lab_keymap_add(joint, (lab_key){b->stack, b->label, 0});
  }
}

static void write_differences(lab_export *e, const lab_heap_snapshot *now,
                              const lab_heap_snapshot *before) {
  lab_keymap serials = {0}, joint = {0};
  const lab_heap_bucket **old = lab_xcalloc(now->n + 1, sizeof *old);
  index_snapshot(now, &serials, &joint);
  for (size_t j = 0; j < before->n; j++) {
    const lab_heap_bucket *b = &before->buckets[j];
    if (b->serial == 0)
      continue;
    size_t i = lab_keymap_find(&serials, (lab_key){b->serial, 0, 0});
    if (i < now->n)
      old[i] = b;
    else
      write_joined_bucket(e, b, &joint);
  }
  for (size_t i = 0; i < now->n; i++)
    write_difference(e, &now->buckets[i], old[i] ? old[i] : &no_bucket);
  lab_xfree(old);
  lab_keymap_free(&serials);
  lab_keymap_free(&joint);
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
  lab_export *e = lab_export_new(&config, (before ? before : now)->attempt);
  if (before)
    write_differences(e, now, before);
  else
    write_all_buckets(e, now);
  int rc = lab_export_finish(e, out);
  lab_export_free(e);
  return rc;
}
