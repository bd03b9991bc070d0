/* SPDX-License-Identifier: MIT
 * See delta.h. Each profile numbers its functions and locations in a way of its
 * own, so samples are compared by what these are. */
#include "pprof/delta.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/table.h"

/* ---- what a sample is ---------------------------------------------------- */

static uint64_t hash_text(const char *s, uint64_t seed) {
  return lab_hash_bytes(s ? s : "", s ? strlen(s) : 0, seed);
}

static uint64_t hash_location(const lab_pprof *p, const lab_pprof_location *l) {
  uint64_t h = l->nlines ? 1 : lab_hash_id(l->address);
  for (uint32_t i = 0; i < l->nlines; i++) {
    uint64_t line = (uint64_t)l->lines[i].line;
    h = lab_hash_u64(h ^ p->functions[l->lines[i].function].hash);
    h = lab_hash_id(h ^ line);
  }
  return h;
}

/* Each location is hashed once, however many samples have it. */
static uint64_t *hash_locations(const lab_pprof *p) {
  uint64_t *hashes = lab_xcalloc(p->nlocations, sizeof *hashes);
  for (size_t i = 0; i < p->nlocations; i++)
    hashes[i] = hash_location(p, &p->locations[i]);
  return hashes;
}

/* Labels are a set: their order doesn't matter. */
static uint64_t hash_label(const lab_pprof_label *l) {
  uint64_t h = hash_text(l->str, hash_text(l->key, 0));
  return hash_text(l->unit, lab_hash_id(h ^ (uint64_t)l->num));
}

static uint64_t hash_sample(const lab_pprof_sample *s, const uint64_t *places) {
  uint64_t h = 0;
  for (uint32_t i = 0; i < s->nlocations; i++)
    h = lab_hash_u64(h ^ places[s->locations[i]]);
  uint64_t labels = 0;
  for (uint32_t i = 0; i < s->nlabels; i++)
    labels += hash_label(&s->labels[i]);
  return lab_hash_u64(h ^ labels);
}

/* ---- comparing two samples ----------------------------------------------- */

static bool has_equal_text(const char *a, const char *b) {
  return strcmp(a ? a : "", b ? b : "") == 0;
}

/* Long texts are compared by their hash only: each frame of each sample may
 * have the same one, of many megabytes. */
static bool is_equal_function(const lab_pprof_function *f,
                              const lab_pprof_function *g) {
  enum { LONG_TEXT = 1024 };
  if (f->hash != g->hash || f->name_length != g->name_length ||
      f->file_length != g->file_length)
    return false;
  return f->name_length + f->file_length > LONG_TEXT ||
         (strcmp(f->name, g->name) == 0 && strcmp(f->file, g->file) == 0);
}

static bool is_equal_frame(const lab_pprof *a, lab_pprof_line one, uint32_t at,
                           const lab_pprof *b, lab_pprof_line other,
                           uint32_t place) {
  bool is_known = one.function != LAB_PPROF_NONE;
  if (is_known != (other.function != LAB_PPROF_NONE))
    return false;
  if (!is_known)
    return a->locations[at].address == b->locations[place].address;
  const lab_pprof_function *f = &a->functions[one.function];
  const lab_pprof_function *g = &b->functions[other.function];
  return one.line == other.line && is_equal_function(f, g);
}

static bool has_equal_stack(const lab_pprof *a, const lab_pprof_sample *s,
                            const lab_pprof *b, const lab_pprof_sample *t) {
  lab_pprof_walk walk = {.p = a, .s = s}, other = {.p = b, .s = t};
  lab_pprof_line one, two;
  uint32_t at, place;
  for (;;) {
    bool more = lab_pprof_next_frame(&walk, &one, &at);
    if (more != lab_pprof_next_frame(&other, &two, &place))
      return false;
    if (!more)
      return true;
    if (!is_equal_frame(a, one, at, b, two, place))
      return false;
  }
}

static bool is_same_label(const lab_pprof_label *a, const lab_pprof_label *b) {
  return strcmp(a->key, b->key) == 0 && has_equal_text(a->str, b->str) &&
         a->num == b->num && has_equal_text(a->unit, b->unit);
}

