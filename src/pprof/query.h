/* SPDX-License-Identifier: MIT
 * Questions to a profile (decode.h): how much of it is under a function, how
 * many samples that rests on, what its largest functions are.
 *
 *   lab_pprof_filter f = {.scenario = "mutex", .under = &name, .nunder = 1};
 *   lab_pprof_query *q = lab_pprof_query_new(p, &f);
 *   lab_pprof_sum sum = lab_pprof_query_sum(q, lab_pprof_type_index(p, "cpu"));
 *   ... sum.share, sum.value ...
 *   lab_pprof_query_free(q);
 *
 * Names. A function may be said as profiles print it, "mutex.countRequest", or
 * without the scenario's name, "countRequest"; that of a table in the scenario,
 * or of a file that it includes ("mutex/pool.acquire"), also without these. The
 * functions within it, "countRequest.func1", count as it. A function that isn't
 * the scenario's must be said in full.
 *
 * A walk over the samples takes a few ns for each frame, and no memory.
 *
 * Threads: one at a time per query. Signal handlers: never. */
#ifndef LAB_PPROF_QUERY_H
#define LAB_PPROF_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pprof/decode.h"

enum { LAB_PPROF_UNDER_MAX = 16 };

/* Which samples. A field that is NULL or 0 doesn't narrow. The first four say
 * what the whole is, and the rest which part of it. */
typedef struct lab_pprof_filter {
  const char *scenario; /* its functions are SCENARIO.name, and those of files
                           SCENARIO/file.name; NULL: all are its */
  bool only_scenario;   /* have a function of it, or the label step=SCENARIO */
  const char *tag_key, *tag_value; /* have this label; a number as its digits */
  const char *of;                  /* are under this function */
  const char *const *under;        /* have all of these on one stack */
  size_t nunder;                   /* LAB_PPROF_UNDER_MAX at most */
  const char *top;    /* the innermost function of the scenario is this one */
  const char *leaf;   /* the innermost function of all is this one, in full */
  const char *line;   /* have this "file:line"; the file without its folders, or
                         with some of them */
  const char *absent; /* don't have this one */
} lab_pprof_filter;

typedef struct lab_pprof_query lab_pprof_query;

/* P and the filter's texts must stay until the query is freed. */
lab_pprof_query *lab_pprof_query_new(const lab_pprof *p,
                                     const lab_pprof_filter *filter);
void lab_pprof_query_free(lab_pprof_query *q);

/* The profile that was asked. */
const lab_pprof *lab_pprof_query_profile(const lab_pprof_query *q);

typedef enum lab_pprof_fit {
  LAB_PPROF_OUTSIDE, /* not of the whole */
  LAB_PPROF_REST,    /* of the whole, but not of the part */
  LAB_PPROF_PART,
} lab_pprof_fit;

lab_pprof_fit lab_pprof_query_fit(const lab_pprof_query *q,
                                  const lab_pprof_sample *s);

/* The sums of one type of values. Sums beyond an int64_t stay at its bound. */
typedef struct lab_pprof_sum {
  int64_t whole, part;
  double share; /* part / whole; NAN where the whole is 0 */
  /* How many independent samples the whole stands for: those of a CPU or wall
   * profile; for memory T^2 / Var T, because a large block is seen for sure,
   * and a small one by chance. INFINITY where all is counted and nothing is
   * sampled; 0 where the whole is empty. */
  double n;
} lab_pprof_sum;

/* TYPE: an index, as of lab_pprof_type_index. */
lab_pprof_sum lab_pprof_query_sum(const lab_pprof_query *q, size_t type);

/* A function's own values, and those of all stacks that it is on. Functions of
 * one name are one row. */
typedef struct lab_pprof_row {
  const char *name; /* as long as the profile */
  int64_t flat, cum;
} lab_pprof_row;

/* The functions with the largest values in the part, the largest first: by
 * what is their own, or else by cum. Writes MAX rows at most; returns how
 * many. */
size_t lab_pprof_query_top(const lab_pprof_query *q, size_t type, bool by_cum,
                           lab_pprof_row *rows, size_t max);

/* ---- without a query ----------------------------------------------------- */

/* The index of the type called NAME; of the default type for NULL; or the
 * number of types, if there is none. */
size_t lab_pprof_type_index(const lab_pprof *p, const char *name);

/* Is the function that profiles print as FRAME meant by NAME? */
bool lab_pprof_is_named(const char *frame, const char *name,
                        const char *scenario);

/* Where the true share lies, if SHARE was seen in N samples: three standard
 * deviations, by Wilson's interval, which holds for shares of 0 and 1, too. For
 * shares between it is nearly 3 sqrt(p (1 - p) / n) to each side. */
void lab_pprof_share_bounds(double share, double n, double *low, double *high);

#endif
