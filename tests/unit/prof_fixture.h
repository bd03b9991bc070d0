/* SPDX-License-Identifier: MIT
 * Reads back what src/prof writes, and asks it what a user would: how much has
 * a function, alone and with what it calls. */
#ifndef PROF_FIXTURE_H
#define PROF_FIXTURE_H

#include "pprof_decode.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/buf.h"

enum { FX_MAX = 20000 };

typedef struct fx_sample {
  uint64_t frames[512];
  size_t nframes;
  int64_t values[PB_VALUES];
  pb_label labels[PB_VALUES];
  size_t nlabels;
} fx_sample;

typedef struct fx_profile {
  lab_buf raw;
  pb_in strings[FX_MAX];
  uint64_t function_name[FX_MAX];     /* by id */
  uint64_t location_function[FX_MAX]; /* by id */
  uint64_t location_address[FX_MAX];
  fx_sample samples[2000];
  size_t nstrings, nfunctions, nlocations, nsamples, nmappings;
  uint64_t period, default_type, first_file;
} fx_profile;

static inline void fx_gunzip(const lab_buf *in, lab_buf *out) {
  z_stream z;
  memset(&z, 0, sizeof z);
  assert_int_equal(inflateInit2(&z, 16 + MAX_WBITS), Z_OK);
  z.next_in = (unsigned char *)in->data;
  z.avail_in = (unsigned)in->len;
  int rc = Z_OK;
  while (rc == Z_OK) {
    z.next_out = (unsigned char *)lab_buf_reserve(out, 65536);
    z.avail_out = 65536;
    rc = inflate(&z, Z_NO_FLUSH);
    out->len += 65536 - z.avail_out;
  }
  assert_int_equal(rc, Z_STREAM_END);
  assert_int_equal(z.avail_in, 0); /* one member */
  inflateEnd(&z);
}

static inline void fx_sample_read(pb_in in, fx_sample *s) {
  while (in.at < in.end) {
    pb_field f = pb_next(&in);
    if (f.number == 1) {
      s->nframes = pb_packed(&f, s->frames, 512);
    } else if (f.number == 2) {
      pb_packed(&f, (uint64_t *)s->values, PB_VALUES);
    } else {
      pb_label *l = &s->labels[s->nlabels++];
      PB_NUMBERS(f.in, &l->key, &l->str, (uint64_t *)&l->num, &l->unit);
    }
  }
}

static inline void fx_nested(fx_profile *p, pb_field *f) {
  pb_location l = {0};
  pb_function fn = {0};
  pb_mapping m = {0};
  if (f->number == 2) {
    assert_true(p->nsamples < 2000);
    fx_sample_read(f->in, &p->samples[p->nsamples++]);
  } else if (f->number == 3) {
    PB_NUMBERS(f->in, &m.id, &m.start, &m.limit, &m.offset, &m.file,
               &m.build_id, &m.has[0], &m.has[1], &m.has[2], &m.has[3]);
    if (p->nmappings++ == 0)
      p->first_file = m.file;
  } else if (f->number == 4) {
    pb_read_location(f->in, &l);
    assert_int_equal(l.id, ++p->nlocations);
    assert_int_equal(l.nlines, 1);
    p->location_function[l.id] = l.function;
    p->location_address[l.id] = l.address;
  } else if (f->number == 5) {
    PB_NUMBERS(f->in, &fn.id, &fn.name, &fn.system_name, &fn.file,
               (uint64_t *)&fn.start_line);
    assert_int_equal(fn.id, ++p->nfunctions);
    p->function_name[fn.id] = fn.name;
  } else if (f->number == 6) {
    p->strings[p->nstrings++] = f->in;
  }
  assert_true(p->nstrings < FX_MAX && p->nlocations < FX_MAX - 1);
}

/* Takes GZ, the gzip'ed profile, and empties it. Free with fx_free. */
static inline fx_profile *fx_read(lab_buf *gz) {
  fx_profile *p = calloc(1, sizeof *p);
  assert_non_null(p);
  fx_gunzip(gz, &p->raw);
  lab_buf_free(gz);
  pb_in in = {(unsigned char *)p->raw.data,
              (unsigned char *)p->raw.data + p->raw.len};
  while (in.at < in.end) {
    pb_field f = pb_next(&in);
    if (f.nested)
      fx_nested(p, &f);
    else if (f.number == 12)
      p->period = f.value;
    else if (f.number == 14)
      p->default_type = f.value;
  }
  return p;
}

static inline void fx_free(fx_profile *p) {
  lab_buf_free(&p->raw);
  free(p);
}

static inline bool fx_is(const fx_profile *p, uint64_t string, const char *s) {
  const pb_in *in = &p->strings[string];
  return (size_t)(in->end - in->at) == strlen(s) &&
         memcmp(in->at, s, strlen(s)) == 0;
}

static inline bool fx_frame_is(const fx_profile *p, const fx_sample *s,
                               size_t i, const char *name) {
  uint64_t function = p->location_function[s->frames[i]];
  return fx_is(p, p->function_name[function], name);
}

static inline bool fx_has(const fx_profile *p, const fx_sample *s,
                          const char *name) {
  for (size_t i = 0; i < s->nframes; i++)
    if (fx_frame_is(p, s, i, name))
      return true;
  return false;
}

/* The sum of value V of the samples that have NAME in their stack; NULL: of
 * all. */
static inline int64_t fx_cum(const fx_profile *p, const char *name, size_t v) {
  int64_t sum = 0;
  for (size_t i = 0; i < p->nsamples; i++)
    if (!name || fx_has(p, &p->samples[i], name))
      sum += p->samples[i].values[v];
  return sum;
}

/* Of those that have it as their leaf. */
static inline int64_t fx_flat(const fx_profile *p, const char *name, size_t v) {
  int64_t sum = 0;
  for (size_t i = 0; i < p->nsamples; i++)
    if (fx_frame_is(p, &p->samples[i], 0, name))
      sum += p->samples[i].values[v];
  return sum;
}

static inline bool fx_has_label(const fx_profile *p, const fx_sample *s,
                                const char *key, const char *value) {
  for (size_t i = 0; i < s->nlabels; i++)
    if (fx_is(p, s->labels[i].key, key) && fx_is(p, s->labels[i].str, value))
      return true;
  return false;
}

#endif
