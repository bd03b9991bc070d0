/* SPDX-License-Identifier: MIT
 * /debug/pprof/NAME for all profiles of the registry (prof/registry.h). */
#ifndef LAB_WEB_NAMED_PROFILE_H
#define LAB_WEB_NAMED_PROFILE_H

#include "http/request.h"
#include "web/web.h"

/* The handler. The request's path begins with /debug/pprof/. */
void lab_web_named_profile(lab_web *web, lab_http_request *req);

#endif
