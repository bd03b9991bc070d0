/* SPDX-License-Identifier: MIT
 * /debug/pprof/symbol: names of code addresses. */
#ifndef LAB_WEB_SYMBOL_H
#define LAB_WEB_SYMBOL_H

#include "http/request.h"
#include "web/web.h"

/* The handler, also of /pprof/symbol. */
void lab_web_symbol(lab_web *web, lab_http_request *req);

#endif
