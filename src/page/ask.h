/* SPDX-License-Identifier: MIT
 * What the page asks about the present step: its load, the text of its files,
 * its solution, and the check of a repair. lua/page_api.lua answers, on libuv's
 * pool.
 *
 * Threads: the control thread. */
#ifndef LAB_PAGE_ASK_H
#define LAB_PAGE_ASK_H

#include "http/request.h"
#include "page/page.h"

/* The handlers. */
void lab_page_load_request(lab_page *page, lab_http_request *req);
void lab_page_repair_request(lab_page *page, lab_http_request *req);
void lab_page_source(lab_page *page, lab_http_request *req);
void lab_page_solution(lab_page *page, lab_http_request *req);

#endif
