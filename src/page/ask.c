/* SPDX-License-Identifier: MIT
 * See ask.h. */
#include "page/ask.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "diagnosis/judge.h"
#include "http/http.h"
#include "page/ground.h"
#include "page/page_internal.h"
#include "page/render.h"
#include "prof/attempt.h"
#include "scenario/shown.h"
#include "stack/sources.h"
#include "web/format.h"
#include "web/page.h"
#include "web/slow.h"

#define JSON_TYPE "application/json; charset=utf-8"
#define TEXT_TYPE "text/plain; charset=utf-8"
#define NO_STORE                                                               \
  "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"

typedef struct page_question {
  lab_slow slow;
  lab_page *page;
  uint64_t attempt; /* the visit that it is about */
  lab_judge_question question;
  lab_judge_result result;
  lab_buf submission, out;
} page_question;

static void free_page_question(lab_slow *s) {
  page_question *q = (page_question *)s;
  lab_buf_free(&q->submission);
  lab_buf_free(&q->out);
}

static void ask_on_pool(lab_slow *s) {
  page_question *q = (page_question *)s;
  lab_page_sums sums = lab_page_ground_sums(q->page->ground);
  q->question.sums = sums.json;
  q->question.nsums = sums.len;
  lab_judge_answer(&q->question, &q->result, &q->out);
}

static bool is_solved_here(const lab_page *page, int step) {
  for (size_t i = 0; i < page->nsolved; i++)
    if (page->solved[i] == step)
      return true;
  return false;
}

static void ask_page_question(lab_page *page, lab_http_request *req,
                              lab_judge_what what, lab_http_str submission,
                              bool is_json, void (*next)(lab_slow *s)) {
  page_question *q = lab_xcalloc(1, sizeof *q);
  int step = lab_shown_number(page->config.vm);
  q->page = page;
  q->attempt = lab_attempt_now().id;
  lab_buf_append(&q->submission, submission.data, submission.len);
  q->question = (lab_judge_question){.what = what,
                                     .step = step,
                                     .submission = q->submission.data,
                                     .len = q->submission.len,
                                     .is_json = is_json,
                                     .repair = page->config.repair,
                                     .solved = is_solved_here(page, step)};
  q->question.dirs = lab_web_dirs(page->config.web, &q->question.ndirs);
  lab_slow_begin(&q->slow, page->config.web, req, free_page_question);
  lab_slow_work_for_page(&q->slow, ask_on_pool, next);
}

/* What Lua has refused, without its newline. */
static void refuse_question(page_question *q, const char *kind) {
  if (q->out.len > 0 && q->out.data[q->out.len - 1] == '\n')
    q->out.len--;
  lab_buf_putc(&q->out, '\0');
  lab_page_refuse(q->page, q->slow.req, kind, q->result.status, q->out.data);
}

static void answer_page_question(lab_slow *s) {
  page_question *q = (page_question *)s;
  if (q->result.status == 200)
    lab_http_respond_buf(s->req, 200, JSON_TYPE, NO_STORE, &q->out);
  else
    refuse_question(q, "ask");
  lab_slow_end(s);
}

/* ---- texts --------------------------------------------------------------- */

void lab_page_source(lab_page *page, lab_http_request *req) {
  size_t room = lab_http_query(req).len + 1;
  char *file = lab_xcalloc(1, room);
  int len = lab_http_query_get(req, "file", file, room);
  if (len <= 0)
    lab_http_error(req, 400, "which file? As a profile names it: ?file=/...");
  else if (!lab_sources_has_path(file, (size_t)len))
    lab_http_error(req, 404, "no profile names such a file");
  else
    ask_page_question(page, req, LAB_JUDGE_SOURCE,
                      (lab_http_str){file, (size_t)len}, false,
                      answer_page_question);
  lab_xfree(file);
}

void lab_page_solution(lab_page *page, lab_http_request *req) {
  ask_page_question(page, req, LAB_JUDGE_SOLUTION, (lab_http_str){"", 0}, false,
                    answer_page_question);
}

/* ---- the load ------------------------------------------------------------ */

static void answer_load_state(lab_page *page, lab_http_request *req,
                              int status) {
  lab_buf out = LAB_BUF_INIT;
  lab_page_load_write(page->load, &out);
  lab_http_respond_buf(req, status, JSON_TYPE, NO_STORE, &out);
}

static int count_load_status(int rc) {
  return rc == -EBUSY ? 409 : rc == -EINVAL ? 400 : 503;
}

/* A plan of the step before would be sent to the next one. */
static void refuse_load_in_switch(lab_page *page, lab_http_request *req) {
  lab_page_refuse(page, req, "load", 409,
                  "another step is being entered; begin the load when /goto "
                  "has answered");
}

