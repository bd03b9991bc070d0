/* SPDX-License-Identifier: MIT
 * /lab/captures: what is kept as evidence for an answer. */
#ifndef LAB_WEB_CAPTURES_H
#define LAB_WEB_CAPTURES_H

#include <stddef.h>

#include "http/request.h"
#include "web/web.h"

/* The handler: GET lists, POST adds a file, DELETE forgets. */
void lab_web_captures(lab_web *web, lab_http_request *req);

/* The most bytes that the body of REQ, whose head has come, may have; 0: no
 * more than any other. */
size_t lab_web_captures_limit(const lab_http_request *req);

#endif
