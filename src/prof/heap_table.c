/* SPDX-License-Identifier: MIT
 * See heap_table.h. Nothing is removed from a lab_table, so joining buckets
 * makes a new one. */
#include "prof/heap_table.h"

#include <string.h>

#include "base/hash.h"
#include "prof/export.h"
#include "prof/label.h"

typedef struct place_key {
  uint32_t stack, label;
  uint64_t size;
} place_key;

enum { SIZED, MIXED }; /* in made */

lab_heap_bucket *lab_heap_table_at(const lab_heap_table *t, uint32_t place) {
  return (lab_heap_bucket *)(void *)t->buckets.data + place;
}

size_t lab_heap_table_places(const lab_heap_table *t) {
  return t->buckets.len / sizeof(lab_heap_bucket);
}

size_t lab_heap_table_bytes(const lab_heap_table *t) {
  return t->buckets.cap + t->free.cap + lab_table_bytes(&t->by_key);
}

uint32_t lab_heap_left_stack(void) {
  return lab_export_pseudo("[allocations of steps left before]");
}

/* ---- finding and making -------------------------------------------------- */

static uint64_t hash_place_key(const place_key *k) {
  return lab_hash_u64(k->size ^
                      lab_hash_u64((uint64_t)k->stack << 32 | k->label));
}

static bool is_bucket_of(const lab_heap_bucket *b, const place_key *k) {
  return b->stack == k->stack && b->label == k->label && b->size == k->size;
}

/* The bucket's number, which is its place + 1; 0: there is none. */
static uint32_t find_heap_bucket(const lab_heap_table *t, const place_key *k) {
  lab_table_walk walk = lab_table_find(&t->by_key, hash_place_key(k));
  uint32_t number = lab_table_next(&walk);
  while (number && !is_bucket_of(lab_heap_table_at(t, number - 1), k))
    number = lab_table_next(&walk);
  return number;
}

static uint32_t take_free_place(lab_heap_table *t) {
  static const lab_heap_bucket none;
  uint32_t place = (uint32_t)lab_heap_table_places(t);
  if (t->free.len > 0) {
    t->free.len -= sizeof place;
    memcpy(&place, t->free.data + t->free.len, sizeof place);
  } else {
    lab_buf_append(&t->buckets, &none, sizeof none);
  }
  return place;
}

static uint32_t make_heap_bucket(lab_heap_table *t, const place_key *k,
                                 uint32_t base) {
  uint32_t place = take_free_place(t);
  *lab_heap_table_at(t, place) = (lab_heap_bucket){.stack = k->stack,
                                                   .label = k->label,
                                                   .base = base,
                                                   .size = k->size,
                                                   .serial = ++t->serial};
  t->count++;
  lab_table_add(&t->by_key, hash_place_key(k), place + 1);
  return place + 1;
}

static uint32_t find_or_make_heap_bucket(lab_heap_table *t, place_key k,
                                         uint32_t base, uint32_t *made,
                                         uint32_t room) {
  uint32_t number = find_heap_bucket(t, &k);
  if (number || *made == room)
    return number;
  ++*made;
  return make_heap_bucket(t, &k, base);
}

/* There are as few of these as steps and routes. */
static uint32_t joint_bucket(lab_heap_table *t, uint32_t stack, uint32_t base) {
  place_key k = {stack, base, 0};
  uint32_t number = find_heap_bucket(t, &k);
  return number ? number : make_heap_bucket(t, &k, base);
}

uint32_t lab_heap_table_place(lab_heap_table *t, const lab_mem_sample *s,
                              lab_heap_maker maker) {
  place_key sized = {s->stack, s->label, s->size};
  uint32_t number = find_heap_bucket(t, &sized);
  if (number)
    return number - 1;
  uint32_t base = lab_label_base(s->label), *made = t->made[maker];
  number =
      find_or_make_heap_bucket(t, sized, base, &made[SIZED], LAB_HEAP_LIMIT);
  if (!number)
    number = find_or_make_heap_bucket(t, (place_key){s->stack, base, 0}, base,
                                      &made[MIXED], LAB_HEAP_MIXED);
  if (!number)
    number =
        joint_bucket(t, lab_export_pseudo("[too many allocation sites]"), base);
  return number - 1;
}

/* ---- joining ------------------------------------------------------------- */

static void add_to_amount(lab_heap_amount *sum, const lab_heap_amount *a) {
  sum->samples += a->samples;
  sum->sampled_bytes += a->sampled_bytes;
  sum->weight += a->weight;
  sum->bytes += a->bytes;
}

/* The bucket at PLACE has nothing in use: it is added to another one. (Its
 * number stays in by_key, where it finds nothing any more.) */
static void join_bucket(lab_heap_table *t, uint32_t place, uint32_t stack) {
  static const lab_heap_bucket none;
  lab_heap_bucket b = *lab_heap_table_at(t, place);
  uint32_t into = joint_bucket(t, stack, b.base) - 1;
  if (into == place)
    return;
  lab_heap_bucket *joint = lab_heap_table_at(t, into);
  add_to_amount(&joint->allocs, &b.allocs);
  add_to_amount(&joint->marked, &b.marked);
  *lab_heap_table_at(t, place) = none;
  t->count--;
}

/* STACK: of all of them; 0: each keeps its own. */
static void join_idle_buckets(lab_heap_table *t, uint32_t stack) {
  for (uint32_t i = (uint32_t)lab_heap_table_places(t); i-- > 0;) {
    const lab_heap_bucket *b = lab_heap_table_at(t, i);
    if (b->serial && b->inuse.samples == 0)
      join_bucket(t, i, stack ? stack : b->stack);
  }
}

/* Buckets at the end move to free places, down to the last one that is in use.
 */
static void close_gaps(lab_heap_table *t) {
  size_t n = lab_heap_table_places(t);
  for (uint32_t low = 0; n > 0; n--) {
    const lab_heap_bucket *last = lab_heap_table_at(t, (uint32_t)n - 1);
    while (low < n && lab_heap_table_at(t, low)->serial)
      low++;
    if (last->serial && (last->inuse.samples > 0 || low == n))
      break;
    if (last->serial)
      *lab_heap_table_at(t, low) = *last;
  }
  lab_buf fewer = LAB_BUF_INIT;
  lab_buf_append(&fewer, t->buckets.data, n * sizeof(lab_heap_bucket));
  lab_buf_free(&t->buckets);
  t->buckets = fewer;
}

static void index_buckets(lab_heap_table *t) {
  lab_table_free(&t->by_key);
  lab_buf_free(&t->free);
  for (uint32_t i = 0; i < lab_heap_table_places(t); i++) {
    const lab_heap_bucket *b = lab_heap_table_at(t, i);
    place_key k = {b->stack, b->label, b->size};
    if (b->serial)
      lab_table_add(&t->by_key, hash_place_key(&k), i + 1);
    else
      lab_buf_append(&t->free, &i, sizeof i);
  }
}

void lab_heap_table_renew(lab_heap_table *t) {
  memset(t->made, 0, sizeof t->made);
  if (lab_heap_table_places(t) <= LAB_HEAP_KEPT)
    return;
  if (t->count > LAB_HEAP_KEPT)
    join_idle_buckets(t, 0);
  if (t->count > LAB_HEAP_KEPT)
    join_idle_buckets(t, lab_heap_left_stack());
  close_gaps(t); /* those that a sample was in the way of, the last time, too */
  index_buckets(t);
}
