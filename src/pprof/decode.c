/* SPDX-License-Identifier: MIT
 * See decode.h. lab_pprof_measure has looked at each byte before; so here every
 * field is as it should be, and there is room for all of them. What is left to
 * check are references: ids, and numbers of strings.
 *
 * The profile is one block of memory, which begins with the lab_pprof. What is
 * needed only while reading is a second one. */
#include "pprof/decode.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "pprof/gunzip.h"
#include "pprof/idmap.h"
#include "pprof/measure.h"
#include "pprof/texts.h"
#include "pprof/wire.h"

typedef struct decoder {
  const uint8_t *bytes;
  size_t n;
  lab_pprof_limits limits;
  lab_pprof_measures has;
  lab_err *err;
  int rc;
  lab_pprof *p;
  char *scratch;
  /* Parts of the profile that are handed out piece by piece. */
  lab_pprof_line *lines;
  int64_t *values;
  uint32_t *ids;
  lab_pprof_label *labels;
  size_t frames;
  const char *default_type;
  /* Parts of scratch, but for the texts' bytes. */
  lab_texts texts;
  lab_idmap mapping_ids, function_ids, location_ids;
} decoder;

/* Thing NUMBER of KIND, counted from 1, is not as it should be. */
static bool refuse_thing(decoder *d, lab_pprof_kind kind, size_t number,
                         const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static bool refuse_thing(decoder *d, lab_pprof_kind kind, size_t number,
                         const char *format, ...) {
  char why[160];
  va_list args;
  va_start(args, format);
  vsnprintf(why, sizeof why, format, args);
  va_end(args);
  if (kind == LAB_PPROF_PROFILE)
    d->rc = lab_err_set(d->err, -EINVAL, "%s", why);
  else
    d->rc = lab_err_set(d->err, -EINVAL, "%s %zu: %s",
                        lab_pprof_kind_name(kind), number, why);
  return false;
}

/* ---- room ---------------------------------------------------------------- */

/* The next N * SIZE bytes at *AT, or, with *AT NULL, only how many: *SUM. */
static void *take_part(char **at, size_t *sum, size_t n, size_t size) {
  void *part = *at;
  size_t bytes = (n * size + 7) / 8 * 8;
  *sum += bytes;
  if (*at)
    *at += bytes;
  return part;
}

/* Lays the profile out at AT, which has room; returns the bytes it takes. AT
 * NULL: only returns them. No product overflows: each thing is a byte of the
 * input or more. */
static size_t lay_out_profile(decoder *d, char *at) {
  lab_pprof unused, *p = at ? d->p : &unused;
  const size_t *count = d->has.count;
  size_t sum = 0;
  take_part(&at, &sum, 1, sizeof *p);
  p->types = take_part(&at, &sum, count[LAB_PPROF_TYPE], sizeof *p->types);
  p->mappings =
      take_part(&at, &sum, count[LAB_PPROF_MAPPING], sizeof *p->mappings);
  p->functions =
      take_part(&at, &sum, count[LAB_PPROF_FUNCTION], sizeof *p->functions);
  p->locations =
      take_part(&at, &sum, count[LAB_PPROF_LOCATION], sizeof *p->locations);
  p->samples =
      take_part(&at, &sum, count[LAB_PPROF_SAMPLE], sizeof *p->samples);
  p->comments =
      take_part(&at, &sum, count[LAB_PPROF_COMMENTS], sizeof *p->comments);
  p->lines = take_part(&at, &sum, count[LAB_PPROF_LINE], sizeof *p->lines);
  d->lines = p->lines;
  d->labels = take_part(&at, &sum, count[LAB_PPROF_LABEL], sizeof *d->labels);
  d->values = take_part(&at, &sum, count[LAB_PPROF_VALUES], sizeof *d->values);
  d->ids = take_part(&at, &sum, count[LAB_PPROF_IDS], sizeof *d->ids);
  d->texts.bytes = take_part(&at, &sum, d->has.text, 1);
  p->memory = sum;
  return sum;
}

static size_t lay_out_scratch(decoder *d, char *at) {
  const size_t *count = d->has.count;
  size_t sum = 0;
  d->mapping_ids.entries =
      take_part(&at, &sum, count[LAB_PPROF_MAPPING], sizeof(lab_idmap_entry));
  d->function_ids.entries =
      take_part(&at, &sum, count[LAB_PPROF_FUNCTION], sizeof(lab_idmap_entry));
  d->location_ids.entries =
      take_part(&at, &sum, count[LAB_PPROF_LOCATION], sizeof(lab_idmap_entry));
  d->texts.entries =
      take_part(&at, &sum, count[LAB_PPROF_TEXT], sizeof(lab_text));
  d->texts.keys =
      take_part(&at, &sum, count[LAB_PPROF_TEXT], sizeof(lab_text_key));
  return sum;
}

static bool is_within(decoder *d, size_t number, size_t most,
                      const char *what) {
  if (number <= most)
    return true;
  d->rc = lab_err_set(d->err, -EFBIG, "it has %zu %s; at most %zu are read",
                      number, what, most);
  return false;
}

static bool is_within_limits(decoder *d) {
  const size_t *count = d->has.count;
  const lab_pprof_limits *most = &d->limits;
  return is_within(d, count[LAB_PPROF_SAMPLE], most->samples, "samples") &&
         is_within(d, count[LAB_PPROF_LOCATION], most->locations,
                   "locations") &&
         is_within(d, count[LAB_PPROF_FUNCTION], most->functions,
                   "functions") &&
         is_within(d, count[LAB_PPROF_TEXT], most->strings, "strings") &&
         is_within(d, lay_out_profile(d, NULL) + lay_out_scratch(d, NULL),
                   most->memory, "bytes in memory");
}

static bool make_profile_room(decoder *d) {
  size_t size = lay_out_profile(d, NULL);
  char *profile = lab_try_malloc(size);
  d->scratch = lab_try_malloc(lay_out_scratch(d, NULL));
  if (!profile || !d->scratch) {
    lab_xfree(profile);
    d->rc = lab_err_set(d->err, -ENOMEM, "not enough memory to read it");
    return false;
  }
  d->p = (lab_pprof *)(void *)profile;
  *d->p = (lab_pprof){0};
  lay_out_profile(d, profile);
  lay_out_scratch(d, d->scratch);
  return true;
}

/* ---- fields -------------------------------------------------------------- */

/* Calls FILL for each of the profile's fields with this NUMBER, until one
 * returns false. */
static bool fill_each(decoder *d, uint64_t number,
                      bool (*fill)(decoder *d, const lab_wire_field *f)) {
  const uint8_t *at = d->bytes, *end = d->bytes + d->n;
  lab_wire_field f;
  const char *wrong;
  while (at < end && (at = lab_wire_next(at, end, &f, &wrong)))
    if (f.number == number && !fill(d, &f))
      return false;
  return true;
}

/* String INDEX, which thing NUMBER of KIND refers to. */
static bool refer_to_text(decoder *d, lab_pprof_kind kind, size_t number,
                          uint64_t index, const char **out) {
  if (index >= d->texts.n)
    return refuse_thing(d, kind, number, "string %lld isn't in the profile",
                        (long long)index);
  *out = d->texts.entries[index].text;
  return true;
}

static bool fill_string(decoder *d, const lab_wire_field *f) {
  lab_texts_add(&d->texts, f->bytes, f->n);
  return true;
}

/* ---- the profile's own fields -------------------------------------------- */

static bool fill_value_type(decoder *d, lab_pprof_kind kind, size_t number,
                            const lab_wire_field *f, lab_pprof_type *to) {
  uint64_t n[3];
  lab_wire_read_numbers(f, n, 3);
  return refer_to_text(d, kind, number, n[1], &to->type) &&
         refer_to_text(d, kind, number, n[2], &to->unit);
}

static bool fill_type(decoder *d, const lab_wire_field *f) {
  lab_pprof *p = d->p;
  p->ntypes++;
  return fill_value_type(d, LAB_PPROF_TYPE, p->ntypes, f,
                         &p->types[p->ntypes - 1]);
}

static bool fill_period_type(decoder *d, const lab_wire_field *f) {
  return fill_value_type(d, LAB_PPROF_PERIOD_TYPE, 1, f, &d->p->period_type);
}

static bool fill_comments(decoder *d, const lab_wire_field *f) {
  lab_pprof *p = d->p;
  uint64_t index;
  for (lab_wire_list list = lab_wire_numbers(f);
       lab_wire_next_number(&list, &index);)
    if (!refer_to_text(d, LAB_PPROF_PROFILE, 1, index,
                       &p->comments[p->ncomments++]))
      return false;
  return true;
}

/* A second time stamp means that there are two profiles, one behind the other:
 * their ids would be mixed up. */
static bool fill_time(decoder *d, const lab_wire_field *f) {
  if (d->p->time_ns != 0)
    return refuse_thing(d, LAB_PPROF_PROFILE, 1, "two profiles in one file");
  d->p->time_ns = (int64_t)f->value;
  return true;
}

static bool fill_header(decoder *d) {
  lab_pprof *p = d->p;
  lab_wire_field all = {.bytes = d->bytes, .n = d->n};
  uint64_t n[15];
  lab_wire_read_numbers(&all, n, 15);
  p->duration_ns = (int64_t)n[10];
  p->period = (int64_t)n[12];
  p->period_type = (lab_pprof_type){"", ""};
  return refer_to_text(d, LAB_PPROF_PROFILE, 1, n[7], &p->drop_frames) &&
         refer_to_text(d, LAB_PPROF_PROFILE, 1, n[8], &p->keep_frames) &&
         refer_to_text(d, LAB_PPROF_PROFILE, 1, n[14], &d->default_type) &&
         fill_each(d, 1, fill_type) && fill_each(d, 9, fill_time) &&
         fill_each(d, 11, fill_period_type) && fill_each(d, 13, fill_comments);
}

/* As the tool does: the one that the profile names, or else the last. */
static void choose_default_type(decoder *d) {
  lab_pprof *p = d->p;
  p->default_type = p->ntypes ? p->ntypes - 1 : 0;
  for (size_t i = p->ntypes; i-- > 0;)
    if (strcmp(p->types[i].type, d->default_type) == 0)
      p->default_type = i;
}

/* ---- mappings, functions, locations -------------------------------------- */

/* Thing NUMBER of KIND has this id. */
static bool add_id(decoder *d, lab_idmap *ids, lab_pprof_kind kind,
                   size_t number, uint64_t id) {
  lab_idmap_add(ids, id);
  return id != 0 || refuse_thing(d, kind, number, "its id is 0");
}

static bool fill_mapping(decoder *d, const lab_wire_field *f) {
  lab_pprof_mapping *m = &d->p->mappings[d->p->nmappings++];
  size_t number = d->p->nmappings;
  uint64_t n[7];
  lab_wire_read_numbers(f, n, 7);
  *m = (lab_pprof_mapping){
      .id = n[1], .start = n[2], .limit = n[3], .offset = n[4]};
  return add_id(d, &d->mapping_ids, LAB_PPROF_MAPPING, number, n[1]) &&
         refer_to_text(d, LAB_PPROF_MAPPING, number, n[5], &m->file) &&
         refer_to_text(d, LAB_PPROF_MAPPING, number, n[6], &m->build_id);
}

static bool fill_function(decoder *d, const lab_wire_field *f) {
  uint32_t place = (uint32_t)d->p->nfunctions++;
  size_t number = d->p->nfunctions;
  lab_pprof_function *fn = &d->p->functions[place];
  uint64_t n[6];
  lab_wire_read_numbers(f, n, 6);
  *fn = (lab_pprof_function){.id = n[1], .start_line = (int64_t)n[5]};
  if (!add_id(d, &d->function_ids, LAB_PPROF_FUNCTION, number, n[1]) ||
      !refer_to_text(d, LAB_PPROF_FUNCTION, number, n[2], &fn->name) ||
      !refer_to_text(d, LAB_PPROF_FUNCTION, number, n[3], &fn->system_name) ||
      !refer_to_text(d, LAB_PPROF_FUNCTION, number, n[4], &fn->file))
    return false;
  lab_text *texts = d->texts.entries;
  const lab_text *name = &texts[n[2]], *file = &texts[n[4]];
  fn->name_length = name->length;
  fn->file_length = file->length;
  fn->hash = lab_hash_u64(name->hash ^ lab_hash_u64(file->hash));
  uint32_t *owner = &texts[name->first].owner;
  if (*owner == LAB_PPROF_NONE)
    *owner = place;
  fn->first = *owner;
  return true;
}

static bool fill_line(decoder *d, size_t number, const lab_wire_field *f) {
  lab_pprof_line *line = d->lines++;
  uint64_t n[3];
  lab_wire_read_numbers(f, n, 3);
  line->line = (int64_t)n[2];
  line->function = lab_idmap_find(&d->function_ids, n[1]);
  d->p->nlines++;
  return line->function != LAB_PPROF_NONE ||
         refuse_thing(d, LAB_PPROF_LOCATION, number,
                      "function %llu isn't in the profile",
                      (unsigned long long)n[1]);
}

static bool fill_location(decoder *d, const lab_wire_field *f) {
  lab_pprof_location *l = &d->p->locations[d->p->nlocations++];
  size_t number = d->p->nlocations;
  const uint8_t *at = f->bytes;
  lab_wire_field part;
  uint64_t n[4];
  lab_wire_read_numbers(f, n, 4);
  *l = (lab_pprof_location){.id = n[1],
                            .address = n[3],
                            .mapping = lab_idmap_find(&d->mapping_ids, n[2]),
                            .lines = d->lines};
  while (lab_wire_next_of(f, &at, &part))
    if (part.number == 4 && !fill_line(d, number, &part))
      return false;
  l->nlines = (uint32_t)(d->lines - l->lines);
  return add_id(d, &d->location_ids, LAB_PPROF_LOCATION, number, n[1]);
}

static bool finish_ids(decoder *d, lab_idmap *ids, lab_pprof_kind kind) {
  uint64_t twice;
  if (lab_idmap_finish(ids, &twice))
    return true;
  d->rc = lab_err_set(d->err, -EINVAL, "two %ss have the id %llu",
                      lab_pprof_kind_name(kind), (unsigned long long)twice);
  return false;
}

static bool fill_places(decoder *d) {
  return fill_each(d, 3, fill_mapping) &&
         finish_ids(d, &d->mapping_ids, LAB_PPROF_MAPPING) &&
         fill_each(d, 5, fill_function) &&
         finish_ids(d, &d->function_ids, LAB_PPROF_FUNCTION) &&
         fill_each(d, 4, fill_location) &&
         finish_ids(d, &d->location_ids, LAB_PPROF_LOCATION);
}

/* ---- samples ------------------------------------------------------------- */

static bool fill_label(decoder *d, lab_pprof_sample *s,
                       const lab_wire_field *f) {
  lab_pprof_label *label = d->labels;
  size_t number = d->p->nsamples;
  uint64_t n[5];
  lab_wire_read_numbers(f, n, 5);
  *label = (lab_pprof_label){.num = (int64_t)n[3]};
  if (!refer_to_text(d, LAB_PPROF_SAMPLE, number, n[1], &label->key))
    return false;
  if (n[2] == 0 && n[3] == 0 && n[4] == 0)
    return true; /* neither text nor number: no label */
  s->nlabels++;
  d->labels++;
  return n[2] ? refer_to_text(d, LAB_PPROF_SAMPLE, number, n[2], &label->str)
              : refer_to_text(d, LAB_PPROF_SAMPLE, number, n[4], &label->unit);
}

static bool fill_stack(decoder *d, lab_pprof_sample *s,
                       const lab_wire_field *f) {
  uint64_t id;
  for (lab_wire_list list = lab_wire_numbers(f);
       lab_wire_next_number(&list, &id);) {
    uint32_t place = lab_idmap_find(&d->location_ids, id);
    if (place == LAB_PPROF_NONE)
      return refuse_thing(d, LAB_PPROF_SAMPLE, d->p->nsamples,
                          "location %llu isn't in the profile",
                          (unsigned long long)id);
    uint32_t nlines = d->p->locations[place].nlines;
    d->frames += nlines ? nlines : 1;
    *d->ids++ = place;
    s->nlocations++;
  }
  return is_within(d, d->frames, d->limits.frames, "frames");
}

static bool fill_sample_field(decoder *d, lab_pprof_sample *s,
                              const lab_wire_field *f) {
  uint64_t value;
  if (f->number == 1)
    return fill_stack(d, s, f);
  if (f->number == 2)
    for (lab_wire_list list = lab_wire_numbers(f);
         lab_wire_next_number(&list, &value);)
      *d->values++ = (int64_t)value;
  return f->number != 3 || fill_label(d, s, f);
}

static bool fill_sample(decoder *d, const lab_wire_field *f) {
  lab_pprof_sample *s = &d->p->samples[d->p->nsamples++];
  const uint8_t *at = f->bytes;
  lab_wire_field part;
  *s = (lab_pprof_sample){
      .values = d->values, .locations = d->ids, .labels = d->labels};
  while (lab_wire_next_of(f, &at, &part))
    if (!fill_sample_field(d, s, &part))
      return false;
  size_t nvalues = (size_t)(d->values - s->values);
  return nvalues == d->p->ntypes ||
         refuse_thing(d, LAB_PPROF_SAMPLE, d->p->nsamples,
                      "it has %zu values, and the profile has %zu types",
                      nvalues, d->p->ntypes);
}

/* ---- the whole ----------------------------------------------------------- */

static void decode_unpacked(decoder *d) {
  d->rc = lab_pprof_measure(&d->has, d->bytes, d->n, d->err);
  if (d->rc || !is_within_limits(d) || !make_profile_room(d))
    return;
  fill_each(d, 6, fill_string);
  lab_texts_finish(&d->texts);
  if (fill_header(d) && fill_places(d) && fill_each(d, 2, fill_sample))
    choose_default_type(d);
}

/* What may be sent by mistake instead, and what to do then. */
static void add_advice(const void *bytes, size_t n, lab_err *err) {
  static const struct {
    const char *begin, *advice;
  } others[] = {
      {"heap profile:", "this is text; ask for it without debug=1"},
      {"goroutine profile:", "this is text; ask for it without debug=1"},
      {"--- ", "this is text; ask for it without debug=1"},
      {"<", "this is a web page"},
      {"{", "this is JSON"},
      {"go 1.", "this is an execution trace: go tool trace reads it"},
  };
  char why[sizeof err->text];
  if (!err)
    return;
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    size_t length = strlen(others[i].begin);
    if (n < length || memcmp(bytes, others[i].begin, length) != 0)
      continue;
    snprintf(why, sizeof why, "%s", err->text);
    lab_err_set(err, 0, "%.900s (%s)", why, others[i].advice);
  }
}

