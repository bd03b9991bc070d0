/* SPDX-License-Identifier: MIT
 * Numbers as Prometheus reads them: its text format (0.0.4) or OpenMetrics
 * (1.0.0). The two differ in the name of a counter's family, in the mark at the
 * end, and in whole numbers of the labels `le` and `quantile`.
 *
 *   lab_exposition e = {.out = &body, .open = true};
 *   lab_exposition_family(&e, "counter", "jobs", "Jobs done.");
 *   lab_exposition_sample(&e, "{kind=\"big\"}", 3);
 *   lab_exposition_end(&e);
 *
 * gives
 *   # HELP jobs Jobs done.              (0.0.4: # HELP jobs_total ...)
 *   # TYPE jobs counter                 (0.0.4: # TYPE jobs_total ...)
 *   jobs_total{kind="big"} 3
 *   # EOF                               (OpenMetrics only)
 *
 * The samples are the same in both, but for those two labels ("1" and "1.0"),
 * which are as client_golang writes them: so queries that were made for Go fit.
 *
 * Threads: one at a time per exposition. */
#ifndef LAB_WEB_EXPOSITION_H
#define LAB_WEB_EXPOSITION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/metric.h"

typedef struct lab_exposition {
  lab_buf *out;
  bool open;         /* OpenMetrics */
  const char *name;  /* of the family under way, without _total */
  const char *total; /* "_total" if that is a counter, else "" */
} lab_exposition;

#define LAB_EXPOSITION_TEXT "text/plain; version=0.0.4; charset=utf-8"
#define LAB_EXPOSITION_OPEN                                                    \
  "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* Whether the header Accept (LEN bytes) prefers OpenMetrics. */
bool lab_exposition_wants_open(const char *accept, size_t len);

/* Begins a family of samples. TYPE is "counter", "gauge", "histogram",
 * "summary" or "unknown". NAME is the name of the samples, where a counter's
 * "_total" may be left out; it must stay valid. HELP is a sentence. */
void lab_exposition_family(lab_exposition *e, const char *type,
                           const char *name, const char *help);
/* LABELS: "" or {key="value",...}, values through lab_exposition_escape. */
void lab_exposition_sample(lab_exposition *e, const char *labels, double value);
/* A sample with a suffix: _sum, _count. */
void lab_exposition_part(lab_exposition *e, const char *suffix,
                         const char *labels, double value);
/* A sample of a summary. */
void lab_exposition_quantile(lab_exposition *e, double quantile, double value);
/* Buckets, sum and count. LABELS without braces: key="value", or "". */
void lab_exposition_histogram(lab_exposition *e, const char *labels,
                              const lab_histogram *h);
/* A family of one sample without labels. */
void lab_exposition_one(lab_exposition *e, const char *type, const char *name,
                        const char *help, double value);
/* The last call. */
void lab_exposition_end(lab_exposition *e);

/* TEXT as the value of a label, without the quotes. */
void lab_exposition_escape(const char *text, lab_buf *out);

#endif
