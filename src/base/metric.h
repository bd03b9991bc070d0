/* SPDX-License-Identifier: MIT
 * Numbers that the program tells about itself: counters, gauges, histograms.
 *
 *   lab_metric *m = lab_metric_new(LAB_METRIC_COUNTER, "jobs", "Jobs done.");
 *   lab_metric_add(m, 1);
 *   lab_metric_each(write_metric, out);
 *   lab_metric_free(m);
 *
 * A metric has a name and no labels. Other modules decide in what form it can
 * be read from outside (src/web).
 *
 * Threads: any, at any time. Signal handlers: never. Adding takes a few ns and
 * no lock; making, listing and freeing take a lock. */
#ifndef LAB_BASE_METRIC_H
#define LAB_BASE_METRIC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- histograms ---------------------------------------------------------- */

/* How often a duration fell into which range. It can be used without a metric.
 * The bounds are the same for all: 1, 2.5 and 5 times each power of ten from 10
 * us to 1 s, then 10 and 30 s. */
enum { LAB_HISTOGRAM_BOUNDS = 20 };

/* All zeros is an empty histogram. */
typedef struct lab_histogram {
  /* [i]: durations above bound i-1, up to bound i; the last one: those above
   * all bounds. */
  _Atomic uint64_t buckets[LAB_HISTOGRAM_BOUNDS + 1];
  _Atomic uint64_t sum_ns;
} lab_histogram;

/* Bound I in seconds; I is less than LAB_HISTOGRAM_BOUNDS. */
double lab_histogram_bound(size_t i);
void lab_histogram_observe(lab_histogram *h, uint64_t ns);
/* What FROM has, TO has too afterwards. */
void lab_histogram_add(lab_histogram *to, const lab_histogram *from);

/* ---- named metrics ------------------------------------------------------- */

typedef enum lab_metric_kind {
  LAB_METRIC_COUNTER, /* only grows */
  LAB_METRIC_GAUGE,
  LAB_METRIC_HISTOGRAM,
} lab_metric_kind;

typedef struct lab_metric {
  lab_metric_kind kind;
  const char *name, *help; /* copies; HELP may be NULL */
  _Atomic double value;    /* counter, gauge */
  _Atomic double marked;   /* a counter's value at the last mark */
  lab_histogram histogram;
  struct lab_metric *next; /* only metric.c uses these */
  uint64_t age;
} lab_metric;

/* [a-zA-Z_:][a-zA-Z0-9_:]*, as Prometheus wants it. */
bool lab_metric_name_is_good(const char *name);

/* How many bytes of NAME are the name of its family: all but the "_total" at a
 * counter's end. Two metrics of one family can't both be shown. */
size_t lab_metric_family_length(const char *name);
bool lab_metric_same_family(const char *a, const char *b);

/* Makes a metric with value 0 and lists it. While there are several of one
 * family, only the oldest is shown: so a metric may be made before the one that
 * it replaces is freed. NAME and HELP are copied. */
lab_metric *lab_metric_new(lab_metric_kind kind, const char *name,
                           const char *help);
/* Takes it off the list and frees it. Accepts NULL. */
void lab_metric_free(lab_metric *m);

/* Adds DELTA, which the caller never makes negative for a counter. */
void lab_metric_add(lab_metric *m, double delta);
void lab_metric_set(lab_metric *m, double value);
double lab_metric_get(const lab_metric *m);
/* A counter: what was added since the mark; a gauge: its value. */
double lab_metric_since_mark(const lab_metric *m);
/* A mark for all counters that there are. */
void lab_metric_mark(void);

/* Calls VISIT for each metric that is shown, in the order of the names, under
 * the list's lock: VISIT must not make or free metrics. */
void lab_metric_each(void (*visit)(const lab_metric *m, void *arg), void *arg);

#endif
