/* SPDX-License-Identifier: MIT
 * /goto?step=N: the switch to another step. */
#ifndef LAB_WEB_GOTO_H
#define LAB_WEB_GOTO_H

#include "http/request.h"
#include "web/web.h"

/* The handler. */
void lab_web_goto(lab_web *web, lab_http_request *req);

#endif
