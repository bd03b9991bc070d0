/* SPDX-License-Identifier: MIT
 * /debug/vars: numbers as Go's package expvar shows them. */
#ifndef LAB_WEB_VARS_H
#define LAB_WEB_VARS_H

#include <stdbool.h>

#include "base/buf.h"
#include "http/request.h"
#include "web/web.h"

/* The handler. */
void lab_web_vars(lab_web *web, lab_http_request *req);

/* Appends the text; WHOLE: counters have what was added since the start (see
 * since.h). Any thread. */
void lab_vars_write(lab_web *web, bool whole, lab_buf *out);

#endif
