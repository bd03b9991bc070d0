/* SPDX-License-Identifier: MIT
 * CPU profiles, in two formats. */
#ifndef LAB_WEB_CPU_PROFILE_H
#define LAB_WEB_CPU_PROFILE_H

#include "http/request.h"
#include "web/web.h"

/* The handler of /debug/pprof/profile: profile.proto. */
void lab_web_cpu_profile(lab_web *web, lab_http_request *req);
/* The handler of /pprof/profile: the format of gperftools. */
void lab_web_gperf_profile(lab_web *web, lab_http_request *req);

#endif
