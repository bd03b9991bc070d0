/* SPDX-License-Identifier: MIT
 * The first of two walks over a profile's bytes: are they what profile.proto
 * says, and how much of everything is there? decode.c makes room for that and
 * walks again. For the files of this folder.
 *
 * Threads: any. Signal handlers: never. */
#ifndef LAB_PPROF_MEASURE_H
#define LAB_PPROF_MEASURE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* What a field holds: a number, some numbers, a text, or a message. */
typedef enum lab_pprof_kind {
  LAB_PPROF_SKIPPED,
  LAB_PPROF_NUMBER,
  LAB_PPROF_IDS, /* a sample's locations */
  LAB_PPROF_VALUES,
  LAB_PPROF_COMMENTS,
  LAB_PPROF_TEXT,
  LAB_PPROF_PROFILE, /* messages from here on */
  LAB_PPROF_TYPE,
  LAB_PPROF_PERIOD_TYPE,
  LAB_PPROF_SAMPLE,
  LAB_PPROF_LABEL,
  LAB_PPROF_MAPPING,
  LAB_PPROF_LOCATION,
  LAB_PPROF_LINE,
  LAB_PPROF_FUNCTION,
  LAB_PPROF_KINDS,
} lab_pprof_kind;

typedef struct lab_pprof_measures {
  size_t count[LAB_PPROF_KINDS];
  size_t text; /* bytes of all texts, each with a final 0 */
} lab_pprof_measures;

/* "sample", "location", ... for messages to the user. */
const char *lab_pprof_kind_name(lab_pprof_kind kind);

/* Measures the N BYTES. 0, or -EINVAL: they are no profile.proto. */
int lab_pprof_measure(lab_pprof_measures *out, const uint8_t *bytes, size_t n,
                      lab_err *err);

#endif
