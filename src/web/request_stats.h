/* SPDX-License-Identifier: MIT
 * How often the application was asked, and how long its answers took, by the
 * step that served them: in each step's last visit, and in all of them.
 *
 *   lab_request_stats_count(&stats, &visit, status, began, now);
 *   lab_request_rows rows = lab_request_stats_take(&stats, &present, false);
 *   lab_request_rows_write(&rows, &e);     any thread
 *   lab_request_rows_free(&rows);
 *
 * Threads: the control thread, but for rows: one at a time. */
#ifndef LAB_WEB_REQUEST_STATS_H
#define LAB_WEB_REQUEST_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/metric.h"
#include "web/exposition.h"

enum {
  LAB_REQUEST_STATS_STEPS = 32,  /* steps that are counted apart */
  LAB_REQUEST_STATS_CLASSES = 6, /* of statuses: 0 (never), 1xx to 5xx */
};

/* A visit of a step. Of two visits of one step the later one has the larger
 * `entered`. */
typedef struct lab_request_visit {
  int step;
  uint64_t entered; /* as lab_shown_step's */
} lab_request_visit;

typedef struct lab_request_counts {
  uint64_t answers[LAB_REQUEST_STATS_CLASSES];
  lab_histogram latency;
} lab_request_counts;

/* The requests of one step. */
typedef struct lab_step_stats {
  lab_request_visit last;
  lab_request_counts visit, before; /* of the last visit, and of earlier ones */
} lab_step_stats;

/* All zeros: nothing was counted yet. */
typedef struct lab_request_stats {
  lab_step_stats *steps[LAB_REQUEST_STATS_STEPS + 1]; /* last: all others */
  unsigned nsteps;
  lab_step_stats *used; /* for the last request */
} lab_request_stats;

/* Counts an answer to a request that VISIT served. BEGAN is when the request
 * came, and it is NOW, both in mono ns; BEGAN 0: it was refused, so its time
 * says nothing. */
void lab_request_stats_count(lab_request_stats *stats,
                             const lab_request_visit *visit, int status,
                             uint64_t began, uint64_t now);
/* All answers so far. */
uint64_t lab_request_stats_total(const lab_request_stats *stats);
void lab_request_stats_free(lab_request_stats *stats);

/* The numbers of one moment. */
typedef struct lab_request_row {
  int step;
  bool others; /* all that aren't counted apart */
  lab_request_counts counts;
} lab_request_row;

typedef struct lab_request_rows {
  lab_request_row *rows;
  unsigned n;
} lab_request_rows;

/* Since each step was entered for the last time, or (WHOLE) since the start.
 * PRESENT is served now. */
lab_request_rows lab_request_stats_take(lab_request_stats *stats,
                                        const lab_request_visit *present,
                                        bool whole);
/* Appends the metrics. */
void lab_request_rows_write(const lab_request_rows *rows, lab_exposition *e);
void lab_request_rows_free(lab_request_rows *rows);

#endif
