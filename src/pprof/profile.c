/* SPDX-License-Identifier: MIT
 * The builder: profile.h says how it is used, profile_internal.h has its data.
 *
 * There may be a million samples of which a hundred thousand differ, so looking
 * up a known sample allocates nothing: its frames and labels are written behind
 * those of all samples and compared there. Setting the lengths back removes
 * them. */
#include "pprof/profile.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/hash.h"
#include "pprof/profile_internal.h"

static value_type intern_type(lab_profile *p, lab_profile_type t) {
  return (value_type){lab_strtab_add(&p->strings, t.type),
                      lab_strtab_add(&p->strings, t.unit)};
}

static void add_comments(lab_profile *p, const char *const *comments) {
  for (; comments && *comments; comments++) {
    uint32_t text = lab_strtab_add(&p->strings, *comments);
    lab_buf_append(&p->comments, &text, sizeof text);
  }
}

lab_profile *lab_profile_new(const lab_profile_config *config) {
  LAB_ASSERT(config->ntypes > 0);
  lab_profile *p = lab_xcalloc(1, sizeof *p);
  for (size_t i = 0; i < config->ntypes; i++) {
    value_type t = intern_type(p, config->types[i]);
    lab_buf_append(&p->types, &t, sizeof t);
  }
  p->ntypes = config->ntypes;
  p->period_type = intern_type(p, config->period_type);
  p->period = config->period;
  p->time_ns = config->time_ns;
  p->duration_ns = config->duration_ns;
  p->default_type = lab_strtab_add(&p->strings, config->default_type);
  add_comments(p, config->comments);
  p->drop_zero = config->drop_zero;
  return p;
}

void lab_profile_free(lab_profile *p) {
  if (!p)
    return;
  lab_strtab_free(&p->strings);
  lab_table_free(&p->function_table);
  lab_table_free(&p->location_table);
  lab_table_free(&p->sample_table);
  lab_buf *arrays[] = {&p->types,     &p->comments,  &p->mappings,
                       &p->functions, &p->locations, &p->samples,
                       &p->values,    &p->frames,    &p->labels};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
    lab_buf_free(arrays[i]);
  lab_xfree(p);
}

uint64_t lab_profile_mapping(lab_profile *p, uint64_t start, uint64_t limit,
                             uint64_t offset, const char *file,
                             const char *build_id) {
  mapping m = {start, limit, offset, lab_strtab_add(&p->strings, file),
               lab_strtab_add(&p->strings, build_id)};
  lab_buf_append(&p->mappings, &m, sizeof m);
  return COUNT(&p->mappings, mapping);
}

/* Finds THING, of SIZE bytes without padding, among the things of ITEMS, or
 * appends it. Returns its id. */
static uint32_t intern_thing(lab_buf *items, lab_table *table,
                             const void *thing, size_t size) {
  uint64_t hash = lab_hash_bytes(thing, size, 0);
  lab_table_walk walk = lab_table_find(table, hash);
  uint32_t id = lab_table_next(&walk);
  while (id && memcmp(items->data + (id - 1) * size, thing, size) != 0)
    id = lab_table_next(&walk);
  if (id)
    return id;
  lab_buf_append(items, thing, size);
  id = (uint32_t)(items->len / size);
  lab_table_add(table, hash, id);
  return id;
}

uint64_t lab_profile_function(lab_profile *p, const char *name,
                              const char *file, int64_t start_line) {
  function f = {lab_strtab_add(&p->strings, name),
                lab_strtab_add(&p->strings, file), start_line};
  return intern_thing(&p->functions, &p->function_table, &f, sizeof f);
}

uint64_t lab_profile_location(lab_profile *p, uint64_t mapping_id,
                              uint64_t address, uint64_t function_id,
                              int64_t line) {
  LAB_ASSERT(mapping_id <= COUNT(&p->mappings, mapping));
  LAB_ASSERT(function_id <= COUNT(&p->functions, function));
  location l = {mapping_id, address, function_id, line};
  return intern_thing(&p->locations, &p->location_table, &l, sizeof l);
}

/* Appends the stack to all frames; returns its hash. Ids are hashed as whole
 * words: hashing byte by byte would take most of the time of a sample. */
