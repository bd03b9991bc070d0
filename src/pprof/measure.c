/* SPDX-License-Identifier: MIT
 * See measure.h. The numbers in brackets are those of profile.proto
 * (github.com/google/pprof/proto/profile.proto). */
#include "pprof/measure.h"

#include <errno.h>
#include <stdbool.h>

#include "pprof/wire.h"

enum { FIELDS = 16 };

/* What the fields of a message hold. Messages within messages are three deep at
 * most, so walk_message may call itself. */
static const uint8_t shapes[LAB_PPROF_KINDS][FIELDS] = {
    [LAB_PPROF_PROFILE] = {[1] = LAB_PPROF_TYPE,
                           [2] = LAB_PPROF_SAMPLE,
                           [3] = LAB_PPROF_MAPPING,
                           [4] = LAB_PPROF_LOCATION,
                           [5] = LAB_PPROF_FUNCTION,
                           [6] = LAB_PPROF_TEXT,
                           [7] = LAB_PPROF_NUMBER,
                           [8] = LAB_PPROF_NUMBER,
                           [9] = LAB_PPROF_NUMBER,
                           [10] = LAB_PPROF_NUMBER,
                           [11] = LAB_PPROF_PERIOD_TYPE,
                           [12] = LAB_PPROF_NUMBER,
                           [13] = LAB_PPROF_COMMENTS,
                           [14] = LAB_PPROF_NUMBER},
    [LAB_PPROF_TYPE] = {[1] = LAB_PPROF_NUMBER, [2] = LAB_PPROF_NUMBER},
    [LAB_PPROF_PERIOD_TYPE] = {[1] = LAB_PPROF_NUMBER, [2] = LAB_PPROF_NUMBER},
    [LAB_PPROF_SAMPLE] =
        {[1] = LAB_PPROF_IDS, [2] = LAB_PPROF_VALUES, [3] = LAB_PPROF_LABEL},
    [LAB_PPROF_LABEL] = {[1] = LAB_PPROF_NUMBER,
                         [2] = LAB_PPROF_NUMBER,
                         [3] = LAB_PPROF_NUMBER,
                         [4] = LAB_PPROF_NUMBER},
    [LAB_PPROF_MAPPING] = {[1] = LAB_PPROF_NUMBER,
                           [2] = LAB_PPROF_NUMBER,
                           [3] = LAB_PPROF_NUMBER,
                           [4] = LAB_PPROF_NUMBER,
                           [5] = LAB_PPROF_NUMBER,
                           [6] = LAB_PPROF_NUMBER,
                           [7] = LAB_PPROF_NUMBER,
                           [8] = LAB_PPROF_NUMBER,
                           [9] = LAB_PPROF_NUMBER,
                           [10] = LAB_PPROF_NUMBER},
    [LAB_PPROF_LOCATION] = {[1] = LAB_PPROF_NUMBER,
                            [2] = LAB_PPROF_NUMBER,
                            [3] = LAB_PPROF_NUMBER,
                            [4] = LAB_PPROF_LINE,
                            [5] = LAB_PPROF_NUMBER},
    [LAB_PPROF_LINE] = {[1] = LAB_PPROF_NUMBER, [2] = LAB_PPROF_NUMBER},
    [LAB_PPROF_FUNCTION] = {[1] = LAB_PPROF_NUMBER,
                            [2] = LAB_PPROF_NUMBER,
                            [3] = LAB_PPROF_NUMBER,
                            [4] = LAB_PPROF_NUMBER,
                            [5] = LAB_PPROF_NUMBER},
};

const char *lab_pprof_kind_name(lab_pprof_kind kind) {
  static const char *const names[LAB_PPROF_KINDS] = {
      [LAB_PPROF_PROFILE] = "profile",
      [LAB_PPROF_TYPE] = "sample type",
      [LAB_PPROF_SAMPLE] = "sample",
      [LAB_PPROF_PERIOD_TYPE] = "period type",
      [LAB_PPROF_LABEL] = "label",
      [LAB_PPROF_MAPPING] = "mapping",
      [LAB_PPROF_LOCATION] = "location",
      [LAB_PPROF_LINE] = "line",
      [LAB_PPROF_FUNCTION] = "function",
      [LAB_PPROF_TEXT] = "string",
  };
  return names[kind] ? names[kind] : "number";
}

typedef struct walk {
  const uint8_t *begin;
  lab_pprof_measures *to;
  lab_err *err;
} walk;

/* Something is wrong in the present message of KIND, with the byte AT. */
static int refuse_bytes(const walk *w, lab_pprof_kind kind, const uint8_t *at,
                        const char *why) {
  if (kind == LAB_PPROF_PROFILE)
    return lab_err_set(w->err, -EINVAL, "byte %zu: %s", (size_t)(at - w->begin),
                       why);
  return lab_err_set(w->err, -EINVAL, "%s %zu, byte %zu: %s",
                     lab_pprof_kind_name(kind), w->to->count[kind],
                     (size_t)(at - w->begin), why);
}

/* Counts a field that holds KIND; NULL, or what is wrong with it. */
static const char *count_field(lab_pprof_measures *to, lab_pprof_kind kind,
                               const lab_wire_field *f) {
  static const char wrong_type[] = "a field has the wrong type";
  bool is_packed = f->type == LAB_WIRE_BYTES;
  size_t n = 1;
  switch (kind) {
  case LAB_PPROF_NUMBER:
    return f->type == LAB_WIRE_VARINT ? NULL : wrong_type;
  case LAB_PPROF_IDS:
  case LAB_PPROF_VALUES:
  case LAB_PPROF_COMMENTS:
    if (!is_packed && f->type != LAB_WIRE_VARINT)
      return wrong_type;
    if (is_packed)
      n = lab_wire_count_varints(f->bytes, f->n);
    if (n == SIZE_MAX)
      return "a number is cut short or too long";
    break;
  case LAB_PPROF_TEXT:
    if (is_packed && to->count[kind] == 0 && f->n > 0)
      return "string 0 isn't empty";
    to->text += is_packed ? f->n + 1 : 0;
    break;
  default:
    break;
  }
  if (kind >= LAB_PPROF_TEXT && !is_packed)
    return wrong_type;
  to->count[kind] += n;
  return NULL;
}

static int walk_message(walk *w, lab_pprof_kind message, const uint8_t *at,
                        const uint8_t *end) {
  int rc = 0;
  while (rc == 0 && at < end) {
    const uint8_t *field_at = at;
    lab_wire_field f;
    const char *wrong;
    at = lab_wire_next(at, end, &f, &wrong);
    if (!at)
      return refuse_bytes(w, message, field_at, wrong);
    lab_pprof_kind kind = f.number < FIELDS ? shapes[message][f.number] : 0;
    if (kind == LAB_PPROF_SKIPPED)
      continue;
    wrong = count_field(w->to, kind, &f);
    if (wrong)
      rc = refuse_bytes(w, message, field_at, wrong);
    else if (kind > LAB_PPROF_PROFILE)
      rc = walk_message(w, kind, f.bytes, f.bytes + f.n);
  }
  return rc;
}

int lab_pprof_measure(lab_pprof_measures *out, const uint8_t *bytes, size_t n,
                      lab_err *err) {
  walk w = {.begin = bytes, .to = out, .err = err};
  *out = (lab_pprof_measures){.count[LAB_PPROF_PROFILE] = 1};
  return walk_message(&w, LAB_PPROF_PROFILE, bytes, bytes + n);
}
