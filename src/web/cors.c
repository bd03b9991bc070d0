/* SPDX-License-Identifier: MIT
 * See cors.h. */
#include "web/cors.h"

#include <string.h>

#include "web/web_internal.h"

void lab_cors_mark(const lab_web *web, lab_http_request *req) {
  lab_http_str origin;
  if (lab_http_origins_is_empty(&web->origins))
    return;
  lab_http_header(req, "Origin", &origin);
  lab_http_always_send(req, lab_http_origins_headers(&web->origins, origin));
}

bool lab_cors_is_stranger(const lab_web *web, const lab_http_request *req) {
  lab_http_str origin;
  if (!lab_http_is_foreign(req))
    return false;
  lab_http_header(req, "Origin", &origin);
  return !lab_http_origins_has(&web->origins, origin);
}

bool lab_cors_is_preflight(const lab_web *web, const lab_http_request *req) {
  lab_http_str origin, method;
  if (lab_http_origins_is_empty(&web->origins) ||
      strcmp(lab_http_method(req), "OPTIONS") != 0)
    return false;
  lab_http_header(req, "Origin", &origin);
  lab_http_header(req, "Access-Control-Request-Method", &method);
  return lab_http_origins_has(&web->origins, origin) &&
         (strcmp(method.data, "GET") == 0 || strcmp(method.data, "HEAD") == 0);
}

/* A page of the internet asks Chromium for this machine: it wants to be told
 * that this was meant. */
void lab_cors_answer_preflight(const lab_web *web, lab_http_request *req) {
#define ALLOWED                                                                \
  "Access-Control-Allow-Methods: GET, HEAD\r\n"                                \
  "Access-Control-Allow-Headers: *\r\n"                                        \
  "Access-Control-Max-Age: 600\r\n"
  lab_http_str local;
  bool is_local =
      lab_http_header(req, "Access-Control-Request-Private-Network", &local);
  lab_cors_mark(web, req);
  lab_http_respond(req, 204, NULL,
                   is_local ? ALLOWED
                       "Access-Control-Allow-Private-Network: true\r\n"
                            : ALLOWED,
                   NULL, 0);
#undef ALLOWED
}
