/* SPDX-License-Identifier: MIT
 * See request_stats.h.
 *
 * Requests are counted by the step that served them, because students compare
 * steps. A lab has a dozen steps, so there are as many histograms. Should
 * somebody switch through hundreds of steps, those after the first
 * LAB_REQUEST_STATS_STEPS share one, so that a scraper needn't keep more
 * series. */
#include "web/request_stats.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"

static lab_step_stats *find_step_stats(lab_request_stats *stats, int step) {
  unsigned n = atomic_load_explicit(&stats->nsteps, memory_order_relaxed);
  for (unsigned i = 0; i < n; i++)
    if (stats->steps[i]->step == step || i == LAB_REQUEST_STATS_STEPS)
      return stats->steps[i];
  lab_step_stats *new = lab_xcalloc(1, sizeof *new);
  new->step = step;
  stats->steps[n] = new;
  atomic_store_explicit(&stats->nsteps, n + 1, memory_order_release);
  return new;
}

/* There is one writer only, so this needs no atomic addition. */
static void count_answer(_Atomic uint64_t *counter) {
  uint64_t n = atomic_load_explicit(counter, memory_order_relaxed);
  atomic_store_explicit(counter, n + 1, memory_order_relaxed);
}

void lab_request_stats_count(lab_request_stats *stats, int step, int status,
                             uint64_t began, uint64_t now) {
  if (!stats->last || stats->last->step != step)
    stats->last = find_step_stats(stats, step);
  count_answer(&stats->last->answers[status / 100]);
  if (began)
    lab_histogram_observe(&stats->last->latency, now - began);
}

static void format_step_label(const lab_request_stats *stats, unsigned i,
                              char out[32]) {
  if (i == LAB_REQUEST_STATS_STEPS)
    snprintf(out, 32, "step=\"other\"");
  else
    snprintf(out, 32, "step=\"%d\"", stats->steps[i]->step);
}

static void write_answer_counts(const lab_request_stats *stats, unsigned n,
                                lab_exposition *e) {
  char step[32], labels[64];
  lab_exposition_family(e, "counter", "diaglab_requests",
                        "Requests of the application that were answered, by "
                        "the step that served them and the class of status.");
  for (unsigned i = 0; i < n; i++)
    for (int class = 1; class < LAB_REQUEST_STATS_CLASSES; class ++) {
      uint64_t answers = atomic_load_explicit(&stats->steps[i]->answers[class],
                                              memory_order_relaxed);
      format_step_label(stats, i, step);
      snprintf(labels, sizeof labels, "{%s,code=\"%dxx\"}", step, class);
      if (answers > 0)
        lab_exposition_sample(e, labels, (double)answers);
    }
}

void lab_request_stats_write(lab_request_stats *stats, lab_exposition *e) {
  unsigned n = atomic_load_explicit(&stats->nsteps, memory_order_acquire);
  char step[32];
  write_answer_counts(stats, n, e);
  lab_exposition_family(e, "histogram", "diaglab_request_duration_seconds",
                        "From the arrival of a request of the application to "
                        "its answer, by the step that served it.");
  for (unsigned i = 0; i < n; i++) {
    format_step_label(stats, i, step);
    lab_exposition_histogram(e, step, &stats->steps[i]->latency);
  }
}

uint64_t lab_request_stats_total(const lab_request_stats *stats) {
  unsigned n = atomic_load_explicit(&stats->nsteps, memory_order_acquire);
  uint64_t total = 0;
  for (unsigned i = 0; i < n; i++)
    for (int class = 1; class < LAB_REQUEST_STATS_CLASSES; class ++)
      total += atomic_load_explicit(&stats->steps[i]->answers[class],
                                    memory_order_relaxed);
  return total;
}

void lab_request_stats_free(lab_request_stats *stats) {
  for (unsigned i = 0; i < atomic_load(&stats->nsteps); i++)
    lab_xfree(stats->steps[i]);
}
