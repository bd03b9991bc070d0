/* SPDX-License-Identifier: MIT
 * See label.h. There are few sets (routes of the steps visited lately, and what
 * scenarios label) and one lookup a request. */
#include "prof/label.h"

#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/table.h"
#include "base/utf8.h"

/* Each kind of sets has room of its own, so that none uses up the others'. */
typedef enum kind {
  ROUTE,  /* a step and a route */
  CUSTOM, /* what scenarios make of them */
  OTHER,  /* with "[other]" in it */
  KINDS
} kind;

typedef struct set {
  uint32_t id, base;
  uint32_t generation; /* the newest one that has asked for it */
  kind kind;
  bool kept;
  size_t n;
  uint64_t hash;
  lab_label pairs[]; /* sorted by key; their texts are behind them */
} set;

/* How much a visit has made. */
typedef struct visit {
  uint32_t generation;
  uint32_t made[KINDS];
} visit;

enum {
  ITSELF = -1, /* a base: the new set's */
  OTHERS = 1000,
  VISITS = 8,
  /* Of all visits but the present one. A step that fails while it is read isn't
   * followed by a mark, so this bounds what many such steps make. */
  STRANGERS = 3 * LAB_LABEL_LIMIT,
};
static const uint32_t room[KINDS] = {LAB_LABEL_ROUTES, LAB_LABEL_LIMIT, OTHERS};

static const char other[] = "[other]";

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static lab_table table; /* by content: id */
static set **sets;      /* in the order of their ids */
static uint32_t count, cap, last_id;
static uint32_t strangers; /* made since the last mark by other visits */
static visit visits[VISITS];
static uint32_t present, latest; /* generations; latest is never 0 again */

/* ---- the sets: under the lock -------------------------------------------- */

/* As long as no set was given back, ID is at place ID - 1. */
static set *set_of_id(uint32_t id) {
  uint32_t low = 0, high = id < count ? id : count;
  if (high > 0 && sets[high - 1]->id == id)
    return sets[high - 1];
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (sets[middle]->id < id)
      low = middle + 1;
    else
      high = middle;
  }
  return low < count && sets[low]->id == id ? sets[low] : NULL;
}

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

static set *find_set(const lab_label *pairs, size_t n, uint64_t hash) {
  lab_table_walk walk = lab_table_find(&table, hash);
  for (uint32_t id; (id = lab_table_next(&walk));) {
    set *s = set_of_id(id);
    if (has_pairs(s, pairs, n))
      return s;
  }
  return NULL;
}

static const char *put_label_text(char **at, const char *text) {
  size_t size = strlen(text) + 1;
  char *copy = memcpy(*at, text, size);
  *at += size;
  return copy;
}

static set *copy_set(const lab_label *pairs, size_t n) {
  size_t bytes = 0;
  for (size_t i = 0; i < n; i++)
    bytes += strlen(pairs[i].key) + strlen(pairs[i].value) + 2;
  set *s = lab_xmalloc(sizeof *s + n * sizeof *pairs + bytes);
  char *at = (char *)(s->pairs + n);
  s->n = n;
  for (size_t i = 0; i < n; i++) {
    s->pairs[i].key = put_label_text(&at, pairs[i].key);
    s->pairs[i].value = put_label_text(&at, pairs[i].value);
  }
  return s;
}

static set *append_set(set *s) {
  if (count == cap) {
    cap = cap ? 2 * cap : 32;
    sets = lab_xrealloc(sets, cap * sizeof(set *));
  }
  s->id = ++last_id;
  sets[count++] = s;
  lab_table_add(&table, s->hash, s->id);
  return s;
}

/* ---- room: under the lock ------------------------------------------------ */

/* What GENERATION has made. NULL: it was left long ago. */
static visit *visit_of(uint32_t generation) {
  visit *oldest = NULL;
  for (visit *v = visits; v < visits + VISITS; v++) {
    if (v->generation == generation)
      return v;
    if (v->generation != present && v->generation != 0 &&
        (!oldest || v->generation < oldest->generation))
      oldest = v;
  }
  for (visit *v = visits + 1; v < visits + VISITS; v++)
    if (v->generation == 0) /* the first one is that of generation 0 */
      oldest = v;
  if (!oldest || oldest->generation > generation)
    return NULL;
  *oldest = (visit){.generation = generation};
  return oldest;
}

static bool take_room(uint32_t generation, kind k) {
  visit *v = visit_of(generation);
  bool is_stranger = generation != present && generation != 0;
  if (!v || v->made[k] == room[k] || last_id == LAB_LABEL_FULL - 1 ||
      (is_stranger && strangers == STRANGERS))
    return false;
  v->made[k]++;
  strangers += is_stranger;
  return true;
}

/* The set, if it exists or there is room for it; else NULL. */
static const set *intern_set(uint32_t generation, uint32_t base,
                             const lab_label *pairs, size_t n, kind k) {
  uint64_t hash = hash_pairs(pairs, n);
  set *s = find_set(pairs, n, hash);
  if (!s && take_room(generation, k)) {
    s = copy_set(pairs, n);
    s->hash = hash;
    s->kind = k;
    s->generation = generation;
    s->kept = false;
    append_set(s);
    s->base = base == (uint32_t)ITSELF ? s->id : base;
  }
  if (s && s->generation < generation)
    s->generation = generation;
  return s;
}

/* ---- giving back: under the lock ----------------------------------------- */

static void keep_base(const set *s) {
  set *base = set_of_id(s->base);
  if (base)
    base->kept = true;
}

static bool is_needed(const set *s) {
  return s->kept || s->generation >= latest;
}

