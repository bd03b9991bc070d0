/* SPDX-License-Identifier: MIT
 * Reads a profile: what the lab, Go, or any other program wrote in the format
 * profile.proto, packed with gzip or not.
 *
 *   lab_pprof *p;
 *   if (lab_pprof_decode(&p, bytes, n, NULL, &err) == 0) {
 *     ... query.h, flame.h and delta.h say what can be asked of it ...
 *     lab_pprof_free(p);
 *   }
 *
 * It accepts and refuses the same files as `go tool pprof`: fields may come in
 * any order, numbers of one field packed or not, ids may be any numbers but 0,
 * fields that aren't known are skipped. The old formats without protobuf, which
 * that tool reads too, are refused.
 *
 * The input may be anything, and may be meant to do harm: the limits below hold
 * for memory and, with n log n, for time.
 *
 * Threads: any; a profile that was read may be used by several at a time.
 * Signal handlers: never. */
#ifndef LAB_PPROF_DECODE_H
#define LAB_PPROF_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* What a profile may have at most. A file of more bytes than INPUT is refused
 * before anything of it is read; in memory are at most INPUT + UNPACKED +
 * MEMORY bytes at a time, and MEMORY afterwards. FRAMES are those of all
 * samples, each counted as often as it occurs: the time of a query. */
typedef struct lab_pprof_limits {
  size_t input, unpacked, memory; /* bytes */
  size_t samples, locations, functions, strings, frames;
} lab_pprof_limits;

#define LAB_PPROF_LIMITS                                                       \
  (lab_pprof_limits) {                                                         \
    .input = 32u << 20, .unpacked = 128u << 20, .memory = 256u << 20,          \
    .samples = 1u << 20, .locations = 1u << 20, .functions = 1u << 20,         \
    .strings = 1u << 20, .frames = 1u << 26                                    \
  }

/* All texts end with 0, and are "" where the profile has none. Things refer to
 * each other by their place in the profile's arrays. */
typedef struct lab_pprof_type {
  const char *type, *unit; /* "cpu", "nanoseconds" */
} lab_pprof_type;

typedef struct lab_pprof_mapping {
  uint64_t id, start, limit, offset;
  const char *file, *build_id;
} lab_pprof_mapping;

typedef struct lab_pprof_function {
  uint64_t id;
  const char *name, *system_name, *file;
  int64_t start_line;
  uint32_t first; /* the first of functions that has this name */
  /* Texts may be very long, and belong to very many functions; so nobody should
   * look at one for each of them. */
  size_t name_length, file_length;
  uint64_t hash; /* of name and file, the same in every profile */
} lab_pprof_function;

typedef struct lab_pprof_line {
  uint32_t function;
  int64_t line;
} lab_pprof_line;

#define LAB_PPROF_NONE UINT32_MAX

/* A place in the program. Where the compiler has put functions into others, it
 * has several lines: the innermost function first. It may have none. */
typedef struct lab_pprof_location {
  uint64_t id, address;
  const lab_pprof_line *lines;
  uint32_t nlines;
  uint32_t mapping; /* or LAB_PPROF_NONE */
} lab_pprof_location;

typedef struct lab_pprof_label {
  const char *key;
  const char *str;  /* NULL: it is a number */
  int64_t num;      /* only without str */
  const char *unit; /* only without str */
} lab_pprof_label;

typedef struct lab_pprof_sample {
  int64_t *values;           /* one for each of the profile's types */
  const uint32_t *locations; /* the leaf first */
  const lab_pprof_label *labels;
  uint32_t nlocations, nlabels;
} lab_pprof_sample;

typedef struct lab_pprof {
  lab_pprof_type *types, period_type;
  size_t ntypes, default_type; /* the type that tools show first */
  int64_t period, time_ns, duration_ns;
  const char *drop_frames, *keep_frames; /* regular expressions */
  lab_pprof_mapping *mappings;
  lab_pprof_function *functions;
  lab_pprof_line *lines;
  lab_pprof_location *locations;
  lab_pprof_sample *samples;
  const char **comments;
  size_t nmappings, nfunctions, nlines, nlocations, nsamples, ncomments;
  size_t memory; /* bytes that it has */
} lab_pprof;

/* Reads the N BYTES, which may be freed afterwards. LIMITS NULL:
 * LAB_PPROF_LIMITS. Returns 0, and *OUT is the caller's; or -EINVAL for what is
 * no valid profile, -EFBIG for one beyond the limits, -ENOMEM. The message says
 * what is wrong, and where: "sample 3: location 17 isn't in the profile". */
int lab_pprof_decode(lab_pprof **out, const void *bytes, size_t n,
                     const lab_pprof_limits *limits, lab_err *err);
/* Accepts NULL. */
void lab_pprof_free(lab_pprof *p);

/* ---- the frames of a stack ----------------------------------------------- */

/* A walk over a sample's frames, the leaf first: all zeros but for P and S. */
typedef struct lab_pprof_walk {
  const lab_pprof *p;
  const lab_pprof_sample *s;
  uint32_t location, line; /* the next one */
} lab_pprof_walk;

/* The next frame, and its location in *AT; or false after the root. The frame
 * of a location without lines has the function LAB_PPROF_NONE. */
static inline bool lab_pprof_next_frame(lab_pprof_walk *w,
                                        lab_pprof_line *frame, uint32_t *at) {
  if (w->location == w->s->nlocations)
    return false;
  *at = w->s->locations[w->location];
  const lab_pprof_location *l = &w->p->locations[*at];
  *frame = (lab_pprof_line){.function = LAB_PPROF_NONE};
  if (w->line < l->nlines)
    *frame = l->lines[w->line++];
  if (w->line >= l->nlines) {
    w->location++;
    w->line = 0;
  }
  return true;
}

#endif
