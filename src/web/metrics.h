/* SPDX-License-Identifier: MIT
 * /metrics: numbers for Prometheus.
 *
 *   lab_metrics_collect(web, whole, &facts);     control thread
 *   lab_metrics_write(&facts, &e);               libuv's pool
 *   lab_metrics_free(&facts);
 *
 * Requests, and the scenario's counters, are counted since the step was
 * entered, or (WHOLE) since the process began: since.h. */
#ifndef LAB_WEB_METRICS_H
#define LAB_WEB_METRICS_H

#include "http/request.h"
#include "resources/errand.h"
#include "script/status.h"
#include "web/answer.h"
#include "web/exposition.h"
#include "web/request_stats.h"
#include "web/web.h"

/* What only the control thread may read. */
typedef struct lab_metrics_facts {
  lab_web *web;
  lab_vm_status vm;
  unsigned in_flight, connections;
  lab_child_counts children;
  size_t captures, captures_memory;
  lab_answers answers;
  lab_request_rows requests;
  bool whole;
} lab_metrics_facts;

/* The caller owns FACTS. */
void lab_metrics_collect(lab_web *web, bool whole, lab_metrics_facts *facts);
void lab_metrics_free(lab_metrics_facts *facts);
/* Writes FACTS, and what any thread may read. It takes some 100 us. */
void lab_metrics_write(const lab_metrics_facts *facts, lab_exposition *e);

/* The handler. */
void lab_web_metrics(lab_web *web, lab_http_request *req);

#endif
