/* SPDX-License-Identifier: MIT
 * What several handlers of the lab's own endpoints have in common: in which
 * form a client wants its answer, and a method that isn't allowed. */
#ifndef LAB_WEB_FORMAT_H
#define LAB_WEB_FORMAT_H

#include <stdbool.h>

#include "http/request.h"

/* JSON or text: the parameter format=json, or a header Accept that names JSON.
 */
bool lab_web_wants_json(const lab_http_request *req);

/* Does the client say that the body is JSON? */
bool lab_web_has_json_body(const lab_http_request *req);

/* Of what a GET changes: HEAD may not change anything, so it isn't allowed. */
bool lab_web_is_get_or_post(const lab_http_request *req);

/* Answers 405. ALLOWED: "GET, POST". */
void lab_web_refuse_method(lab_http_request *req, const char *allowed);

#endif
