/* SPDX-License-Identifier: MIT
 * See query.h. Names are compared once for each function, when the query is
 * made; then a function has a bit for each name of the filter that it bears. */
#include "pprof/query.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"

enum {
  BEARS_TOP = 1 << LAB_PPROF_UNDER_MAX, /* below it: one for each of under */
  BEARS_LEAF = BEARS_TOP << 1,
  BEARS_OF = BEARS_TOP << 2,
  BEARS_ABSENT = BEARS_TOP << 3,
  IS_SCENARIOS = BEARS_TOP << 4,
  IS_IN_FILE = BEARS_TOP << 5, /* of the filter's line */
};

struct lab_pprof_query {
  const lab_pprof *p;
  lab_pprof_filter filter;
  int64_t line;   /* of the filter's line */
  uint32_t *bits; /* of each function */
};

/* ---- names --------------------------------------------------------------- */

/* The length without one ".func3" at the end; LENGTH if there is none. */
static size_t strip_closure(const char *frame, size_t length) {
  static const char word[] = ".func";
  size_t n = length;
  while (n > 0 && isdigit((unsigned char)frame[n - 1]))
    n--;
  size_t dot = n >= sizeof word - 1 ? n - (sizeof word - 1) : 0;
  bool is_closure =
      n < length && dot > 0 && memcmp(frame + dot, word, sizeof word - 1) == 0;
  return is_closure ? dot : length;
}

/* "mutex.update", or of a file that it includes: "mutex/pool.acquire". */
static bool is_scenarios(const char *frame, const char *scenario) {
  size_t n = scenario ? strlen(scenario) : 0;
  return !scenario || (strncmp(frame, scenario, n) == 0 &&
                       (frame[n] == '.' || frame[n] == '/'));
}

static bool ends_name(char c) {
  return c == '.' || c == '/';
}

/* NAME is all of FRAME's LENGTH bytes, or what is behind one of its dots or
 * slashes. */
static bool is_end_of(const char *frame, size_t length, const char *name,
                      bool may_be_short) {
  size_t n = strlen(name);
  if (n > length || memcmp(frame + length - n, name, n) != 0)
    return false;
  return n == length ||
         (may_be_short && n > 0 && ends_name(frame[length - n - 1]));
}

bool lab_pprof_is_named(const char *frame, const char *name,
                        const char *scenario) {
  bool may_be_short = is_scenarios(frame, scenario);
  size_t length = strlen(frame), longer;
  do {
    if (is_end_of(frame, length, name, may_be_short))
      return true;
    longer = length;
    length = strip_closure(frame, length);
  } while (length < longer);
  return false;
}

/* ---- making a query ------------------------------------------------------ */

/* Is the function's file what the filter's "file:line" begins with? */
static bool is_in_file(const lab_pprof_function *fn, const char *line) {
  const char *colon = strrchr(line, ':');
  size_t n = colon ? (size_t)(colon - line) : strlen(line);
  size_t length = fn->file_length;
  return n <= length && memcmp(fn->file + length - n, line, n) == 0 &&
         (n == length || fn->file[length - n - 1] == '/');
}

/* What the name says; the same for all functions of this name. */
static uint32_t find_name_bits(const lab_pprof_filter *f,
                               const lab_pprof_function *fn) {
  uint32_t bits = 0;
  for (size_t i = 0; i < f->nunder; i++)
    if (lab_pprof_is_named(fn->name, f->under[i], f->scenario))
      bits |= 1u << i;
  if (f->top && lab_pprof_is_named(fn->name, f->top, f->scenario))
    bits |= BEARS_TOP;
  if (f->leaf && strcmp(fn->name, f->leaf) == 0)
    bits |= BEARS_LEAF;
  if (f->of && lab_pprof_is_named(fn->name, f->of, f->scenario))
    bits |= BEARS_OF;
  if (f->absent && lab_pprof_is_named(fn->name, f->absent, f->scenario))
    bits |= BEARS_ABSENT;
  if (is_scenarios(fn->name, f->scenario))
    bits |= IS_SCENARIOS;
  return bits;
}

lab_pprof_query *lab_pprof_query_new(const lab_pprof *p,
                                     const lab_pprof_filter *filter) {
  LAB_ASSERT(filter->nunder <= LAB_PPROF_UNDER_MAX);
  lab_pprof_query *q = lab_xcalloc(1, sizeof *q);
  q->p = p;
  q->filter = *filter;
  q->bits = lab_xcalloc(p->nfunctions, sizeof *q->bits);
  const char *colon = filter->line ? strrchr(filter->line, ':') : NULL;
  if (colon)
    sscanf(colon + 1, "%18" SCNd64, &q->line);
  for (size_t i = 0; i < p->nfunctions; i++) {
    const lab_pprof_function *fn = &p->functions[i];
    q->bits[i] = fn->first < i ? q->bits[fn->first] & ~IS_IN_FILE
                               : find_name_bits(filter, fn);
    if (filter->line && is_in_file(fn, filter->line))
      q->bits[i] |= IS_IN_FILE;
  }
  return q;
}

