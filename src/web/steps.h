/* SPDX-License-Identifier: MIT
 * /steps and /hint: the list of steps, and their hints. */
#ifndef LAB_WEB_STEPS_H
#define LAB_WEB_STEPS_H

#include "http/request.h"
#include "web/web.h"

/* The handler of /steps. */
void lab_web_steps(lab_web *web, lab_http_request *req);
/* The handler of /hint. */
void lab_web_hint(lab_web *web, lab_http_request *req);

#endif