static void begin_planned_load(page_question *q) {
  lab_page *page = q->page;
  lab_http_request *req = q->slow.req;
  char url[LAB_WEB_URL];
  lab_err err;
  int rc = lab_web_own_url(page->config.web, url);
  if (rc)
    lab_err_set(&err, rc, "the lab doesn't listen: %s", strerror(-rc));
  else
    rc = lab_page_load_begin(page->load, url,
                             (lab_http_str){q->out.data, q->out.len}, &err);
  if (rc) {
    lab_page_refuse(page, req, "load", count_load_status(rc), err.text);
    return;
  }
  lab_streams_mark(&page->streams, "load", "a load begins");
  if (lab_web_wants_page(page->config.web, req))
    lab_page_go_on(req, "see");
  else
    answer_load_state(page, req, 202);
}

static void begin_asked_load(lab_slow *s) {
  page_question *q = (page_question *)s;
  if (q->page->is_stopped)
    lab_http_error(s->req, 503, "the lab is stopping");
  else if (lab_web_is_switching(s->web) || q->attempt != lab_attempt_now().id)
    refuse_load_in_switch(q->page, s->req);
  else if (q->result.status == 200)
    begin_planned_load(q);
  else
    refuse_question(q, "load");
  lab_slow_end(s);
}

static void plan_asked_load(lab_page *page, lab_http_request *req) {
  if (lab_page_load_is_running(page->load))
    lab_page_refuse(page, req, "load", 409,
                    "a load runs already; DELETE /lab/api/load ends it");
  else if (lab_web_is_switching(page->config.web))
    refuse_load_in_switch(page, req);
  else
    ask_page_question(page, req, LAB_JUDGE_LOAD, lab_http_body(req),
                      lab_web_has_json_body(req), begin_asked_load);
}

void lab_page_load_request(lab_page *page, lab_http_request *req) {
  const char *method = lab_http_method(req);
  if (strcmp(method, "POST") == 0) {
    plan_asked_load(page, req);
    return;
  }
  if (strcmp(method, "DELETE") == 0)
    lab_page_load_end(page->load);
  answer_load_state(page, req, 200);
}

/* ---- a repair ------------------------------------------------------------ */

static void answer_check_state(lab_page *page, lab_http_request *req,
                               int status) {
  lab_buf out = LAB_BUF_INIT;
  bool is_json = lab_web_wants_json(req);
  if (is_json)
    lab_page_repair_write(page->repair, &out);
  else
    lab_page_repair_write_text(page->repair, &out);
  lab_http_respond_buf(req, status, is_json ? JSON_TYPE : TEXT_TYPE, NO_STORE,
                       &out);
}

static void refuse_second_check(lab_page *page, lab_http_request *req) {
  lab_page_refuse(page, req, "repair", 409,
                  "a repair is being checked already; DELETE /lab/api/repair "
                  "ends that");
}

static void begin_check(page_question *q) {
  lab_page *page = q->page;
  lab_http_request *req = q->slow.req;
  lab_err err;
  int rc = lab_page_repair_begin(page->repair, q->question.step,
                                 (lab_http_str){q->out.data, q->out.len},
                                 page->config.state, &err);
  if (rc == -EBUSY) {
    refuse_second_check(page, req);
    return;
  }
  if (rc) {
    lab_page_refuse(page, req, "repair", 503, err.text);
    return;
  }
  lab_streams_mark(&page->streams, "repair", "the check of a repair begins");
  if (lab_web_wants_page(page->config.web, req))
    lab_page_go_on(req, "say");
  else
    answer_check_state(page, req, 202);
}

static void begin_asked_check(lab_slow *s) {
  page_question *q = (page_question *)s;
  if (q->page->is_stopped)
    lab_http_error(s->req, 503, "the lab is stopping");
  else if (q->result.status == 200)
    begin_check(q);
  else
    refuse_question(q, "repair");
  lab_slow_end(s);
}

/* What was sent is ignored: it is the lab that knows whose program it is. */
void lab_page_repair_request(lab_page *page, lab_http_request *req) {
  const char *method = lab_http_method(req);
  if (strcmp(method, "POST") == 0) {
    if (lab_page_repair_is_running(page->repair))
      refuse_second_check(page, req);
    else
      ask_page_question(page, req, LAB_JUDGE_REPAIR, (lab_http_str){"", 0},
                        false, begin_asked_check);
    return;
  }
  if (strcmp(method, "DELETE") == 0)
    lab_page_repair_end(page->repair);
  answer_check_state(page, req, 200);
}
