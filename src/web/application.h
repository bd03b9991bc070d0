/* SPDX-License-Identifier: MIT
 * "/", and the routes of the step that is served: requests that the VM answers.
 */
#ifndef LAB_WEB_APPLICATION_H
#define LAB_WEB_APPLICATION_H

#include "base/near_clock.h"
#include "http/request.h"
#include "web/web.h"

/* Private to application.c. */
typedef struct lab_web_visits {
  struct visit *idle; /* kept for the next requests */
  unsigned idle_count;
  lab_near_clock clock;
} lab_web_visits;

/* The handler. */
void lab_web_application(lab_web *web, lab_http_request *req);

/* Requests that the VM has not answered yet. */
unsigned lab_web_in_flight(const lab_web *web);
/* After the loop has ended. */
void lab_web_free_visits(lab_web *web);

#endif
