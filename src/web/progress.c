/* SPDX-License-Identifier: MIT
 * See progress.h. */
#include "web/progress.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "loop/work.h"
#include "scenario/shown.h"
#include "web/format.h"
#include "web/number.h"
#include "web/page.h"
#include "web/slow.h"
#include "web/web_internal.h"

lab_progress_event lab_web_progress_event(lab_web *web, const char *what) {
  uint64_t attempt = lab_attempt_now().id;
  return (lab_progress_event){.what = what,
                              .step = lab_shown_number(web->config.vm),
                              .attempt = attempt,
                              .captures =
                                  lab_captures_of(&web->captures, attempt)};
}

/* ---- without a request --------------------------------------------------- */

/* The disk may be slow, and another lab may have the file's lock. So one thread
 * of the pool writes at a time, and what comes meanwhile is written together.
 */
enum { NOTES_MAX = 1000 };

typedef struct notes_job {
  lab_work work;
  lab_web *web;
  size_t n;
  lab_progress_event *events;
} notes_job;

static void write_notes(lab_work *work) {
  notes_job *job = LAB_CONTAINER(work, notes_job, work);
  lab_progress_add_all(job->web->progress, job->events, job->n);
}

static void begin_notes(lab_web *web);

static void on_notes_written(lab_work *work) {
  notes_job *job = LAB_CONTAINER(work, notes_job, work);
  lab_web *web = job->web;
  lab_xfree(job->events);
  lab_xfree(job);
  web->notes.writing = false;
  if (web->notes.n > 0)
    begin_notes(web);
}

static void begin_notes(lab_web *web) {
  notes_job *job = lab_xcalloc(1, sizeof *job);
  job->web = web;
  job->n = web->notes.n;
  job->events = web->notes.waiting;
  web->notes = (lab_web_notes){.writing = true};
  lab_work_begin(&job->work, web->config.loop, LAB_TURN_SOON, write_notes,
                 on_notes_written);
}

void lab_web_keep_progress(lab_web *web) {
  if (!web->notes.writing && lab_progress_waits(web->progress))
    begin_notes(web);
}

void lab_web_note_visit(lab_web *web) {
  lab_web_notes *notes = &web->notes;
  if (web->stopping || !lab_progress_folder(web->progress))
    return;
  if (notes->n == NOTES_MAX) {
    lab_log("a visit of a step is not kept: the disk is too slow");
    return;
  }
  notes->waiting =
      lab_xrealloc(notes->waiting, (notes->n + 1) * sizeof *notes->waiting);
  notes->waiting[notes->n++] = lab_web_progress_event(web, "visit");
  if (!notes->writing)
    begin_notes(web);
}

/* ---- the request --------------------------------------------------------- */

typedef struct progress_request {
  lab_slow slow;
  lab_judge_question question;
  lab_judge_result result;
  lab_progress_event reset;
  lab_buf sums, out;
  lab_err err;
} progress_request;

static void free_progress_request(lab_slow *s) {
  progress_request *p = (progress_request *)s;
  lab_buf_free(&p->sums);
  lab_buf_free(&p->out);
}

static void add_up_progress(lab_slow *s) {
  progress_request *p = (progress_request *)s;
  bool is_json = p->question.form == LAB_JUDGE_JSON;
  lab_buf *sums = is_json ? &p->out : &p->sums;
  p->result.status = 200;
  if (lab_standing_write(s->web->standing, sums, &p->err)) {
    p->result.status = 500;
    lab_buf_printf(&p->out, "%s\n", p->err.text);
    return;
  }
  p->question.sums = p->sums.data;
  p->question.nsums = p->sums.len;
  if (!is_json)
    lab_judge_answer(&p->question, &p->result, &p->out);
}

static void answer_progress(lab_slow *s) {
  progress_request *p = (progress_request *)s;
  bool json = p->question.form == LAB_JUDGE_JSON && p->result.status == 200;
  bool csv = p->question.form == LAB_JUDGE_CSV && p->result.status == 200;
  lab_http_respond_buf(s->req, p->result.status,
                       json  ? LAB_WEB_JSON
                       : csv ? "text/csv; charset=utf-8"
                             : LAB_WEB_TEXT,
                       "Vary: Accept\r\n" LAB_WEB_NOSNIFF, &p->out);
  lab_slow_end(s);
}

static lab_judge_form find_form(const lab_http_request *req) {
  char format[8];
  if (lab_http_query_get(req, "format", format, sizeof format) > 0 &&
      strcmp(format, "csv") == 0)
    return LAB_JUDGE_CSV;
  return lab_web_wants_json(req) ? LAB_JUDGE_JSON : LAB_JUDGE_TEXT;
}

static void show_progress(lab_web *web, lab_http_request *req) {
  progress_request *p = lab_xcalloc(1, sizeof *p);
  p->question.what = LAB_JUDGE_PROGRESS;
  p->question.form = find_form(req);
  lab_slow_begin(&p->slow, web, req, free_progress_request);
  lab_slow_work(&p->slow, add_up_progress, answer_progress);
}

/* ---- beginning anew ------------------------------------------------------ */

static void add_reset(lab_slow *s) {
  progress_request *p = (progress_request *)s;
  if (!lab_http_commit(s->req)) {
    lab_err_set(&p->err, -ECANCELED, "others needed its place");
    return;
  }
  int rc = lab_progress_add_now(s->web->progress, &p->reset);
  if (rc)
    lab_err_set(&p->err, rc,
                "the progress stays as it is: can't write to %s: %s",
                lab_progress_folder(s->web->progress), lab_progress_fault(rc));
}

static void answer_reset(lab_slow *s) {
  progress_request *p = (progress_request *)s;
  if (p->err.text[0]) {
    lab_http_error(s->req, 500, p->err.text);
    lab_slow_end(s);
    return;
  }
  if (p->reset.step < 0)
    lab_buf_puts(&p->out, "the progress begins anew\n");
  else
    lab_buf_printf(&p->out, "the progress of step %d begins anew\n",
                   p->reset.step);
  lab_web_tell(s->web, &(lab_web_news){
                           .kind = "reset", .step = p->reset.step, .text = ""});
  lab_http_respond_buf(s->req, 200, LAB_WEB_TEXT, LAB_WEB_NOSNIFF, &p->out);
  lab_slow_end(s);
}

static void reset_progress(lab_web *web, lab_http_request *req) {
  char text[16];
  int64_t step = -1;
  int len = lab_http_query_get_only(req, "step", text, sizeof text);
  if (len != -ENOENT &&
      (len < 0 || lab_web_atoi(text, &step) || step < 0 || step > 9999)) {
    lab_http_error(req, 400,
                   "step must be the number of a step, and the only parameter; "
                   "without any all of the progress begins anew");
    return;
  }
  progress_request *p = lab_xcalloc(1, sizeof *p);
  p->reset = lab_web_progress_event(web, "reset");
  p->reset.step = (int)step;
  lab_slow_begin(&p->slow, web, req, free_progress_request);
  lab_slow_work(&p->slow, add_reset, answer_reset);
}

void lab_web_progress(lab_web *web, lab_http_request *req) {
  const char *method = lab_http_method(req);
  if (web->stopping)
    lab_http_error(req, 503, "the lab is stopping");
  else if (strcmp(method, "GET") == 0 || lab_http_is_head(req))
    show_progress(web, req);
  else if (strcmp(method, "DELETE") == 0)
    reset_progress(web, req);
  else
    lab_web_refuse_method(req, "GET, HEAD, DELETE");
}