static int unpack_input(decoder *d, const void *bytes, size_t n, void **data) {
  d->bytes = bytes;
  d->n = n;
  if (!lab_gunzip_is_gzip(bytes, n))
    return is_within(d, n, d->limits.unpacked, "bytes") ? 0 : d->rc;
  int rc = lab_gunzip(bytes, n, d->limits.unpacked, data, &d->n, d->err);
  d->bytes = *data;
  return rc;
}

int lab_pprof_decode(lab_pprof **out, const void *bytes, size_t n,
                     const lab_pprof_limits *limits, lab_err *err) {
  decoder d = {.err = err, .limits = limits ? *limits : LAB_PPROF_LIMITS};
  void *data = NULL;
  *out = NULL;
  if (!is_within(&d, n, d.limits.input, "bytes"))
    return d.rc;
  d.rc = unpack_input(&d, bytes, n, &data);
  if (d.rc == 0 && d.n == 0)
    d.rc = lab_err_set(err, -EINVAL, "it is empty");
  if (d.rc == 0)
    decode_unpacked(&d);
  if (d.rc == -EINVAL)
    add_advice(bytes, n, err);
  lab_xfree(data);
  lab_xfree(d.scratch);
  if (d.rc) {
    lab_pprof_free(d.p);
    d.p = NULL;
  }
  *out = d.p;
  return d.rc;
}

void lab_pprof_free(lab_pprof *p) {
  lab_xfree(p);
}
