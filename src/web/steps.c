/* SPDX-License-Identifier: MIT
 * See steps.h. The answers are read from the scenarios' files on libuv's pool,
 * so they come whatever the present step does. */
#include "web/steps.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/utf8.h"
#include "scenario/catalog.h"
#include "scenario/folders.h"
#include "script/script.h"
#include "web/format.h"
#include "web/number.h"
#include "web/page.h"
#include "web/progress.h"
#include "web/slow.h"
#include "web/web_internal.h"

typedef struct question {
  lab_slow slow;
  lab_list link; /* of lane->waiting */
  lab_steps_lane *lane;
  lab_catalog_question asked;
  unsigned port; /* at which the student knows the lab */
  int status;
  lab_progress_event event;
  lab_buf out;
} question;

/* Lessons are written for port 6060: commands in hints are to be typed as they
 * are. */
static void put_own_port(lab_buf *text, unsigned port) {
  static const char usual[] = "localhost:6060";
  lab_buf out = LAB_BUF_INIT;
  const char *at = text->data, *end = at + text->len, *found;
  if (port == 6060 || text->len == 0)
    return;
  while ((found = memmem(at, (size_t)(end - at), usual, sizeof usual - 1))) {
    lab_buf_append(&out, at, (size_t)(found - at));
    lab_buf_printf(&out, "localhost:%u", port);
    at = found + sizeof usual - 1;
  }
  lab_buf_append(&out, at, (size_t)(end - at));
  lab_buf_free(text);
  *text = out;
}

/* That of the header Host: the student may have another one than the lab
 * listens at, through a tunnel. */
static unsigned find_known_port(const lab_http_request *req) {
  enum { HTTP = 80, PORT_MAX = 65535 };
  lab_http_str host;
  unsigned port = 0, scale = 1;
  lab_http_header(req, "Host", &host);
  size_t i = host.len;
  for (; i > 0 && host.data[i - 1] >= '0' && host.data[i - 1] <= '9'; i--) {
    port += (unsigned)(host.data[i - 1] - '0') * scale;
    scale *= 10;
    if (port > PORT_MAX || host.len - i > 4)
      return HTTP;
  }
  return i > 0 && i < host.len && host.data[i - 1] == ':' ? port : HTTP;
}

/* Titles, symptoms and hints come from scripts. */
static void find_catalog_answer(lab_slow *base) {
  question *q = (question *)base;
  lab_buf written = LAB_BUF_INIT;
  q->status = lab_catalog_answer(&q->asked, &written);
  put_own_port(&written, q->port);
  lab_utf8_append(&q->out, written.data, written.len);
  lab_buf_free(&written);
  if (q->asked.hint == 0 || q->status != 200 || !lab_http_commit(base->req))
    return;
  lab_log("step %d: hint %d was asked for", q->asked.step, q->asked.hint);
  q->event.hint = q->asked.hint;
  lab_progress_add(base->web->progress, &q->event);
}

/* ---- which hint may be told ---------------------------------------------- */

static lab_hints_told *find_told(lab_web *web, int step) {
  for (size_t i = 0; i < web->ntold; i++)
    if (web->told[i].step == step)
      return &web->told[i];
  return NULL;
}

static void note_told(lab_web *web, int step, int n) {
  lab_hints_told *told = find_told(web, step);
  if (!told) {
    web->told = lab_xrealloc(web->told, (web->ntold + 1) * sizeof *web->told);
    told = &web->told[web->ntold++];
    *told = (lab_hints_told){.step = step};
  }
  if (n <= told->last)
    return;
  char text[24];
  snprintf(text, sizeof text, "hint %d", n);
  lab_web_tell(web,
               &(lab_web_news){.kind = "hint", .step = step, .text = text});
  told->last = n;
  told->since = lab_clock_mono();
}

/* Hint N of STEP comes too early: says so. */
static bool refuse_early_hint(lab_web *web, lab_http_request *req, int step,
                              int n) {
  const lab_hints_told *told = find_told(web, step);
  int last = told ? told->last : 0;
  if (n <= last || n == 1)
    return false;
  char text[160], headers[96];
  uint64_t until =
      (told ? told->since : 0) + (uint64_t)web->config.hint_pause * LAB_SECOND;
  uint64_t now = lab_clock_mono();
  unsigned wait = until > now ? (unsigned)((until - now) / LAB_SECOND) + 1 : 0;
  if (n > last + 1) {
    snprintf(text, sizeof text, "hint %d comes first: ask for /hint?n=%d",
             last + 1, last + 1);
    lab_http_error(req, 409, text);
    return true;
  }
  if (wait == 0)
    return false;
  int len = snprintf(text, sizeof text,
                     "Try first what hint %d asks. Hint %d comes in %u "
                     "seconds.\n",
                     last, n, wait);
  snprintf(headers, sizeof headers, "Retry-After: %u\r\n%s", wait,
           LAB_WEB_NOSNIFF);
  lab_http_respond(req, 429, LAB_WEB_TEXT, headers, text, (size_t)len);
  return true;
}

/* ---- the answer ---------------------------------------------------------- */

static void free_catalog_answer(lab_slow *base) {
  lab_buf_free(&((question *)base)->out);
}

static void begin_next_question(lab_steps_lane *lane);

static void answer_catalog(lab_slow *base) {
  question *q = (question *)base;
  lab_steps_lane *lane = q->lane;
  bool json = q->asked.json && q->status == 200;
  if (q->asked.hint > 0 && q->status == 200 && !lab_http_is_gone(base->req))
    note_told(base->web, q->asked.step, q->asked.hint);
  lab_http_respond_buf(base->req, q->status, json ? LAB_WEB_JSON : LAB_WEB_TEXT,
                       "Vary: Accept\r\n" LAB_WEB_NOSNIFF, &q->out);
  lab_slow_end(base);
  lane->busy = false;
  begin_next_question(lane);
}

/* The next one whose client is there, or NULL. The others are told nothing. */
static question *take_present_question(lab_steps_lane *lane) {
  while (!lab_list_empty(&lane->waiting)) {
    question *q = LAB_CONTAINER(lane->waiting.next, question, link);
    lab_list_remove(&q->link);
    if (!lab_http_is_gone(q->slow.req))
      return q;
    lab_http_error(q->slow.req, 503, "the client is gone");
    lab_slow_end(&q->slow);
  }
  return NULL;
}

static void begin_next_question(lab_steps_lane *lane) {
  question *q = lane->busy ? NULL : take_present_question(lane);
  if (!q)
    return;
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
  q->asked.dirs = lab_web_dirs(web, &q->asked.ndirs);
  q->asked.step = lab_shown_number(web->config.vm);
  q->asked.hint = hint;
  q->port = find_known_port(req);
  q->asked.no_hints = web->config.hint_pause < 0;
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
  if (!lab_web_is_get_or_post(req))
    lab_web_refuse_method(req, "GET, POST");
  else if (len != -ENOENT &&
           (len < 0 || lab_web_atoi(text, &n) || n < 1 || n > 9999))
    lab_http_error(req, 400,
                   "invalid value for \"n\" - must be a positive integer");
  else if (web->config.hint_pause < 0)
    lab_http_error(req, 404, "this lab gives no hints");
  else if (web->stopping ||
           !refuse_early_hint(web, req, lab_shown_number(web->config.vm),
                              (int)n))
    ask_catalog(web, req, (int)n);
}
