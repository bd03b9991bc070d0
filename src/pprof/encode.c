/* SPDX-License-Identifier: MIT
 * See encode.h. The field numbers below are those of profile.proto
 * (github.com/google/pprof/proto/profile.proto). The parts are written in the
 * order of the numbers.
 *
 * Messages are collected in a buffer and handed to gzip 64 kB at a time, so the
 * whole profile is never in memory uncompressed. */
#include "pprof/encode.h"

#include <stddef.h>

#include "pprof/gzip.h"
#include "pprof/profile_internal.h"
#include "pprof/proto.h"

/* message Profile */
enum {
  PROFILE_SAMPLE_TYPE = 1,     /* repeated ValueType */
  PROFILE_SAMPLE = 2,          /* repeated Sample */
  PROFILE_MAPPING = 3,         /* repeated Mapping */
  PROFILE_LOCATION = 4,        /* repeated Location */
  PROFILE_FUNCTION = 5,        /* repeated Function */
  PROFILE_STRING_TABLE = 6,    /* repeated string */
  PROFILE_TIME_NANOS = 9,      /* int64 */
  PROFILE_DURATION = 10,       /* int64, nanoseconds */
  PROFILE_PERIOD_TYPE = 11,    /* ValueType */
  PROFILE_PERIOD = 12,         /* int64 */
  PROFILE_COMMENT = 13,        /* repeated int64, a string's number */
  PROFILE_DEFAULT_SAMPLE = 14, /* int64, a string's number */
};

/* message ValueType: two strings */
enum { VALUE_TYPE_TYPE = 1, VALUE_TYPE_UNIT = 2 };

/* message Sample */
enum {
  SAMPLE_LOCATION_ID = 1, /* repeated uint64, leaf first */
  SAMPLE_VALUE = 2,       /* repeated int64 */
  SAMPLE_LABEL = 3,       /* repeated Label */
};

/* message Label */
enum {
  LABEL_KEY = 1,      /* string */
  LABEL_STR = 2,      /* string */
  LABEL_NUM = 3,      /* int64 */
  LABEL_NUM_UNIT = 4, /* string */
};

/* message Mapping */
enum {
  MAPPING_ID = 1,                 /* uint64 */
  MAPPING_START = 2,              /* uint64 */
  MAPPING_LIMIT = 3,              /* uint64 */
  MAPPING_OFFSET = 4,             /* uint64 */
  MAPPING_FILE = 5,               /* string */
  MAPPING_BUILD_ID = 6,           /* string */
  MAPPING_HAS_FUNCTIONS = 7,      /* bool */
  MAPPING_HAS_FILENAMES = 8,      /* bool */
  MAPPING_HAS_LINE_NUMBERS = 9,   /* bool */
  MAPPING_HAS_INLINE_FRAMES = 10, /* bool */
};

/* message Location */
enum {
  LOCATION_ID = 1,      /* uint64 */
  LOCATION_MAPPING = 2, /* uint64 */
  LOCATION_ADDRESS = 3, /* uint64 */
  LOCATION_LINE = 4,    /* repeated Line */
};

/* message Line: uint64, int64 */
enum { LINE_FUNCTION = 1, LINE_LINE = 2 };

/* message Function */
enum {
  FUNCTION_ID = 1,         /* uint64 */
  FUNCTION_NAME = 2,       /* string */
  FUNCTION_FILE = 4,       /* string */
  FUNCTION_START_LINE = 5, /* int64 */
};

enum { PART = 64 * 1024 };

/* Where the messages go. */
typedef struct encoder {
  lab_buf *buf;
  lab_gzip *gzip; /* NULL: the bytes stay in buf */
} encoder;

/* Hands the bytes to gzip if there are LEAST or more. Called after messages. */
static void pass_on_bytes(encoder *e, size_t least) {
  if (!e->gzip || e->buf->len < least)
    return;
  lab_gzip_write(e->gzip, e->buf->data, e->buf->len);
  lab_buf_clear(e->buf);
}

static void write_value_type(lab_buf *b, uint32_t field, value_type t) {
  size_t m = lab_proto_begin(b, field);
  lab_proto_uint(b, VALUE_TYPE_TYPE, t.type);
  lab_proto_uint(b, VALUE_TYPE_UNIT, t.unit);
  lab_proto_end(b, m);
}

static void write_label(lab_buf *b, const label *l) {
  size_t m = lab_proto_begin(b, SAMPLE_LABEL);
  lab_proto_uint(b, LABEL_KEY, l->key);
  lab_proto_uint(b, LABEL_STR, l->str);
  lab_proto_int(b, LABEL_NUM, l->num);
  lab_proto_uint(b, LABEL_NUM_UNIT, l->num_unit);
  lab_proto_end(b, m);
}

static void write_sample(lab_buf *b, const lab_profile *p, const sample *s,
                         const int64_t *values) {
  size_t m = lab_proto_begin(b, PROFILE_SAMPLE);
  const uint32_t *frames = ITEMS(&p->frames, uint32_t);
  size_t packed = lab_proto_begin(b, SAMPLE_LOCATION_ID);
  for (size_t i = 0; i < s->nframes; i++)
    lab_proto_varint(b, frames[s->frames + i]);
  lab_proto_end(b, packed);
  packed = lab_proto_begin(b, SAMPLE_VALUE);
  for (size_t i = 0; i < p->ntypes; i++)
    lab_proto_varint(b, (uint64_t)values[i]);
  lab_proto_end(b, packed);
  for (size_t i = 0; i < s->nlabels; i++)
    write_label(b, &ITEMS(&p->labels, label)[s->labels + i]);
  lab_proto_end(b, m);
}

static bool is_all_zero(const int64_t *values, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (values[i] != 0)
      return false;
  return true;
}

