/* SPDX-License-Identifier: MIT
 * /debug/pprof/wall and /debug/fgprof: where tasks spend their time, running or
 * waiting. */
#ifndef LAB_WEB_WALL_PROFILE_H
#define LAB_WEB_WALL_PROFILE_H

#include "http/request.h"
#include "web/web.h"

/* The handler. */
void lab_web_wall_profile(lab_web *web, lab_http_request *req);

#endif
