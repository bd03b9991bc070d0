/* SPDX-License-Identifier: MIT
 * Which handler answers which path.
 *
 * A handler is a function that answers one request, now or later. It is called
 * on the control thread. */
#ifndef LAB_WEB_ROUTER_H
#define LAB_WEB_ROUTER_H

#include <stdbool.h>

#include "http/request.h"

struct lab_web;

/* The HTTP server's on_request (http/server.h); WEB is a lab_web. Refuses what
 * http/guard.h refuses; else calls the handler of the request's path. */
void lab_web_route(lab_http_request *req, void *web);
/* Whether the application gets REQ, of which the head is there. */
bool lab_web_is_of_application(struct lab_web *web,
                               const lab_http_request *req);

/* Does REQ ask for /status? */
bool lab_web_is_status(const lab_http_request *req);

#endif
