/* SPDX-License-Identifier: MIT
 * Reads a profile back, for tests. It knows as much of protobuf as that takes.
 * What isn't as profile.proto says, or as strict readers demand, fails the
 * running test. Texts point into the decoded bytes, so these must stay. */
#ifndef PPROF_DECODE_H
#define PPROF_DECODE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

enum {
  PB_STRINGS = 64,
  PB_THINGS = 32, /* samples, locations, functions, ... */
  PB_FRAMES = 16,
  PB_VALUES = 4,
};

/* The rest of a message that has not been read yet. */
typedef struct pb_in {
  const unsigned char *at, *end;
} pb_in;

/* One field: a number, or the bytes of something nested. */
typedef struct pb_field {
  uint64_t number, value;
  pb_in in;
  int nested;
} pb_field;

typedef struct pb_type {
  uint64_t type, unit;
} pb_type;

typedef struct pb_label {
  uint64_t key, str, unit;
  int64_t num;
} pb_label;

typedef struct pb_sample {
  uint64_t frames[PB_FRAMES];
  int64_t values[PB_VALUES];
  pb_label labels[PB_VALUES];
  size_t nframes, nvalues, nlabels;
} pb_sample;

typedef struct pb_mapping {
  uint64_t id, start, limit, offset, file, build_id, has[4];
} pb_mapping;

typedef struct pb_location {
  uint64_t id, mapping, address, function, nlines;
  int64_t line;
} pb_location;

typedef struct pb_function {
  uint64_t id, name, system_name, file;
  int64_t start_line;
} pb_function;

typedef struct pb_profile {
  pb_type types[PB_VALUES], period_type;
  pb_sample samples[PB_THINGS];
  pb_mapping mappings[PB_THINGS];
  pb_location locations[PB_THINGS];
  pb_function functions[PB_THINGS];
  pb_in strings[PB_STRINGS];
  uint64_t comments[PB_VALUES], default_type;
  int64_t time_ns, duration_ns, period;
  size_t ntypes, nsamples, nmappings, nlocations, nfunctions, nstrings,
      ncomments;
} pb_profile;

static inline uint64_t pb_varint(pb_in *in) {
  uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    assert_true(in->at < in->end && shift < 64);
    unsigned char byte = *in->at++;
    value |= (uint64_t)(byte & 0x7f) << shift;
    if (byte < 0x80)
      return value;
  }
}

static inline pb_field pb_next(pb_in *in) {
  uint64_t tag = pb_varint(in);
  pb_field f = {.number = tag >> 3, .nested = (tag & 7) == 2};
  assert_true((tag & 7) == 0 || (tag & 7) == 2);
  f.value = pb_varint(in);
  if (f.nested) {
    assert_true(f.value <= (uint64_t)(in->end - in->at));
    f.in = (pb_in){in->at, in->at + f.value};
    in->at += f.value;
  }
  return f;
}

/* Reads a message of numbers: field i goes to *TO[i - 1]. */
static inline void pb_numbers(pb_in in, uint64_t **to, size_t n) {
  while (in.at < in.end) {
    pb_field f = pb_next(&in);
    assert_true(!f.nested && f.number >= 1 && f.number <= n);
    assert_non_null(to[f.number - 1]);
    *to[f.number - 1] = f.value;
  }
}
#define PB_NUMBERS(in, ...)                                                    \
  pb_numbers(in, (uint64_t *[]){__VA_ARGS__},                                  \
             sizeof((uint64_t *[]){__VA_ARGS__}) / sizeof(uint64_t *))

/* Reads a packed field into TO, which has room for MAX numbers. Returns how
 * many. */
static inline size_t pb_packed(const pb_field *f, uint64_t *to, size_t max) {
  size_t n = 0;
  assert_true(f->nested);
  for (pb_in in = f->in; in.at < in.end; n++) {
    assert_true(n < max);
    to[n] = pb_varint(&in);
  }
  return n;
}

static inline void pb_read_sample(pb_in in, pb_sample *s) {
  while (in.at < in.end) {
    pb_field f = pb_next(&in);
    if (f.number == 1) {
      s->nframes = pb_packed(&f, s->frames, PB_FRAMES);
    } else if (f.number == 2) {
      s->nvalues = pb_packed(&f, (uint64_t *)s->values, PB_VALUES);
    } else {
      assert_true(f.number == 3 && f.nested && s->nlabels < PB_VALUES);
      pb_label *l = &s->labels[s->nlabels++];
      PB_NUMBERS(f.in, &l->key, &l->str, (uint64_t *)&l->num, &l->unit);
    }
  }
}

