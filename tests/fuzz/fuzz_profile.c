/* SPDX-License-Identifier: MIT
 * Builds a profile of any functions, stacks, labels and values, and reads the
 * file back. Checked: it is a message of profile.proto as strict readers demand
 * it (ids in order, all of them known, texts valid and each there once), no two
 * samples are the same, and nothing of the values is lost; and, now and then,
 * what gzip made of it is the same. */
#include <zlib.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "input.h"
#include "pprof/encode.h"
#include "pprof/profile.h"

enum { VALUES = 2, SAMPLES_MAX = 64, FRAMES_MAX = 8, LABELS_MAX = 3 };

/* ---- reading ------------------------------------------------------------- */

typedef struct span {
  const uint8_t *at, *end;
} span;

static uint64_t read_varint(span *in) {
  uint64_t n = 0;
  for (unsigned shift = 0;; shift += 7) {
    LAB_ASSERT(in->at < in->end && shift < 64);
    n |= (uint64_t)(*in->at & 0x7f) << shift;
    if (*in->at++ < 0x80)
      return n;
  }
}

/* The next field's number; VALUE, or BYTES (else their `at` is NULL). */
static unsigned read_field(span *in, uint64_t *value, span *bytes) {
  uint64_t tag = read_varint(in);
  LAB_ASSERT((tag & 7) == 0 || (tag & 7) == 2);
  *value = read_varint(in);
  *bytes = (span){NULL, NULL};
  if ((tag & 7) == 2) {
    LAB_ASSERT(*value <= (uint64_t)(in->end - in->at));
    *bytes = (span){in->at, in->at + *value};
    in->at = bytes->end;
  }
  return (unsigned)(tag >> 3);
}

typedef struct counts {
  uint64_t strings, mappings, functions, locations, samples;
  uint64_t sums[VALUES];
  span sample[SAMPLES_MAX], string[512];
} counts;

/* Numbers of locations; each must be known. */
static void check_frames(span in, const counts *c) {
  while (in.at < in.end) {
    uint64_t id = read_varint(&in);
    LAB_ASSERT(id >= 1 && id <= c->locations);
  }
}

static void add_values(span in, counts *c) {
  size_t n = 0;
  while (in.at < in.end) {
    LAB_ASSERT(n < VALUES);
    c->sums[n++] += read_varint(&in);
  }
  LAB_ASSERT(n == VALUES);
}

static void check_label(span in, const counts *c) {
  uint64_t value, has[5] = {0};
  span bytes;
  while (in.at < in.end) {
    unsigned field = read_field(&in, &value, &bytes);
    LAB_ASSERT(field >= 1 && field <= 4 && !bytes.at && !has[field]);
    has[field] = value;
  }
  LAB_ASSERT(has[1] > 0 && has[1] < c->strings && has[2] < c->strings &&
             has[4] < c->strings);
}

static void check_sample(span in, counts *c) {
  uint64_t value;
  span bytes;
  while (in.at < in.end) {
    unsigned field = read_field(&in, &value, &bytes);
    LAB_ASSERT(bytes.at && field >= 1 && field <= 3);
    if (field == 1)
      check_frames(bytes, c);
    else if (field == 2)
      add_values(bytes, c);
    else
      check_label(bytes, c);
  }
}

/* Ids are 1, 2, 3...; the numbers in BOUNDS[field] are the largest allowed. */
static void check_thing(span in, uint64_t *count, const uint64_t *bounds) {
  uint64_t value, id = 0;
  span bytes;
  while (in.at < in.end) {
    unsigned field = read_field(&in, &value, &bytes);
    LAB_ASSERT(field >= 1 && field <= 10);
    if (bytes.at)
      continue;
    LAB_ASSERT(value <= bounds[field]);
    id = field == 1 ? value : id;
  }
  LAB_ASSERT(id == ++*count);
}

static void count_field(unsigned field, span bytes, counts *c) {
  if (field == 6) {
    LAB_ASSERT(c->strings < sizeof c->string / sizeof *c->string);
    c->string[c->strings++] = bytes;
  }
  c->locations += field == 4;
  c->functions += field == 5;
}

static bool is_same_span(span a, span b) {
  return a.end - a.at == b.end - b.at &&
         memcmp(a.at, b.at, (size_t)(a.end - a.at)) == 0;
}

static void check_strings(const counts *c) {
  LAB_ASSERT(c->strings > 0 && c->string[0].at == c->string[0].end);
  for (size_t i = 0; i < c->strings; i++) {
    size_t len = (size_t)(c->string[i].end - c->string[i].at);
    LAB_ASSERT(lab_utf8_valid_length((const char *)c->string[i].at, len) ==
               len);
    for (size_t k = 0; k < i; k++)
      LAB_ASSERT(!is_same_span(c->string[i], c->string[k]));
  }
}

