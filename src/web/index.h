/* SPDX-License-Identifier: MIT
 * /debug/pprof/: the list of profiles, and the command line. */
#ifndef LAB_WEB_INDEX_H
#define LAB_WEB_INDEX_H

#include "http/request.h"
#include "web/web.h"

/* The handler of /debug/pprof/. */
void lab_web_index(lab_web *web, lab_http_request *req);
/* The handler of /debug/pprof/cmdline. */
void lab_web_cmdline(lab_web *web, lab_http_request *req);

#endif
