/* SPDX-License-Identifier: MIT
 * See steps.h. The answers are read from the scenarios' files on libuv's pool,
 * so they come whatever the present step does. */
#include "web/steps.h"

#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/utf8.h"
#include "scenario/folders.h"
#include "script/script.h"
#include "web/format.h"
#include "web/number.h"
#include "web/progress.h"
#include "web/slow.h"
#include "web/web_internal.h"

typedef struct question {
  lab_slow slow;
  lab_list link; /* of lane->waiting */
  lab_steps_lane *lane;
  lab_catalog_question asked;
  int status;
  lab_progress_event event;
  lab_buf out;
} question;

/* Titles, symptoms and hints come from scripts. */
static void find_catalog_answer(lab_slow *base) {
  question *q = (question *)base;
  lab_buf written = LAB_BUF_INIT;
  q->status = lab_vm_catalog(base->web->config.vm, &q->asked, &written);
  lab_utf8_append(&q->out, written.data, written.len);
  lab_buf_free(&written);
  if (q->asked.hint == 0 || q->status != 200)
    return;
  lab_log("step %d: hint %d was asked for", q->asked.step, q->asked.hint);
  q->event.hint = q->asked.hint;
  lab_progress_add(base->web->progress, &q->event);
}

static void free_catalog_answer(lab_slow *base) {
  lab_buf_free(&((question *)base)->out);
}

static void begin_next_question(lab_steps_lane *lane);

static void answer_catalog(lab_slow *base) {
  question *q = (question *)base;
  lab_steps_lane *lane = q->lane;
  bool json = q->asked.json && q->status == 200;
  lab_http_respond_buf(base->req, q->status, json ? LAB_WEB_JSON : LAB_WEB_TEXT,
                       "Vary: Accept\r\n" LAB_WEB_NOSNIFF, &q->out);
  lab_slow_end(base);
  lane->busy = false;
  begin_next_question(lane);
}

static void begin_next_question(lab_steps_lane *lane) {
  if (lane->busy || lab_list_empty(&lane->waiting))
    return;
  question *q = LAB_CONTAINER(lane->waiting.next, question, link);
  lab_list_remove(&q->link);
  lane->busy = true;
  lab_slow_work(&q->slow, find_catalog_answer, answer_catalog);
}

static void ask_catalog(lab_web *web, lab_http_request *req, int hint) {
  if (web->stopping) {
    lab_http_error(req, 503, "the lab is stopping");
    return;
  }
  question *q = lab_xcalloc(1, sizeof *q);
  q->lane = hint > 0 ? &web->hints : &web->steps;
  q->asked.step = lab_shown_number(web->config.vm);
  q->asked.hint = hint;
  q->event = lab_web_progress_event(web, "hint");
  q->asked.json = lab_web_wants_json(req);
  lab_slow_begin(&q->slow, web, req, free_catalog_answer);
  lab_list_push_back(&q->lane->waiting, &q->link);
  begin_next_question(q->lane);
}

static void refuse_questions(lab_steps_lane *lane) {
  while (!lab_list_empty(&lane->waiting)) {
    question *q = LAB_CONTAINER(lane->waiting.next, question, link);
    lab_list_remove(&q->link);
    lab_http_error(q->slow.req, 503, "the lab is stopping");
    lab_slow_end(&q->slow);
  }
}

void lab_web_start_steps(lab_web *web) {
  lab_list_init(&web->steps.waiting);
  lab_list_init(&web->hints.waiting);
  lab_folders_stop(false);
}

void lab_web_stop_steps(lab_web *web) {
  lab_folders_stop(true);
  refuse_questions(&web->steps);
  refuse_questions(&web->hints);
}

void lab_web_steps(lab_web *web, lab_http_request *req) {
  ask_catalog(web, req, 0);
}

void lab_web_hint(lab_web *web, lab_http_request *req) {
  char text[24];
  int64_t n = 1;
  int len = lab_http_query_get(req, "n", text, sizeof text);
  if (len >= 0 && (lab_web_atoi(text, &n) || n < 1 || n > 9999))
    lab_http_error(req, 400,
                   "invalid value for \"n\" - must be a positive integer");
  else
    ask_catalog(web, req, (int)n);
}
