/* SPDX-License-Identifier: MIT
 * /debug/vars: numbers as Go's package expvar shows them. */
#ifndef LAB_WEB_VARS_H
#define LAB_WEB_VARS_H

#include "base/buf.h"
#include "http/request.h"
#include "web/web.h"

/* The handler. */
void lab_web_vars(lab_web *web, lab_http_request *req);

/* Appends the text. Any thread. */
void lab_vars_write(lab_web *web, lab_buf *out);

#endif
