/* SPDX-License-Identifier: MIT
 * See contention_table.h. */
#include "prof/contention_table.h"

#include <string.h>

#include "prof/export.h"
#include "prof/label.h"

static lab_contention_bucket *get_bucket(const lab_contention_table *t,
                                         size_t i) {
  return (lab_contention_bucket *)(void *)t->buckets.data + i;
}

size_t lab_contention_table_bytes(const lab_contention_table *t) {
  return lab_keymap_bytes(&t->keys) + t->buckets.cap;
}

uint32_t lab_contention_left_stack(void) {
  return lab_export_pseudo("[contentions of steps left before]");
}

/* ---- finding and making -------------------------------------------------- */

/* The number of the bucket for B's stack and label. If there is none it is a
 * copy of B, with a serial of its own unless B has one. */
static size_t enter_bucket(lab_contention_table *t,
                           const lab_contention_bucket *b) {
  size_t known = t->keys.count;
  size_t i = lab_keymap_add(&t->keys, (lab_key){b->stack, b->label, 0});
  if (i == known) {
    lab_buf_append(&t->buckets, b, sizeof *b);
    if (b->serial == 0)
      get_bucket(t, i)->serial = ++t->serial;
  }
  return i;
}

/* The same, if it exists or there is room: else t->keys.count. */
static size_t enter_if_room(lab_contention_table *t, uint32_t stack,
                            uint32_t label, uint32_t base, uint32_t *made) {
  lab_contention_bucket b = {.stack = stack, .label = label, .base = base};
  size_t i = lab_keymap_find(&t->keys, (lab_key){stack, label, 0});
  if (i < t->keys.count || *made == LAB_CONTENTION_LIMIT)
    return i;
  ++*made;
  return enter_bucket(t, &b);
}

static size_t find_or_enter(lab_contention_table *t, uint32_t stack,
                            uint32_t label, bool is_present) {
  uint32_t base = lab_label_base(label), *made = t->made[is_present];
  size_t i = enter_if_room(t, stack, label, base, &made[0]);
  if (i == t->keys.count)
    i = enter_if_room(t, stack, base, base, &made[1]);
  if (i < t->keys.count)
    return i;
  lab_contention_bucket rest = {
      .stack = lab_export_pseudo("[too many contention sites]"),
      .label = base,
      .base = base};
  return enter_bucket(t, &rest);
}

lab_contention_bucket *lab_contention_table_at(lab_contention_table *t,
                                               uint32_t stack, uint32_t label,
                                               bool is_present) {
  uint32_t *latest = &t->latest[stack % LAB_CONTENTION_LATEST];
  if (t->keys.count == 0 || get_bucket(t, *latest)->stack != stack ||
      get_bucket(t, *latest)->label != label)
    *latest = (uint32_t)find_or_enter(t, stack, label, is_present);
  return get_bucket(t, *latest);
}

/* ---- joining ------------------------------------------------------------- */

/* STACK: of all of them; 0: each keeps its own. */
static void join_contentions(lab_contention_table *t, uint32_t stack) {
  lab_contention_table joined = {.serial = t->serial};
  for (size_t i = 0; i < t->keys.count; i++) {
    lab_contention_bucket b = *get_bucket(t, i);
    size_t known = joined.keys.count;
    if (b.label != b.base || (stack && b.stack != stack))
      b.serial = 0;
    b.label = b.base;
    b.stack = stack ? stack : b.stack;
    size_t into = enter_bucket(&joined, &b);
    if (into == known)
      continue;
    lab_contention_bucket *sum = get_bucket(&joined, into);
    sum->count += b.count;
    sum->ns += b.ns;
  }
  lab_keymap_free(&t->keys);
  lab_buf_free(&t->buckets);
  *t = joined;
}

void lab_contention_table_renew(lab_contention_table *t) {
  memset(t->made, 0, sizeof t->made);
  if (t->keys.count > LAB_CONTENTION_KEPT)
    join_contentions(t, 0);
  if (t->keys.count > LAB_CONTENTION_KEPT)
    join_contentions(t, lab_contention_left_stack());
}
