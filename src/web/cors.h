/* SPDX-License-Identifier: MIT
 * Pages of other origins that may read profiles and numbers (--allow-origin):
 * http/origin.h says which. That concerns only routes that read or record; what
 * changes the lab is refused to all pages but its own (http/guard.h).
 *
 * Threads: the control thread. */
#ifndef LAB_WEB_CORS_H
#define LAB_WEB_CORS_H

#include <stdbool.h>

#include "http/request.h"
#include "web/web.h"

/* REQ is for a route that reads: its answer gets the headers. */
void lab_cors_mark(const lab_web *web, lab_http_request *req);

/* Was REQ sent for a page of another site, and not for one that may read? */
bool lab_cors_is_stranger(const lab_web *web, const lab_http_request *req);

/* Is REQ, for a route that reads, a browser's question whether a page may send
 * a GET? It is none if the page may not. */
bool lab_cors_is_preflight(const lab_web *web, const lab_http_request *req);
void lab_cors_answer_preflight(const lab_web *web, lab_http_request *req);

#endif