static uint64_t push_frames(lab_profile *p, const uint64_t *locations,
                            size_t n) {
  uint64_t known = COUNT(&p->locations, location), hash = lab_hash_key[0] ^ n;
  if (n == 0)
    return hash;
  uint32_t *to = (void *)lab_buf_reserve(&p->frames, n * sizeof *to);
  for (size_t i = 0; i < n; i++) {
    LAB_ASSERT(locations[i] >= 1 && locations[i] <= known);
    to[i] = (uint32_t)locations[i];
    hash = (hash ^ locations[i]) * 0x9e3779b97f4a7c15ull;
    hash ^= hash >> 32;
  }
  p->frames.len += n * sizeof *to;
  return hash;
}

static label intern_label(lab_profile *p, const lab_profile_label *from) {
  LAB_ASSERT(from->key && *from->key);
  label l = {.key = lab_strtab_add(&p->strings, from->key)};
  if (from->str) {
    l.str = lab_strtab_add(&p->strings, from->str);
  } else {
    l.num = from->num;
    l.num_unit = lab_strtab_add(&p->strings, from->num_unit);
  }
  return l;
}

/* Appends the labels to all labels, sorted, so that the caller's order doesn't
 * matter; returns the hash of HASH and the labels. There are one or two, and
 * for so few an insertion sort is the fastest. */
static uint64_t push_labels(lab_profile *p, const lab_profile_label *labels,
                            size_t n, uint64_t hash) {
  if (n == 0)
    return lab_hash_u64(hash);
  label *to = (void *)lab_buf_reserve(&p->labels, n * sizeof *to);
  for (size_t i = 0; i < n; i++) {
    label l = intern_label(p, &labels[i]);
    size_t j = i;
    for (; j > 0 && memcmp(&to[j - 1], &l, sizeof l) > 0; j--)
      to[j] = to[j - 1];
    to[j] = l;
  }
  p->labels.len += n * sizeof *to;
  return lab_hash_bytes(to, n * sizeof *to, hash);
}

static bool is_same_sample(const lab_profile *p, const sample *a,
                           const sample *b) {
  const uint32_t *frames = ITEMS(&p->frames, uint32_t);
  const label *labels = ITEMS(&p->labels, label);
  if (a->nframes != b->nframes || a->nlabels != b->nlabels)
    return false;
  if (a->nframes && memcmp(frames + a->frames, frames + b->frames,
                           a->nframes * sizeof *frames) != 0)
    return false;
  return a->nlabels == 0 || memcmp(labels + a->labels, labels + b->labels,
                                   a->nlabels * sizeof *labels) == 0;
}

static uint32_t find_sample(const lab_profile *p, const sample *s,
                            uint64_t hash) {
  const sample *all = ITEMS(&p->samples, sample);
  lab_table_walk walk = lab_table_find(&p->sample_table, hash);
  uint32_t id = lab_table_next(&walk);
  while (id && !is_same_sample(p, &all[id - 1], s))
    id = lab_table_next(&walk);
  return id;
}

/* Adds to the values of sample ID. A sum that is too large wraps around: it is
 * computed without signs, because an overflow of signed numbers is undefined.
 */
static void add_values(lab_profile *p, uint32_t id, const int64_t *values) {
  int64_t *sum = ITEMS(&p->values, int64_t) + (id - 1) * p->ntypes;
  for (size_t i = 0; i < p->ntypes; i++)
    sum[i] = (int64_t)((uint64_t)sum[i] + (uint64_t)values[i]);
}

void lab_profile_sample(lab_profile *p, const uint64_t *locations, size_t n,
                        const int64_t *values, const lab_profile_label *labels,
                        size_t nlabels) {
  sample s = {COUNT(&p->frames, uint32_t), COUNT(&p->labels, label),
              (uint32_t)n, (uint32_t)nlabels};
  uint64_t hash = push_frames(p, locations, n);
  hash = push_labels(p, labels, nlabels, hash);
  uint32_t id = find_sample(p, &s, hash);
  if (id) {
    p->frames.len = s.frames * sizeof(uint32_t);
    p->labels.len = s.labels * sizeof(label);
    add_values(p, id, values);
    return;
  }
  lab_buf_append(&p->samples, &s, sizeof s);
  lab_buf_append(&p->values, values, p->ntypes * sizeof *values);
  lab_table_add(&p->sample_table, hash, (uint32_t)COUNT(&p->samples, sample));
}
