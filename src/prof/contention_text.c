/* SPDX-License-Identifier: MIT
 * How block and mutex are shown: profile.proto, and Go's text,
 *
 *   --- mutex:
 *   cycles/second=1000000000
 *   sampling period=1
 *   2066234456 39 @ 0x8000000100000005 0x8000000200000007
 *   #   0x8000000100000004   lab.unlock+0x0   ?:0
 *   ...
 *
 * whose records are cycles, count and stack. Our cycles are nanoseconds. The
 * numbers are estimates of the whole already, so the period by which readers
 * multiply is 1; it is 0 while nothing is counted. */
#include "prof/contention_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "pprof/tabwriter.h"
#include "prof/contention_internal.h"
#include "prof/contention_table.h"
#include "prof/export.h"
#include "prof/registry.h"
#include "prof/text.h"

typedef struct record {
  uint32_t stack, label;
  int64_t count, ns;
} record;

static record record_at(const lab_contention_snapshot *s, size_t i) {
  const lab_contention_bucket *b = &s->buckets[i];
  lab_contention_amount shown = lab_contention_shown(b, s->is_whole);
  return (record){b->stack, b->label, shown.count, shown.ns};
}

static void write_record(lab_export *e, const record *r) {
  int64_t values[] = {r->count, r->ns};
  if (r->count || r->ns)
    lab_export_sample(e, r->stack, r->label, 0, values);
}

/* ---- differences: these have nothing to do with marks -------------------- */

static record whole_record(const lab_contention_bucket *b) {
  return (record){b->stack, b->label, llround(b->count), llround(b->ns)};
}

/* OLD isn't there any more: since then it was joined with others, where what it
 * had is subtracted. KEYS are those that are there. */
static record joined_record(const lab_contention_bucket *old,
                            const lab_keymap *keys) {
  lab_key key = {old->stack, old->base, 0};
  bool has_its_stack = lab_keymap_find(keys, key) < keys->count;
  return (record){has_its_stack ? old->stack : lab_contention_left_stack(),
                  old->base, -llround(old->count), -llround(old->ns)};
}

static void
write_contention_differences(lab_export *e, const lab_contention_snapshot *now,
                             const lab_contention_snapshot *before) {
  lab_keymap serials = {0}, keys = {0};
  record *records = lab_xmalloc((now->n + 1) * sizeof *records);
  for (size_t i = 0; i < now->n; i++) {
    const lab_contention_bucket *b = &now->buckets[i];
    lab_keymap_add(&serials, (lab_key){b->serial, 0, 0});
    lab_keymap_add(&keys, (lab_key){b->stack, b->label, 0});
    records[i] = whole_record(b);
  }
  for (size_t j = 0; j < before->n; j++) {
    const lab_contention_bucket *old = &before->buckets[j];
    size_t i = lab_keymap_find(&serials, (lab_key){old->serial, 0, 0});
    if (i < now->n) {
      records[i].count -= llround(old->count);
      records[i].ns -= llround(old->ns);
    } else {
      record r = joined_record(old, &keys);
      write_record(e, &r);
    }
  }
  for (size_t i = 0; i < now->n; i++)
    write_record(e, &records[i]);
  lab_xfree(records);
  lab_keymap_free(&serials);
  lab_keymap_free(&keys);
}

static int write_contention(const void *object, const void *old, lab_buf *out) {
  const lab_contention_snapshot *now = object, *before = old;
  static const lab_profile_type types[] = {{"contentions", "count"},
                                           {"delay", "nanoseconds"}};
  lab_profile_config config = {.types = types,
                               .ntypes = 2,
                               .period_type = types[0],
                               .period = 1,
                               .time_ns = (int64_t)now->taken_real,
                               .drop_zero = true};
  if (before)
    config.duration_ns = (int64_t)(now->taken_mono - before->taken_mono);
  lab_export *e = lab_export_new(&config, (before ? before : now)->attempt);
  if (before)
    write_contention_differences(e, now, before);
  for (size_t i = 0; !before && i < now->n; i++) {
    record r = record_at(now, i);
    write_record(e, &r);
  }
  int rc = lab_export_finish(e, out);
  lab_export_free(e);
  return rc;
}

/* ---- text ---------------------------------------------------------------- */

static int compare_delays(const void *x, const void *y) {
  const record *a = x, *b = y;
  if (a->ns != b->ns)
    return a->ns < b->ns ? 1 : -1;
  if (a->stack != b->stack)
    return a->stack > b->stack ? 1 : -1;
  return (a->label > b->label) - (a->label < b->label);
}

static record *sort_contentions(const lab_contention_snapshot *s) {
  record *r = lab_xmalloc(s->n * sizeof *r);
  for (size_t i = 0; i < s->n; i++)
    r[i] = record_at(s, i);
  qsort(r, s->n, sizeof *r, compare_delays);
  return r;
}

static void write_contention_text(const void *object, int debug, lab_buf *out) {
  const lab_contention_snapshot *s = object;
  (void)debug;
  lab_buf text = LAB_BUF_INIT;
  lab_buf_printf(&text, "--- %s:\ncycles/second=1000000000\n",
                 s->kind == LAB_BLOCK ? "contention" : "mutex");
  if (s->kind == LAB_MUTEX)
    lab_buf_printf(&text, "sampling period=%d\n", s->is_on);
  record *records = sort_contentions(s);
  for (size_t i = 0; i < s->n; i++) {
    const record *r = &records[i];
    if (r->count == 0 && r->ns == 0)
      continue;
    lab_buf_printf(&text, "%" PRId64 " %" PRId64 " @", r->ns, r->count);
    lab_text_stack(r->stack, r->label, &text);
  }
  lab_tabwriter_format(text.data, text.len, out);
  lab_xfree(records);
  lab_buf_free(&text);
}

/* ---- as profiles of the registry ----------------------------------------- */

static const lab_profile_kind block_kind;

static lab_contention which_of(const lab_profile_kind *kind) {
  return kind == &block_kind ? LAB_BLOCK : LAB_MUTEX;
}

static size_t count_contention_stacks(const lab_profile_kind *kind) {
  return lab_contention_count(which_of(kind));
}

static void *take_contention(const lab_profile_kind *kind) {
  return lab_contention_take(which_of(kind));
}

static void mark_contention(const lab_profile_kind *kind, uint32_t generation) {
  (void)kind;
  lab_contention_mark(generation);
}

static void free_contention(void *snapshot) {
  lab_contention_snapshot_free(snapshot);
}

static void include_all_contention(void *snapshot) {
  lab_contention_whole(snapshot);
}

/* One mark serves both. */
static const lab_profile_kind block_kind = {
    .name = "block",
    .description = "Stack traces that led to blocking on synchronization "
                   "primitives",
    .count = count_contention_stacks,
    .take = take_contention,
    .free = free_contention,
    .write = write_contention,
    .write_text = write_contention_text,
    .mark = mark_contention,
    .whole = include_all_contention,
};

static const lab_profile_kind mutex_kind = {
    .name = "mutex",
    .description = "Stack traces of holders of contended mutexes",
    .count = count_contention_stacks,
    .take = take_contention,
    .free = free_contention,
    .write = write_contention,
    .write_text = write_contention_text,
    .whole = include_all_contention,
};

void lab_registry_add_contention(void) {
  lab_registry_add(&block_kind);
  lab_registry_add(&mutex_kind);
}
