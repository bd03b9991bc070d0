/* SPDX-License-Identifier: MIT
 * /lab/ as HTML. What is shown is collected here and on libuv's pool;
 * lua/page.lua writes it.
 *
 * Threads: the control thread. */
#ifndef LAB_PAGE_RENDER_H
#define LAB_PAGE_RENDER_H

#include <stdbool.h>

#include "base/buf.h"
#include "http/request.h"
#include "page/page.h"

/* Something that a form has done, to be told at the top of the page. */
typedef struct lab_page_happening {
  const char *kind; /* "go", "request", "hint", "answer", "load", "repair" */
  int status;       /* of the page */
  bool is_verdict;  /* the text is JSON, of /lab/answer */
  lab_buf text;     /* is taken */
} lab_page_happening;

/* Answers REQ with the page. WHAT may be NULL. */
void lab_page_show(lab_page *page, lab_http_request *req,
                   lab_page_happening *what);
/* Answers with TEXT: as plain text, or on the page if the client wants that. */
void lab_page_refuse(lab_page *page, lab_http_request *req, const char *kind,
                     int status, const char *text);
/* Answers 303: the browser loads the page anew, at SECTION. */
void lab_page_go_on(lab_http_request *req, const char *section);

#endif