static void reindex_sets(void) {
  lab_table_free(&table);
  for (uint32_t i = 0; i < count; i++)
    lab_table_add(&table, sets[i]->hash, sets[i]->id);
}

static void shrink_sets(void) {
  cap = count > 32 ? count : 32;
  sets = lab_xrealloc(sets, cap * sizeof(set *));
}

static void give_back_old_sets(void) {
  uint32_t left = 0;
  for (uint32_t i = 0; i < count; i++)
    if (is_needed(sets[i]))
      keep_base(sets[i]);
  for (uint32_t i = 0; i < count; i++) {
    if (is_needed(sets[i]))
      sets[left++] = sets[i];
    else
      lab_xfree(sets[i]);
  }
  count = left;
  reindex_sets();
  shrink_sets();
}

void lab_label_mark(uint32_t generation) {
  pthread_mutex_lock(&lock);
  if (generation && generation != latest) {
    if (count > LAB_LABEL_KEPT)
      give_back_old_sets();
    latest = generation;
  }
  if (generation != present)
    strangers = 0;
  present = generation;
  for (uint32_t i = 0; i < count; i++)
    sets[i]->kept = false;
  visits[0] = (visit){0};
  pthread_mutex_unlock(&lock);
}

void lab_label_keep(uint32_t id) {
  pthread_mutex_lock(&lock);
  set *s = set_of_id(id);
  if (s)
    s->kept = true;
  pthread_mutex_unlock(&lock);
}

/* ---- sets ---------------------------------------------------------------- */

uint32_t lab_label_intern(uint32_t generation, const char *step,
                          const char *route) {
  lab_label pairs[] = {{"route", route}, {"step", step}};
  pthread_mutex_lock(&lock);
  const set *s = intern_set(generation, (uint32_t)ITSELF, pairs, 2, ROUTE);
  if (!s) {
    pairs[0].value = other;
    s = intern_set(generation, (uint32_t)ITSELF, pairs, 2, OTHER);
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

static uint32_t add_pair(uint32_t generation, uint32_t id, lab_label pair) {
  lab_label pairs[LAB_LABEL_KEYS + 1];
  size_t n;
  pthread_mutex_lock(&lock);
  const set *from = set_of_id(id);
  uint32_t base = from ? from->base : 0;
  size_t place = extend_set(from, pair, pairs, &n);
  if (n > LAB_LABEL_KEYS) {
    id = LAB_LABEL_FULL;
  } else {
    const set *s = intern_set(generation, base, pairs, n, CUSTOM);
    if (!s) {
      pairs[place].value = other;
      s = intern_set(generation, base, pairs, n, OTHER);
    }
    id = s ? s->id : id;
  }
  pthread_mutex_unlock(&lock);
  return id;
}

/* Made valid here, so that keys which profiles couldn't tell apart are one
 * key. */
uint32_t lab_label_with(uint32_t generation, uint32_t id, const char *key,
                        const char *value) {
  if (is_valid_text(key) && is_valid_text(value))
    return add_pair(generation, id, (lab_label){key, value});
  char *valid_key = copy_valid(key), *valid_value = copy_valid(value);
  id = add_pair(generation, id, (lab_label){valid_key, valid_value});
  lab_xfree(valid_key);
  lab_xfree(valid_value);
  return id;
}

bool lab_label_is_own(const char *key) {
  /* state: wall; bytes: heap (export.h). */
  static const char *const own[] = {"step", "route", "state", "bytes"};
  for (size_t i = 0; i < sizeof own / sizeof *own; i++)
    if (strcmp(own[i], key) == 0)
      return true;
  return false;
}

uint32_t lab_label_base(uint32_t id) {
  pthread_mutex_lock(&lock);
  const set *s = set_of_id(id);
  uint32_t base = s ? s->base : 0;
  pthread_mutex_unlock(&lock);
  return base;
}

/* ---- reading ------------------------------------------------------------- */

/* The texts move while TEXT grows: so first all of them, then the pairs. */
static size_t copy_pairs(const lab_label *from, size_t n, lab_label *pairs,
                         lab_buf *text) {
  for (size_t i = 0; i < n; i++) {
    lab_buf_append(text, from[i].key, strlen(from[i].key) + 1);
    lab_buf_append(text, from[i].value, strlen(from[i].value) + 1);
  }
  const char *at = text->data;
  for (size_t i = 0; i < n; i++) {
    pairs[i].key = at;
    pairs[i].value = at += strlen(at) + 1;
    at += strlen(at) + 1;
  }
  return n;
}

size_t lab_label_get(uint32_t id, lab_label pairs[LAB_LABEL_KEYS],
                     lab_buf *text) {
  static const lab_label gone[] = {{"route", other}, {"step", other}};
  size_t n = 0;
  lab_buf_clear(text);
  pthread_mutex_lock(&lock);
  const set *s = set_of_id(id);
  if (s)
    n = copy_pairs(s->pairs, s->n, pairs, text);
  else if (id > 0 && id <= last_id)
    n = copy_pairs(gone, 2, pairs, text);
  pthread_mutex_unlock(&lock);
  return n;
}

void lab_label_write(uint32_t id, lab_buf *out) {
  lab_label pairs[LAB_LABEL_KEYS];
  lab_buf text = LAB_BUF_INIT;
  size_t n = lab_label_get(id, pairs, &text);
  lab_json j;
  lab_json_start(&j, out);
  lab_json_begin_object(&j, LAB_JSON_COMMA_SPACE);
  for (size_t i = 0; i < n; i++) {
    lab_json_key(&j, pairs[i].key);
    lab_json_text(&j, pairs[i].value);
  }
  lab_json_end(&j);
  lab_buf_free(&text);
}
