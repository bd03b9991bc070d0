/* SPDX-License-Identifier: MIT
 * Numbers as Prometheus reads them: its text format (0.0.4) or OpenMetrics
 * (1.0.0), which differ in how a counter's family is called and in the end
 * mark.
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
 * All samples are the same in both, so that a series doesn't change its name
 * with the format that a scraper asks for.
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

/* Whether the header Accept (LEN bytes) would rather have OpenMetrics. */
bool lab_exposition_wants_open(const char *accept, size_t len);

/* Begins a family of samples. TYPE: "counter", "gauge", "histogram", "summary"
 * or "unknown". NAME, which must stay valid, is that of the samples, but
 * counters may do without their "_total". HELP: a sentence. */
void lab_exposition_family(lab_exposition *e, const char *type,
                           const char *name, const char *help);
/* LABELS: "" or {key="value",...}, values through lab_exposition_escape. */
void lab_exposition_sample(lab_exposition *e, const char *labels, double value);
/* A sample with a suffix: _sum, _count. */
void lab_exposition_part(lab_exposition *e, const char *suffix,
                         const char *labels, double value);
/* Buckets, sum and count. LABELS without braces: key="value", or "". */
void lab_exposition_histogram(lab_exposition *e, const char *labels,
                              const lab_histogram *h);
/* A family of one sample without labels. */
void lab_exposition_one(lab_exposition *e, const char *type, const char *name,
                        const char *help, double value);
void lab_exposition_end(lab_exposition *e);

/* TEXT as the value of a label, without the quotes. */
void lab_exposition_escape(const char *text, lab_buf *out);

#endif