static void write_samples(encoder *e, const lab_profile *p) {
  const int64_t *values = ITEMS(&p->values, int64_t);
  for (size_t i = 0; i < COUNT(&p->samples, sample); i++) {
    const int64_t *v = values + i * p->ntypes;
    if (p->drop_zero && is_all_zero(v, p->ntypes))
      continue;
    write_sample(e->buf, p, &ITEMS(&p->samples, sample)[i], v);
    pass_on_bytes(e, PART);
  }
}

static void write_mapping(lab_buf *b, uint64_t id, const mapping *map) {
  size_t m = lab_proto_begin(b, PROFILE_MAPPING);
  lab_proto_uint(b, MAPPING_ID, id);
  lab_proto_uint(b, MAPPING_START, map->start);
  lab_proto_uint(b, MAPPING_LIMIT, map->limit);
  lab_proto_uint(b, MAPPING_OFFSET, map->offset);
  lab_proto_uint(b, MAPPING_FILE, map->file);
  lab_proto_uint(b, MAPPING_BUILD_ID, map->build_id);
  lab_proto_uint(b, MAPPING_HAS_FUNCTIONS, true);
  lab_proto_uint(b, MAPPING_HAS_FILENAMES, true);
  lab_proto_uint(b, MAPPING_HAS_LINE_NUMBERS, true);
  lab_proto_uint(b, MAPPING_HAS_INLINE_FRAMES, true);
  lab_proto_end(b, m);
}

static void write_location(lab_buf *b, uint64_t id, const location *l) {
  size_t m = lab_proto_begin(b, PROFILE_LOCATION);
  lab_proto_uint(b, LOCATION_ID, id);
  lab_proto_uint(b, LOCATION_MAPPING, l->mapping);
  lab_proto_uint(b, LOCATION_ADDRESS, l->address);
  if (l->function) {
    size_t line = lab_proto_begin(b, LOCATION_LINE);
    lab_proto_uint(b, LINE_FUNCTION, l->function);
    lab_proto_int(b, LINE_LINE, l->line);
    lab_proto_end(b, line);
  }
  lab_proto_end(b, m);
}

static void write_function(lab_buf *b, uint64_t id, const function *f) {
  size_t m = lab_proto_begin(b, PROFILE_FUNCTION);
  lab_proto_uint(b, FUNCTION_ID, id);
  lab_proto_uint(b, FUNCTION_NAME, f->name);
  lab_proto_uint(b, FUNCTION_FILE, f->file);
  lab_proto_int(b, FUNCTION_START_LINE, f->start_line);
  lab_proto_end(b, m);
}

/* What samples refer to: mappings, locations, functions. */
static void write_places(encoder *e, const lab_profile *p) {
  for (size_t i = 0; i < COUNT(&p->mappings, mapping); i++)
    write_mapping(e->buf, i + 1, &ITEMS(&p->mappings, mapping)[i]);
  for (size_t i = 0; i < COUNT(&p->locations, location); i++) {
    write_location(e->buf, i + 1, &ITEMS(&p->locations, location)[i]);
    pass_on_bytes(e, PART);
  }
  for (size_t i = 0; i < COUNT(&p->functions, function); i++) {
    write_function(e->buf, i + 1, &ITEMS(&p->functions, function)[i]);
    pass_on_bytes(e, PART);
  }
}

static void write_strings(encoder *e, const lab_strtab *strings) {
  for (uint32_t i = 0; i < lab_strtab_count(strings); i++) {
    size_t n;
    const char *s = lab_strtab_get(strings, i, &n);
    lab_proto_bytes(e->buf, PROFILE_STRING_TABLE, s, n);
    pass_on_bytes(e, PART);
  }
}

static void write_types(lab_buf *b, const lab_profile *p) {
  for (size_t i = 0; i < p->ntypes; i++)
    write_value_type(b, PROFILE_SAMPLE_TYPE, ITEMS(&p->types, value_type)[i]);
}

static void write_comments(lab_buf *b, const lab_profile *p) {
  size_t n = COUNT(&p->comments, uint32_t);
  if (n == 0)
    return;
  size_t packed = lab_proto_begin(b, PROFILE_COMMENT);
  for (size_t i = 0; i < n; i++)
    lab_proto_varint(b, ITEMS(&p->comments, uint32_t)[i]);
  lab_proto_end(b, packed);
}

static void write_circumstances(lab_buf *b, const lab_profile *p) {
  lab_proto_int(b, PROFILE_TIME_NANOS, p->time_ns);
  lab_proto_int(b, PROFILE_DURATION, p->duration_ns);
  write_value_type(b, PROFILE_PERIOD_TYPE, p->period_type);
  lab_proto_int(b, PROFILE_PERIOD, p->period);
  write_comments(b, p);
  lab_proto_uint(b, PROFILE_DEFAULT_SAMPLE, p->default_type);
}

static void write_parts(encoder *e, const lab_profile *p) {
  write_types(e->buf, p);
  write_samples(e, p);
  write_places(e, p);
  write_strings(e, &p->strings);
  write_circumstances(e->buf, p);
  pass_on_bytes(e, 0);
}

int lab_profile_finish_raw(const lab_profile *p, lab_buf *out) {
  write_parts(&(encoder){.buf = out}, p);
  return 0;
}

int lab_profile_finish(const lab_profile *p, lab_buf *out) {
  lab_buf part = LAB_BUF_INIT;
  encoder e = {.buf = &part};
  int rc = lab_gzip_open(&e.gzip, out);
  if (rc < 0)
    return rc;
  write_parts(&e, p);
  lab_gzip_close(e.gzip);
  lab_buf_free(&part);
  return 0;
}
