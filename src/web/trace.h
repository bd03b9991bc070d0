/* SPDX-License-Identifier: MIT
 * /debug/pprof/trace: the execution trace. */
#ifndef LAB_WEB_TRACE_H
#define LAB_WEB_TRACE_H

#include "http/request.h"
#include "web/web.h"

/* The handler. */
void lab_web_trace(lab_web *web, lab_http_request *req);

#endif