/* Two passes: the strings come last. */
static void check_file(const lab_buf *raw, counts *c) {
  const uint8_t *bytes = (const uint8_t *)raw->data;
  const span all = {bytes, bytes + raw->len};
  uint64_t value, seen[6] = {0};
  span in = all, part;
  while (in.at < in.end)
    count_field(read_field(&in, &value, &part), part, c);
  check_strings(c);
  const uint64_t any = UINT64_MAX, s = c->strings - 1;
  const uint64_t mapping[11] = {0, any, any, any, any, s, s, 1, 1, 1, 1};
  const uint64_t location[11] = {0, any, 1, any};
  const uint64_t function[11] = {0, any, s, s, s, any};
  for (in = all; in.at < in.end;) {
    unsigned field = read_field(&in, &value, &part);
    if (field == 2) {
      LAB_ASSERT(c->samples < SAMPLES_MAX);
      for (size_t i = 0; i < c->samples; i++)
        LAB_ASSERT(!is_same_span(part, c->sample[i]));
      c->sample[c->samples++] = part;
      check_sample(part, c);
    } else if (field >= 3 && field <= 5) {
      check_thing(part, &seen[field],
                  field == 3   ? mapping
                  : field == 4 ? location
                               : function);
    }
  }
}

static void check_gzip(const lab_profile *p, const lab_buf *raw) {
  lab_buf packed = LAB_BUF_INIT;
  LAB_ASSERT(lab_profile_finish(p, &packed) == 0);
  char *plain = malloc(raw->len + 1);
  z_stream z = {.next_in = (Bytef *)packed.data,
                .avail_in = (uInt)packed.len,
                .next_out = (Bytef *)plain,
                .avail_out = (uInt)raw->len + 1};
  LAB_ASSERT(inflateInit2(&z, 16 + MAX_WBITS) == Z_OK);
  LAB_ASSERT(inflate(&z, Z_FINISH) == Z_STREAM_END && z.avail_in == 0);
  LAB_ASSERT(z.total_out == raw->len &&
             memcmp(plain, raw->data, raw->len) == 0);
  inflateEnd(&z);
  free(plain);
  lab_buf_free(&packed);
}

/* ---- building ------------------------------------------------------------ */

static uint64_t add_location(lab_profile *p, fuzz_input *in) {
  size_t len = fuzz_below(in, 6);
  char *name = fuzz_copy(in, len, NULL);
  uint64_t f = lab_profile_function(p, name, len % 2 ? name : NULL,
                                    (int64_t)fuzz_number(in));
  uint64_t l = lab_profile_location(p, len % 2, fuzz_byte(in), f,
                                    (int64_t)fuzz_number(in));
  LAB_ASSERT(f == lab_profile_function(p, name, len % 2 ? name : NULL, 0) ||
             f > 0);
  free(name);
  return l;
}

static size_t take_labels(fuzz_input *in, lab_profile_label *labels,
                          char **texts) {
  size_t n = fuzz_below(in, LABELS_MAX + 1);
  for (size_t i = 0; i < n; i++) {
    texts[2 * i] = fuzz_copy(in, fuzz_below(in, 4), NULL);
    texts[2 * i + 1] = fuzz_copy(in, fuzz_below(in, 4), NULL);
    labels[i] = (lab_profile_label){.key = *texts[2 * i] ? texts[2 * i] : "k"};
    if (fuzz_byte(in) % 2) {
      labels[i].str = texts[2 * i + 1];
    } else {
      labels[i].num = (int64_t)fuzz_number(in);
      labels[i].num_unit = texts[2 * i + 1];
    }
  }
  return n;
}

static void add_sample(lab_profile *p, fuzz_input *in, uint64_t *known,
                       size_t *nknown, uint64_t *sums) {
  uint64_t frames[FRAMES_MAX];
  lab_profile_label labels[LABELS_MAX];
  char *texts[2 * LABELS_MAX];
  size_t n = fuzz_below(in, FRAMES_MAX);
  for (size_t i = 0; i < n; i++) {
    unsigned which = fuzz_byte(in);
    if (which < 64 || *nknown == 0)
      known[(*nknown)++] = add_location(p, in);
    frames[i] = known[which % *nknown];
  }
  size_t nlabels = take_labels(in, labels, texts);
  const int64_t values[VALUES] = {(int64_t)fuzz_number(in), fuzz_byte(in)};
  lab_profile_sample(p, frames, n, values, labels, nlabels);
  for (size_t i = 0; i < VALUES; i++)
    sums[i] += (uint64_t)values[i];
  for (size_t i = 0; i < 2 * nlabels; i++)
    free(texts[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static counts c;
  uint64_t known[SAMPLES_MAX * FRAMES_MAX], sums[VALUES] = {0};
  size_t nknown = 0;
  fuzz_input in = fuzz_open(data, size);
  unsigned flags = fuzz_byte(&in);
  const lab_profile_type types[VALUES] = {{"samples", "count"},
                                          {"cpu", "nanoseconds"}};
  const lab_profile_config config = {.types = types,
                                     .ntypes = VALUES,
                                     .period_type = types[1],
                                     .period = 10,
                                     .time_ns = flags,
                                     .drop_zero = flags & 1};
  lab_profile *p = lab_profile_new(&config);
  lab_profile_mapping(p, 0, UINT64_MAX, 0, "/x", flags & 2 ? "ab" : NULL);
  for (int i = 0; i < SAMPLES_MAX && fuzz_left(&in) > 0; i++)
    add_sample(p, &in, known, &nknown, sums);
  lab_buf raw = LAB_BUF_INIT;
  memset(&c, 0, sizeof c);
  LAB_ASSERT(lab_profile_finish_raw(p, &raw) == 0);
  check_file(&raw, &c);
  LAB_ASSERT(memcmp(c.sums, sums, sizeof sums) == 0);
  if (flags % 64 == 0)
    check_gzip(p, &raw);
  lab_profile_free(p);
  lab_buf_free(&raw);
  return 0;
}
