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

/* ---- counting ------------------------------------------------------------ */

/* The place of STEP; where there is none, a new one if that is asked for, else
 * NULL. */
static lab_step_stats *find_step_stats(lab_request_stats *stats, int step,
                                       bool make) {
  for (unsigned i = 0; i < stats->nsteps; i++)
    if (stats->steps[i]->last.step == step || i == LAB_REQUEST_STATS_STEPS)
      return stats->steps[i];
  if (!make)
    return NULL;
  lab_step_stats *new = lab_xcalloc(1, sizeof *new);
  new->last.step = step;
  stats->steps[stats->nsteps++] = new;
  return new;
}

static void add_counts(lab_request_counts *to, const lab_request_counts *from) {
  for (unsigned i = 0; i < LAB_REQUEST_STATS_CLASSES; i++)
    to->answers[i] += from->answers[i];
  lab_histogram_add(&to->latency, &from->latency);
}

/* A later visit than the last one begins anew. */
static void begin_visit_counts(lab_step_stats *s,
                               const lab_request_visit *visit) {
  if (visit->entered <= s->last.entered)
    return;
  s->last.entered = visit->entered;
  add_counts(&s->before, &s->visit);
  s->visit = (lab_request_counts){.answers = {0}};
}

void lab_request_stats_count(lab_request_stats *stats,
                             const lab_request_visit *visit, int status,
                             uint64_t began, uint64_t now) {
  if (!stats->used || stats->used->last.step != visit->step)
    stats->used = find_step_stats(stats, visit->step, true);
  lab_step_stats *s = stats->used;
  begin_visit_counts(s, visit);
  lab_request_counts *counts =
      visit->entered == s->last.entered ? &s->visit : &s->before;
  counts->answers[status / 100]++;
  if (began)
    lab_histogram_observe(&counts->latency, now - began);
}

static uint64_t sum_answers(const lab_request_counts *counts) {
  uint64_t sum = 0;
  for (int class = 1; class < LAB_REQUEST_STATS_CLASSES; class ++)
    sum += counts->answers[class];
  return sum;
}

uint64_t lab_request_stats_total(const lab_request_stats *stats) {
  uint64_t total = 0;
  for (unsigned i = 0; i < stats->nsteps; i++)
    total += sum_answers(&stats->steps[i]->visit) +
             sum_answers(&stats->steps[i]->before);
  return total;
}

void lab_request_stats_free(lab_request_stats *stats) {
  for (unsigned i = 0; i < stats->nsteps; i++)
    lab_xfree(stats->steps[i]);
}

/* ---- the numbers of one moment ------------------------------------------- */

lab_request_rows lab_request_stats_take(lab_request_stats *stats,
                                        const lab_request_visit *present,
                                        bool whole) {
  lab_step_stats *now = find_step_stats(stats, present->step, false);
  if (now) /* it may have served nothing yet */
    begin_visit_counts(now, present);
  lab_request_rows taken = {lab_xcalloc(stats->nsteps, sizeof *taken.rows),
                            stats->nsteps};
  for (unsigned i = 0; i < stats->nsteps; i++) {
    const lab_step_stats *s = stats->steps[i];
    taken.rows[i] =
        (lab_request_row){s->last.step, i == LAB_REQUEST_STATS_STEPS, s->visit};
    if (whole)
      add_counts(&taken.rows[i].counts, &s->before);
  }
  return taken;
}

void lab_request_rows_free(lab_request_rows *rows) {
  lab_xfree(rows->rows);
  *rows = (lab_request_rows){NULL, 0};
}

static void format_step_label(const lab_request_row *row, char out[32]) {
  if (row->others)
    snprintf(out, 32, "step=\"other\"");
  else
    snprintf(out, 32, "step=\"%d\"", row->step);
}

static void write_answer_counts(const lab_request_rows *rows,
                                lab_exposition *e) {
  char step[32], labels[64];
  lab_exposition_family(e, "counter", "diaglab_requests",
                        "Requests of the application that were answered, by "
                        "the step that served them and the class of status.");
  for (unsigned i = 0; i < rows->n; i++)
    for (int class = 1; class < LAB_REQUEST_STATS_CLASSES; class ++) {
      uint64_t answers = rows->rows[i].counts.answers[class];
      format_step_label(&rows->rows[i], step);
      snprintf(labels, sizeof labels, "{%s,code=\"%dxx\"}", step, class);
      if (answers > 0)
        lab_exposition_sample(e, labels, (double)answers);
    }
}

void lab_request_rows_write(const lab_request_rows *rows, lab_exposition *e) {
  char step[32];
  write_answer_counts(rows, e);
  lab_exposition_family(e, "histogram", "diaglab_request_duration_seconds",
                        "From the arrival of a request of the application to "
                        "its answer, by the step that served it.");
  for (unsigned i = 0; i < rows->n; i++) {
    format_step_label(&rows->rows[i], step);
    lab_exposition_histogram(e, step, &rows->rows[i].counts.latency);
  }
}
