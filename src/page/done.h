/* SPDX-License-Identifier: MIT
 * /lab/api/progress: what the student has done, for the page's scripts. It is
 * what /lab/progress says, and what only this lab knows: which steps were
 * solved in it, also if that isn't kept.
 *
 * Threads: the control thread. */
#ifndef LAB_PAGE_DONE_H
#define LAB_PAGE_DONE_H

#include "base/json.h"
#include "http/request.h"
#include "page/page.h"

/* The handler. */
void lab_page_progress(lab_page *page, lab_http_request *req);
/* Writes the key "solved" with the steps that were solved in this lab. */
void lab_page_write_solved(const lab_page *page, lab_json *j);

#endif
