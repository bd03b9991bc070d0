/* SPDX-License-Identifier: MIT
 * How often the application was asked, and how long its answers took, by the
 * step that served them.
 *
 * Threads: the control thread counts; any thread may write the numbers down. */
#ifndef LAB_WEB_REQUEST_STATS_H
#define LAB_WEB_REQUEST_STATS_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/metric.h"
#include "web/exposition.h"

enum {
  LAB_REQUEST_STATS_STEPS = 32,  /* steps that are counted apart */
  LAB_REQUEST_STATS_CLASSES = 6, /* of statuses: 0 (never), 1xx to 5xx */
};

/* The requests of one step. */
typedef struct lab_step_stats {
  int step;
  _Atomic uint64_t answers[LAB_REQUEST_STATS_CLASSES];
  lab_histogram latency;
} lab_step_stats;

/* All zeros: nothing was counted yet. */
typedef struct lab_request_stats {
  lab_step_stats *steps[LAB_REQUEST_STATS_STEPS + 1]; /* last: all others */
  atomic_uint nsteps;
  lab_step_stats *last; /* of the last request */
} lab_request_stats;

/* Counts an answer to a request that STEP served. BEGAN is when the request
 * came, and it is NOW, both in mono ns; BEGAN 0: it was refused, so its time
 * says nothing. The control thread only. */
void lab_request_stats_count(lab_request_stats *stats, int step, int status,
                             uint64_t began, uint64_t now);
/* Appends the metrics. Any thread. */
void lab_request_stats_write(lab_request_stats *stats, lab_exposition *e);
/* All answers so far. Any thread. */
uint64_t lab_request_stats_total(const lab_request_stats *stats);
void lab_request_stats_free(lab_request_stats *stats);

#endif
