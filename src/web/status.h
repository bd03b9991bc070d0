/* SPDX-License-Identifier: MIT
 * /status: what the lab is doing, as JSON. */
#ifndef LAB_WEB_STATUS_H
#define LAB_WEB_STATUS_H

#include "http/request.h"
#include "web/web.h"

/* The handler. */
void lab_web_status(lab_web *web, lab_http_request *req);

#endif
