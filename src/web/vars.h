/* SPDX-License-Identifier: MIT
 * /debug/vars: numbers as Go's package expvar shows them. */
#ifndef LAB_WEB_VARS_H
#define LAB_WEB_VARS_H

#include "http/request.h"
#include "web/web.h"

/* The handler. */
void lab_web_vars(lab_web *web, lab_http_request *req);

#endif
