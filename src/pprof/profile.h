/* SPDX-License-Identifier: MIT
 * Builds a profile that pprof can read. encode.h writes it.
 *
 *   lab_profile *p = lab_profile_new(&config);
 *   uint64_t f = lab_profile_function(p, "main.handler", "/src/app.lua", 10);
 *   uint64_t l = lab_profile_location(p, 0, 0, f, 12);
 *   lab_profile_sample(p, &l, 1, values, NULL, 0);
 *   int rc = lab_profile_finish(p, &out);
 *   lab_profile_free(p);
 *
 * The builder copies every string and array it is given. It interns functions
 * and locations and merges samples, so a caller can report each event as it
 * comes. A caller that keeps the ids of functions and locations is faster.
 *
 * Ids are 1, 2, 3... in the order in which things were first added, and 0
 * means none. Equal calls in the same order give equal bytes.
 *
 * An id that the builder didn't give out is a mistake in the program, which
 * aborts then. So are the other mistakes named below.
 *
 * Memory: lab_xmalloc's, for each different sample about 100 bytes, and 4 for
 * each frame. Threads: one at a time per builder. Signal handlers: never. */
#ifndef LAB_PPROF_PROFILE_H
#define LAB_PPROF_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lab_profile lab_profile;

/* What a number measures, and its unit: {"cpu", "nanoseconds"}. */
typedef struct lab_profile_type {
  const char *type;
  const char *unit;
} lab_profile_type;

typedef struct lab_profile_config {
  /* What each sample's values are, in this order; at least one. Collectors of
   * profiles recognize Go's kinds by these names. */
  const lab_profile_type *types;
  size_t ntypes;
  /* What was sampled, and how much of it is between two samples. */
  lab_profile_type period_type;
  int64_t period;
  /* The type that the tool shows first, one of types; NULL: the last. */
  const char *default_type;
  int64_t time_ns;     /* start of the profile since 1970; 0: unknown */
  int64_t duration_ns; /* wall-clock time covered; 0: unknown */
  /* Shown by `pprof -comments`; ends with NULL. May be NULL itself. */
  const char *const *comments;
  /* Leaves out samples whose values are all 0 in the end. The difference of two
   * profiles has many of them. */
  bool drop_zero;
} lab_profile_config;

/* Starts a profile, which the caller frees. */
lab_profile *lab_profile_new(const lab_profile_config *config);
/* Accepts NULL. */
void lab_profile_free(lab_profile *p);

/* A file mapped into memory from address START up to LIMIT. The first one is
 * the program itself: pprof shows its FILE, and names saved profiles by it.
 * BUILD_ID may be NULL. The profile says that all names are known
 * (has_functions, has_filenames, ...), so pprof doesn't look for symbols
 * itself. Returns the id; mappings aren't interned. */
uint64_t lab_profile_mapping(lab_profile *p, uint64_t start, uint64_t limit,
                             uint64_t offset, const char *file,
                             const char *build_id);

/* A function: the same three arguments give the same id. FILE should be an
 * absolute path, because pprof's source views open it; NULL: unknown.
 * START_LINE 0: unknown. No system_name is written: pprof would demangle the
 * name, and remove what is in <...>. */
uint64_t lab_profile_function(lab_profile *p, const char *name,
                              const char *file, int64_t start_line);

/* A place in the program: the same four arguments give the same id. MAPPING_ID
 * and ADDRESS are 0 for interpreted code. For a return address, pass the
 * address before it, which belongs to the call. LINE is the line executed in
 * function FUNCTION_ID; FUNCTION_ID 0: only the address is known. */
uint64_t lab_profile_location(lab_profile *p, uint64_t mapping_id,
                              uint64_t address, uint64_t function_id,
                              int64_t line);

/* What distinguishes samples of one stack: the text {"step", "mutex"} or the
 * number {"bytes", NULL, 512}. KEY must not be empty. pprof's tag filters read
 * a text made of digits as a number, so a text should have other letters. pprof
 * ignores an empty text, and the number 0 without a unit. */
typedef struct lab_profile_label {
  const char *key;
  const char *str;      /* NULL: it is a number */
  int64_t num;          /* only without str */
  const char *num_unit; /* only without str; NULL: none */
} lab_profile_label;

/* Adds one sample: the N locations of its stack, leaf first, and a value for
 * each of the profile's types. Samples with the same locations and the same
 * labels (in any order) become one, with the sums of their values. */
void lab_profile_sample(lab_profile *p, const uint64_t *locations, size_t n,
                        const int64_t *values, const lab_profile_label *labels,
                        size_t nlabels);

#endif
