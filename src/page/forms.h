/* SPDX-License-Identifier: MIT
 * The forms of /lab/, for a browser without JavaScript. Each does what its user
 * could do with curl: it asks the lab's own endpoint, over HTTP, and shows the
 * page with what came of it.
 *
 * Threads: the control thread. */
#ifndef LAB_PAGE_FORMS_H
#define LAB_PAGE_FORMS_H

#include <stdint.h>

#include "base/buf.h"
#include "http/request.h"
#include "page/page.h"

/* The last request that the page has sent to the application. */
typedef struct lab_page_seen {
  char *path; /* NULL: there was none */
  int status;
  uint64_t ns;     /* until the answer was there */
  lab_buf body;    /* its beginning */
  char error[256]; /* "": there was an answer */
} lab_page_seen;

/* The handlers. */
void lab_page_form_go(lab_page *page, lab_http_request *req);
void lab_page_form_request(lab_page *page, lab_http_request *req);
void lab_page_form_hint(lab_page *page, lab_http_request *req);
void lab_page_form_answer(lab_page *page, lab_http_request *req);

/* The lab stops: those that wait are refused. */
void lab_page_stop_forms(lab_page *page);

#endif