static bool has_label_like(const lab_pprof_sample *s,
                           const lab_pprof_label *label) {
  bool found = false;
  for (uint32_t i = 0; i < s->nlabels && !found; i++)
    found = is_same_label(&s->labels[i], label);
  return found;
}

/* The order doesn't matter; but if there are very many labels, it does: to look
 * for each among all of them would take too long. */
static bool has_same_labels(const lab_pprof_sample *s,
                            const lab_pprof_sample *t) {
  enum { MANY = 64 };
  bool is_same = s->nlabels == t->nlabels;
  for (uint32_t i = 0; i < t->nlabels && is_same; i++)
    is_same = is_same_label(&s->labels[i], &t->labels[i]) ||
              (t->nlabels <= MANY && has_label_like(s, &t->labels[i]));
  return is_same;
}

/* ---- subtracting --------------------------------------------------------- */

typedef struct subtraction {
  lab_pprof *p;
  const lab_pprof *base;
  lab_table table; /* of p's samples, without those that another one equals */
} subtraction;

/* The first sample of P that equals S of profile OF, or 0; counted from 1. */
static uint32_t find_minuend(const subtraction *x, const lab_pprof *of,
                             const lab_pprof_sample *s, uint64_t hash) {
  lab_table_walk walk = lab_table_find(&x->table, hash);
  uint32_t id;
  while ((id = lab_table_next(&walk))) {
    const lab_pprof_sample *t = &x->p->samples[id - 1];
    if (has_same_labels(t, s) && has_equal_stack(x->p, t, of, s))
      break;
  }
  return id;
}

static void enter_samples(subtraction *x) {
  uint64_t *places = hash_locations(x->p);
  for (size_t i = 0; i < x->p->nsamples; i++) {
    const lab_pprof_sample *s = &x->p->samples[i];
    uint64_t hash = hash_sample(s, places);
    if (!find_minuend(x, x->p, s, hash))
      lab_table_add(&x->table, hash, (uint32_t)i + 1);
  }
  lab_xfree(places);
}

static size_t take_off_samples(subtraction *x) {
  uint64_t *places = hash_locations(x->base);
  size_t lost = 0;
  for (size_t i = 0; i < x->base->nsamples; i++) {
    const lab_pprof_sample *s = &x->base->samples[i];
    uint32_t id = find_minuend(x, x->base, s, hash_sample(s, places));
    lost += id == 0;
    for (size_t j = 0; id && j < x->p->ntypes; j++) {
      int64_t *value = &x->p->samples[id - 1].values[j];
      if (__builtin_sub_overflow(*value, s->values[j], value))
        *value = s->values[j] > 0 ? INT64_MIN : INT64_MAX;
    }
  }
  lab_xfree(places);
  return lost;
}

static void drop_empty_samples(lab_pprof *p) {
  size_t n = 0;
  for (size_t i = 0; i < p->nsamples; i++) {
    bool has_value = false;
    for (size_t j = 0; j < p->ntypes; j++)
      has_value |= p->samples[i].values[j] != 0;
    if (has_value)
      p->samples[n++] = p->samples[i];
  }
  p->nsamples = n;
}

static int check_types(const lab_pprof *p, const lab_pprof *base,
                       lab_err *err) {
  if (p->ntypes != base->ntypes)
    return lab_err_set(err, -EINVAL, "one has %zu sample types, the other %zu",
                       p->ntypes, base->ntypes);
  for (size_t i = 0; i < p->ntypes; i++)
    if (strcmp(p->types[i].type, base->types[i].type) != 0 ||
        strcmp(p->types[i].unit, base->types[i].unit) != 0)
      return lab_err_set(err, -EINVAL,
                         "one has the sample type %s/%s, the other %s/%s",
                         p->types[i].type, p->types[i].unit,
                         base->types[i].type, base->types[i].unit);
  return 0;
}

int lab_pprof_subtract(lab_pprof *p, const lab_pprof *base, size_t *lost,
                       lab_err *err) {
  subtraction x = {.p = p, .base = base};
  int rc = check_types(p, base, err);
  if (rc)
    return rc;
  enter_samples(&x);
  size_t n = take_off_samples(&x);
  lab_table_free(&x.table);
  drop_empty_samples(p);
  if (lost)
    *lost = n;
  return 0;
}