static inline void pb_read_location(pb_in in, pb_location *l) {
  uint64_t *to[] = {&l->id, &l->mapping, &l->address};
  while (in.at < in.end) {
    pb_field f = pb_next(&in);
    if (f.number == 4 && f.nested) {
      PB_NUMBERS(f.in, &l->function, (uint64_t *)&l->line);
      l->nlines++;
    } else {
      assert_true(!f.nested && f.number >= 1 && f.number <= 3);
      *to[f.number - 1] = f.value;
    }
  }
}

static inline void pb_read_nested(pb_profile *p, const pb_field *f) {
  pb_mapping *m = &p->mappings[p->nmappings];
  pb_function *fn = &p->functions[p->nfunctions];
  pb_type *t = f->number == 11 ? &p->period_type : &p->types[p->ntypes];
  assert_true(p->nsamples < PB_THINGS && p->nmappings < PB_THINGS &&
              p->nlocations < PB_THINGS && p->nfunctions < PB_THINGS &&
              p->nstrings < PB_STRINGS && p->ntypes < PB_VALUES);
  switch (f->number) {
  case 1:
    p->ntypes++; /* fall through */
  case 11:
    PB_NUMBERS(f->in, &t->type, &t->unit);
    break;
  case 2:
    pb_read_sample(f->in, &p->samples[p->nsamples++]);
    break;
  case 3:
    PB_NUMBERS(f->in, &m->id, &m->start, &m->limit, &m->offset, &m->file,
               &m->build_id, &m->has[0], &m->has[1], &m->has[2], &m->has[3]);
    p->nmappings++;
    break;
  case 4:
    pb_read_location(f->in, &p->locations[p->nlocations++]);
    break;
  case 5:
    PB_NUMBERS(f->in, &fn->id, &fn->name, &fn->system_name, &fn->file,
               (uint64_t *)&fn->start_line);
    p->nfunctions++;
    break;
  case 6:
    p->strings[p->nstrings++] = f->in;
    break;
  case 13:
    p->ncomments = pb_packed(f, p->comments, PB_VALUES);
    break;
  default:
    fail_msg("unexpected nested field %u", (unsigned)f->number);
  }
}

/* What Parca demands beyond pprof: ids 1 to n in order, locations that exist,
 * string 0 empty, labels with a key. */
static inline void pb_check(const pb_profile *p) {
  assert_true(p->nstrings > 0 && p->strings[0].at == p->strings[0].end);
  for (size_t i = 0; i < p->nmappings; i++)
    assert_int_equal(p->mappings[i].id, i + 1);
  for (size_t i = 0; i < p->nfunctions; i++)
    assert_int_equal(p->functions[i].id, i + 1);
  for (size_t i = 0; i < p->nlocations; i++) {
    assert_int_equal(p->locations[i].id, i + 1);
    assert_true(p->locations[i].mapping <= p->nmappings);
    assert_true(p->locations[i].function <= p->nfunctions);
  }
  for (size_t i = 0; i < p->nsamples; i++) {
    const pb_sample *s = &p->samples[i];
    assert_int_equal(s->nvalues, p->ntypes);
    for (size_t j = 0; j < s->nframes; j++)
      assert_in_range(s->frames[j], 1, p->nlocations);
    for (size_t j = 0; j < s->nlabels; j++)
      assert_true(s->labels[j].key != 0);
  }
}

static inline void pb_decode(const void *bytes, size_t n, pb_profile *p) {
  pb_in in = {bytes, (const unsigned char *)bytes + n};
  memset(p, 0, sizeof *p);
  while (in.at < in.end) {
    pb_field f = pb_next(&in);
    if (f.nested)
      pb_read_nested(p, &f);
    else if (f.number == 9)
      p->time_ns = (int64_t)f.value;
    else if (f.number == 10)
      p->duration_ns = (int64_t)f.value;
    else if (f.number == 12)
      p->period = (int64_t)f.value;
    else if (f.number == 14)
      p->default_type = f.value;
    else
      fail_msg("unexpected field %u", (unsigned)f.number);
  }
  pb_check(p);
}

static inline void pb_assert_string(const pb_profile *p, uint64_t number,
                                    const char *expected) {
  assert_true(number < p->nstrings);
  const pb_in *s = &p->strings[number];
  assert_int_equal(s->end - s->at, strlen(expected));
  assert_memory_equal(s->at, expected, strlen(expected));
}

#endif