void lab_pprof_query_free(lab_pprof_query *q) {
  if (q)
    lab_xfree(q->bits);
  lab_xfree(q);
}

const lab_pprof *lab_pprof_query_profile(const lab_pprof_query *q) {
  return q->p;
}

/* ---- does a sample fit? -------------------------------------------------- */

static bool has_label(const lab_pprof_sample *s, const char *key,
                      const char *value) {
  for (uint32_t i = 0; i < s->nlabels; i++) {
    const lab_pprof_label *l = &s->labels[i];
    char digits[24];
    if (strcmp(l->key, key) != 0)
      continue;
    snprintf(digits, sizeof digits, "%" PRId64, l->num);
    if (strcmp(l->str ? l->str : digits, value) == 0)
      return true;
  }
  return false;
}

/* What the frames of a stack have. */
typedef struct stack_view {
  uint32_t bits; /* of all frames */
  uint32_t leaf; /* of the innermost, */
  uint32_t top;  /* and of the innermost that is the scenario's */
  bool has_line;
} stack_view;

static stack_view view_stack(const lab_pprof_query *q,
                             const lab_pprof_sample *s) {
  lab_pprof_walk walk = {.p = q->p, .s = s};
  stack_view view = {0};
  lab_pprof_line frame;
  uint32_t at;
  for (bool is_leaf = true; lab_pprof_next_frame(&walk, &frame, &at);
       is_leaf = false) {
    if (frame.function == LAB_PPROF_NONE)
      continue;
    uint32_t bits = q->bits[frame.function];
    view.bits |= bits;
    if (is_leaf)
      view.leaf = bits;
    if ((bits & IS_SCENARIOS) && view.top == 0)
      view.top = bits;
    view.has_line |= (bits & IS_IN_FILE) && frame.line == q->line;
  }
  return view;
}

static bool is_of_whole(const lab_pprof_filter *f, const lab_pprof_sample *s,
                        const stack_view *view) {
  if (f->only_scenario && !(view->bits & IS_SCENARIOS) &&
      !(f->scenario && has_label(s, "step", f->scenario)))
    return false;
  if (f->tag_key && !has_label(s, f->tag_key, f->tag_value))
    return false;
  return !f->of || (view->bits & BEARS_OF);
}

static bool is_of_part(const lab_pprof_filter *f, const stack_view *view) {
  uint32_t under = (1u << f->nunder) - 1;
  return (view->bits & under) == under &&
         (!f->top || (view->top & BEARS_TOP)) &&
         (!f->leaf || (view->leaf & BEARS_LEAF)) &&
         (!f->line || view->has_line) &&
         (!f->absent || !(view->bits & BEARS_ABSENT));
}

lab_pprof_fit lab_pprof_query_fit(const lab_pprof_query *q,
                                  const lab_pprof_sample *s) {
  stack_view view = view_stack(q, s);
  if (!is_of_whole(&q->filter, s, &view))
    return LAB_PPROF_OUTSIDE;
  return is_of_part(&q->filter, &view) ? LAB_PPROF_PART : LAB_PPROF_REST;
}

/* ---- sums ---------------------------------------------------------------- */

static void add_to_sum(int64_t *sum, int64_t value) {
  if (__builtin_add_overflow(*sum, value, sum))
    *sum = value > 0 ? INT64_MAX : INT64_MIN;
}

/* How a profile's samples came about: the types that say so, or ntypes. */
typedef struct sampling {
  size_t samples;        /* how often a stack was met */
  size_t objects, space; /* blocks of memory, and their bytes */
  bool by_bytes;         /* is the type asked for `space`? */
} sampling;

static sampling find_sampling(const lab_pprof *p, size_t type) {
  sampling s = {.samples = lab_pprof_type_index(p, "samples"),
                .objects = p->ntypes,
                .space = p->ntypes};
  const char *name = p->types[type].type;
  const char *kind = strncmp(name, "alloc_", 6) == 0   ? "alloc"
                     : strncmp(name, "inuse_", 6) == 0 ? "inuse"
                                                       : NULL;
  char other[16];
  if (!kind)
    return s;
  snprintf(other, sizeof other, "%s_objects", kind);
  s.objects = lab_pprof_type_index(p, other);
  snprintf(other, sizeof other, "%s_space", kind);
  s.space = lab_pprof_type_index(p, other);
  s.by_bytes = type == s.space;
  return s;
}

/* A block of SIZE bytes is sampled with probability 1 - exp(-SIZE / RATE), and
 * counted as one divided by that. The variance of such a sum, for COUNT blocks
 * as they are in the profile. */
static double find_variance(double count, double size, double rate,
                            bool by_bytes) {
  double seen = 1 - exp(-size / rate), weight = by_bytes ? size : 1;
  return count * weight * weight * (1 - seen) / seen;
}

