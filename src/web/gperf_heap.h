/* SPDX-License-Identifier: MIT
 * /pprof/heap: the heap profile in the format of gperftools. */
#ifndef LAB_WEB_GPERF_HEAP_H
#define LAB_WEB_GPERF_HEAP_H

#include "http/request.h"
#include "web/web.h"

/* The handler. */
void lab_web_gperf_heap(lab_web *web, lab_http_request *req);

#endif
