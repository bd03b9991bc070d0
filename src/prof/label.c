/* SPDX-License-Identifier: MIT
 * See label.h. There are few sets (routes of the steps visited so far, and what
 * scenarios label) and one lookup a request. */
#include "prof/label.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/table.h"
#include "base/utf8.h"

typedef struct set {
  uint32_t id;
  size_t n;
  lab_label pairs[]; /* sorted by key */
} set;

/* Each kind of sets has room of its own, so that none uses up the others'. */
typedef enum kind {
  ROUTE,  /* a step and a route */
  CUSTOM, /* what scenarios make of them */
  OTHER,  /* with "[other]" in it */
  KINDS
} kind;

enum { ROUTES = 1000, OTHERS = 1000, ALL = ROUTES + LAB_LABEL_LIMIT + OTHERS };
static const uint32_t room[KINDS] = {ROUTES, LAB_LABEL_LIMIT, OTHERS};

static const char other[] = "[other]";

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static lab_table table; /* by content */
static set *sets[ALL];  /* by id - 1 */
static uint32_t count, count_of[KINDS];

/* ---- the table: under the lock ------------------------------------------- */

static uint64_t hash_pairs(const lab_label *pairs, size_t n) {
  uint64_t h = n;
  for (size_t i = 0; i < n; i++) {
    h = lab_hash_bytes(pairs[i].key, strlen(pairs[i].key), h);
    h = lab_hash_bytes(pairs[i].value, strlen(pairs[i].value), h);
  }
  return h;
}

static bool has_pairs(const set *s, const lab_label *pairs, size_t n) {
  bool same = s->n == n;
  for (size_t i = 0; i < n && same; i++)
    same = strcmp(s->pairs[i].key, pairs[i].key) == 0 &&
           strcmp(s->pairs[i].value, pairs[i].value) == 0;
  return same;
}

static const set *find_set(const lab_label *pairs, size_t n, uint64_t hash) {
  lab_table_walk walk = lab_table_find(&table, hash);
  uint32_t id = lab_table_next(&walk);
  while (id && !has_pairs(sets[id - 1], pairs, n))
    id = lab_table_next(&walk);
  return id ? sets[id - 1] : NULL;
}

static const set *add_set(const lab_label *pairs, size_t n, uint64_t hash) {
  set *s = lab_xmalloc(sizeof *s + n * sizeof *pairs);
  s->id = ++count;
  s->n = n;
  for (size_t i = 0; i < n; i++)
    s->pairs[i] =
        (lab_label){lab_xstrdup(pairs[i].key), lab_xstrdup(pairs[i].value)};
  sets[count - 1] = s;
  lab_table_add(&table, hash, s->id);
  return s;
}

/* The set, if it exists or there is room for it; else NULL. */
static const set *intern_set(const lab_label *pairs, size_t n, kind k) {
  uint64_t hash = hash_pairs(pairs, n);
  const set *s = find_set(pairs, n, hash);
  if (s || count_of[k] == room[k])
    return s;
  count_of[k]++;
  return add_set(pairs, n, hash);
}

static const set *set_of_id(uint32_t id) {
  return id > 0 && id <= count ? sets[id - 1] : NULL;
}

/* ---- sets ---------------------------------------------------------------- */

uint32_t lab_label_intern(const char *step, const char *route) {
  lab_label pairs[] = {{"route", route}, {"step", step}};
  pthread_mutex_lock(&lock);
  const set *s = intern_set(pairs, 2, ROUTE);
  if (!s) {
    pairs[0].value = pairs[1].value = other;
    s = intern_set(pairs, 2, OTHER);
  }
  uint32_t id = s ? s->id : 0;
  pthread_mutex_unlock(&lock);
  return id;
}

/* Copies FROM's pairs and enters one more, or changes the one of its key;
 * returns its place. OUT has room for LAB_LABEL_KEYS + 1. */
static size_t extend_set(const set *from, lab_label pair, lab_label *out,
                         size_t *n) {
  size_t i = 0, count_from = from ? from->n : 0;
  while (i < count_from && strcmp(from->pairs[i].key, pair.key) < 0) {
    out[i] = from->pairs[i];
    i++;
  }
  size_t place = i, skip = i;
  if (i < count_from && strcmp(from->pairs[i].key, pair.key) == 0)
    skip++;
  out[i++] = pair;
  while (skip < count_from)
    out[i++] = from->pairs[skip++];
  *n = i;
  return place;
}

static bool is_valid_text(const char *s) {
  size_t n = strlen(s);
  return lab_utf8_valid_length(s, n) == n;
}

/* A copy of S as valid UTF-8, which the caller frees. */
static char *copy_valid(const char *s) {
  lab_buf valid = LAB_BUF_INIT;
  lab_utf8_append(&valid, s, strlen(s) + 1); /* and the final 0 */
  return valid.data;
}

static uint32_t add_pair(uint32_t id, lab_label pair) {
  lab_label pairs[LAB_LABEL_KEYS + 1];
  size_t n;
  pthread_mutex_lock(&lock);
  size_t place = extend_set(set_of_id(id), pair, pairs, &n);
  if (n <= LAB_LABEL_KEYS) {
    const set *s = intern_set(pairs, n, CUSTOM);
    if (!s) {
      pairs[place].value = other;
      s = intern_set(pairs, n, OTHER);
    }
    id = s ? s->id : id;
  }
  pthread_mutex_unlock(&lock);
  return id;
}

/* Made valid here, so that keys which profiles couldn't tell apart are one
 * key. */
uint32_t lab_label_with(uint32_t id, const char *key, const char *value) {
  if (is_valid_text(key) && is_valid_text(value))
    return add_pair(id, (lab_label){key, value});
  char *valid_key = copy_valid(key), *valid_value = copy_valid(value);
  id = add_pair(id, (lab_label){valid_key, valid_value});
  lab_xfree(valid_key);
  lab_xfree(valid_value);
  return id;
}

size_t lab_label_get(uint32_t id, const lab_label **pairs) {
  pthread_mutex_lock(&lock);
  const set *s = set_of_id(id);
  pthread_mutex_unlock(&lock);
  *pairs = s ? s->pairs : NULL;
  return s ? s->n : 0;
}

void lab_label_write(uint32_t id, lab_buf *out) {
  const lab_label *pairs;
  size_t n = lab_label_get(id, &pairs);
  lab_json j;
  lab_json_start(&j, out);
  lab_json_begin_object(&j, LAB_JSON_COMMA_SPACE);
  for (size_t i = 0; i < n; i++) {
    lab_json_key(&j, pairs[i].key);
    lab_json_text(&j, pairs[i].value);
  }
  lab_json_end(&j);
}