/* What one sample of the whole adds to n or, for memory, to its variance. */
static double weigh_for_n(const lab_pprof *p, const sampling *how,
                          const lab_pprof_sample *s) {
  if (how->samples < p->ntypes)
    return (double)s->values[how->samples];
  if (how->objects == p->ntypes || how->space == p->ntypes || p->period <= 1)
    return 0;
  double count = (double)s->values[how->objects];
  double bytes = (double)s->values[how->space];
  if (count <= 0 || bytes <= 0)
    return 0;
  return find_variance(count, bytes / count, (double)p->period, how->by_bytes);
}

static double count_independent(const lab_pprof *p, const sampling *how,
                                const lab_pprof_sum *sum, double weight) {
  if (how->samples < p->ntypes)
    return weight;
  if (sum->whole == 0)
    return 0;
  return (double)sum->whole * (double)sum->whole / weight; /* /0: infinite */
}

lab_pprof_sum lab_pprof_query_sum(const lab_pprof_query *q, size_t type) {
  const lab_pprof *p = q->p;
  lab_pprof_sum sum = {.share = NAN};
  if (type >= p->ntypes)
    return sum;
  sampling how = find_sampling(p, type);
  double weight = 0;
  for (size_t i = 0; i < p->nsamples; i++) {
    const lab_pprof_sample *s = &p->samples[i];
    lab_pprof_fit fit = lab_pprof_query_fit(q, s);
    if (fit == LAB_PPROF_OUTSIDE)
      continue;
    add_to_sum(&sum.whole, s->values[type]);
    if (fit == LAB_PPROF_PART)
      add_to_sum(&sum.part, s->values[type]);
    weight += weigh_for_n(p, &how, s);
  }
  if (sum.whole != 0)
    sum.share = (double)sum.part / (double)sum.whole;
  sum.n = count_independent(p, &how, &sum, weight);
  return sum;
}

/* ---- the largest functions ----------------------------------------------- */

/* Of a name, at the first function that has it. */
typedef struct name_values {
  int64_t flat, cum;
  size_t counted; /* 1 + the sample that was counted last for cum */
} name_values;

static void sum_by_name(const lab_pprof_query *q, size_t type,
                        name_values *names) {
  const lab_pprof *p = q->p;
  for (size_t i = 0; i < p->nsamples; i++) {
    const lab_pprof_sample *s = &p->samples[i];
    lab_pprof_walk walk = {.p = p, .s = s};
    lab_pprof_line frame;
    uint32_t at;
    if (lab_pprof_query_fit(q, s) != LAB_PPROF_PART)
      continue;
    for (bool is_leaf = true; lab_pprof_next_frame(&walk, &frame, &at);
         is_leaf = false) {
      if (frame.function == LAB_PPROF_NONE)
        continue;
      name_values *n = &names[p->functions[frame.function].first];
      if (is_leaf)
        add_to_sum(&n->flat, s->values[type]);
      if (n->counted != i + 1)
        add_to_sum(&n->cum, s->values[type]);
      n->counted = i + 1;
    }
  }
}

/* Puts ROW in its place among the *N largest; N stays at MAX at most. */
static void insert_row(lab_pprof_row *rows, size_t *n, size_t max,
                       lab_pprof_row row, bool by_cum) {
  size_t at = *n;
  while (at > 0 &&
         (by_cum ? rows[at - 1].cum < row.cum : rows[at - 1].flat < row.flat))
    at--;
  if (at == max)
    return;
  if (*n < max)
    ++*n;
  memmove(&rows[at + 1], &rows[at], (*n - 1 - at) * sizeof *rows);
  rows[at] = row;
}

size_t lab_pprof_query_top(const lab_pprof_query *q, size_t type, bool by_cum,
                           lab_pprof_row *rows, size_t max) {
  const lab_pprof *p = q->p;
  size_t n = 0;
  if (type >= p->ntypes || max == 0)
    return 0;
  name_values *names = lab_xcalloc(p->nfunctions, sizeof *names);
  sum_by_name(q, type, names);
  for (size_t i = 0; i < p->nfunctions; i++)
    if (names[i].flat != 0 || names[i].cum != 0)
      insert_row(
          rows, &n, max,
          (lab_pprof_row){p->functions[i].name, names[i].flat, names[i].cum},
          by_cum);
  lab_xfree(names);
  return n;
}

/* ---- without a query ----------------------------------------------------- */

size_t lab_pprof_type_index(const lab_pprof *p, const char *name) {
  if (!name)
    return p->default_type;
  size_t i = 0;
  while (i < p->ntypes && strcmp(p->types[i].type, name) != 0)
    i++;
  return i;
}

void lab_pprof_share_bounds(double share, double n, double *low, double *high) {
  if (isinf(n)) {
    *low = *high = share;
    return;
  }
  double z2 = 9; /* three standard deviations, squared */
  double middle = (share + z2 / (2 * n)) / (1 + z2 / n);
  double width =
      sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n);
  *low = n > 0 ? fmax(0, middle - width) : 0;
  *high = n > 0 ? fmin(1, middle + width) : 1;
}
