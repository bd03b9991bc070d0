/* SPDX-License-Identifier: MIT
 * /metrics: numbers for Prometheus. */
#ifndef LAB_WEB_METRICS_H
#define LAB_WEB_METRICS_H

#include "http/request.h"
#include "web/web.h"

/* The handler. */
void lab_web_metrics(lab_web *web, lab_http_request *req);

#endif
