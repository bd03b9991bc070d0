/* SPDX-License-Identifier: MIT
 * See done.h. The file may be on a slow disk, so libuv's pool reads it. One
 * that can't be read is no error here: the page shows the rest. */
#include "page/done.h"

#include "base/alloc.h"
#include "http/http.h"
#include "page/ground.h"
#include "page/page_internal.h"
#include "web/page.h"
#include "web/slow.h"

typedef struct done_request {
  lab_slow slow;
  lab_page *page;
  lab_json json; /* which the pool completes */
  lab_buf out;
} done_request;

static void free_done_request(lab_slow *s) {
  lab_buf_free(&((done_request *)s)->out);
}

void lab_page_write_solved(const lab_page *page, lab_json *j) {
  lab_json_key(j, "solved");
  lab_json_begin_array(j, LAB_JSON_COMPACT);
  for (size_t i = 0; i < page->nsolved; i++)
    lab_json_int(j, page->solved[i]);
  lab_json_end(j);
}

static void begin_done_answer(done_request *d) {
  lab_json *j = &d->json;
  lab_json_start(j, &d->out);
  lab_json_begin_object(j, LAB_JSON_COMPACT);
  lab_json_key(j, "format");
  lab_json_text(j, "diaglab-page-progress/1");
  lab_json_key(j, "kept");
  lab_json_bool(j, lab_web_keeps_progress(d->page->config.web));
  lab_page_write_solved(d->page, j);
}

static void complete_done_answer(lab_slow *s) {
  done_request *d = (done_request *)s;
  lab_json *j = &d->json;
  lab_page_sums sums = lab_page_ground_sums(d->page->ground);
  lab_json_key(j, "progress");
  if (sums.len > 0)
    lab_json_raw(j, sums.json, sums.len);
  else
    lab_json_null(j);
  if (sums.problem) {
    lab_json_key(j, "problem");
    lab_json_text(j, sums.problem);
  }
  lab_json_end(j);
  lab_json_finish(j);
}

static void answer_done(lab_slow *s) {
  lab_http_respond_buf(s->req, 200, "application/json; charset=utf-8",
                       "Cache-Control: no-store\r\n"
                       "X-Content-Type-Options: nosniff\r\n",
                       &((done_request *)s)->out);
  lab_slow_end(s);
}

void lab_page_progress(lab_page *page, lab_http_request *req) {
  done_request *d = lab_xcalloc(1, sizeof *d);
  d->page = page;
  lab_slow_begin(&d->slow, page->config.web, req, free_done_request);
  begin_done_answer(d);
  lab_slow_work_for_page(&d->slow, complete_done_answer, answer_done);
}
