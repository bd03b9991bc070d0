/* SPDX-License-Identifier: MIT
 * See render.h. */
#include "page/render.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "diagnosis/judge.h"
#include "http/http.h"
#include "page/done.h"
#include "page/files.h"
#include "page/ground.h"
#include "page/page_internal.h"
#include "prof/attempt.h"
#include "prof/registry.h"
#include "scenario/shown.h"
#include "trace/flight.h"
#include "web/page.h"
#include "web/slow.h"

typedef struct rendering {
  lab_slow slow;
  lab_page *page;
  int step, told, status;
  uint64_t asked; /* when, lab_clock_mono */
  lab_json json;  /* of the facts, which the pool completes */
  lab_buf facts, html;
  lab_judge_question question;
  lab_judge_result result;
} rendering;

/* ---- what the control thread knows --------------------------------------- */

static void add_step_facts(lab_json *j, lab_vm *vm) {
  lab_shown_step step;
  lab_entry entry;
  lab_shown_read(vm, &step, &entry);
  lab_json_key(j, "step");
  lab_json_int(j, step.number);
  lab_json_key(j, "slug");
  lab_json_text(j, step.slug);
  lab_json_key(j, "title");
  lab_json_string(j, step.title.data ? step.title.data : "", step.title.len);
  lab_json_key(j, "params");
  lab_json_raw(j, step.params.data, step.params.len);
  lab_json_key(j, "since");
  lab_json_decimal(j, step.since / LAB_MILLISECOND, 3);
  lab_json_key(j, "fixed");
  lab_json_bool(j, step.is_other);
  lab_shown_give_back(&step, &entry);
}

static void add_capture_fact(lab_json *j, const lab_capture *c) {
  char id[16];
  snprintf(id, sizeof id, "c%u", c->id);
  lab_json_begin_object(j, LAB_JSON_COMPACT);
  lab_json_key(j, "id");
  lab_json_text(j, id);
  lab_json_key(j, "kind");
  lab_json_text(j, c->kind);
  lab_json_key(j, "seconds");
  lab_json_double(j, c->seconds);
  lab_json_key(j, "requests");
  lab_json_double(j, c->requests);
  lab_json_key(j, "bytes");
  lab_json_uint(j, c->len);
  lab_json_end(j);
}

/* Those of the present visit. */
static void add_capture_facts(lab_json *j, lab_web *web) {
  size_t n;
  uint64_t attempt = lab_attempt_now().id;
  lab_capture **list = lab_captures_take(lab_web_captures_kept(web), &n);
  lab_json_key(j, "captures");
  lab_json_begin_array(j, LAB_JSON_COMPACT);
  for (size_t i = 0; i < n; i++)
    if (list[i]->attempt == attempt)
      add_capture_fact(j, list[i]);
  lab_json_end(j);
  lab_captures_give_back(list, n);
}

static void add_last_request(lab_json *j, const lab_page_seen *seen) {
  if (!seen->path)
    return;
  lab_json_key(j, "last");
  lab_json_begin_object(j, LAB_JSON_COMPACT);
  lab_json_key(j, "path");
  lab_json_text(j, seen->path);
  lab_json_key(j, "status");
  lab_json_int(j, seen->status);
  lab_json_key(j, "seconds");
  lab_json_double(j, (double)seen->ns / 1e9);
  lab_json_key(j, "body");
  lab_json_string(j, seen->body.data ? seen->body.data : "", seen->body.len);
  if (seen->error[0]) {
    lab_json_key(j, "error");
    lab_json_text(j, seen->error);
  }
  lab_json_end(j);
}

static void add_happening(lab_json *j, lab_page_happening *what,
                          lab_http_str sent) {
  lab_json_key(j, "happened");
  lab_json_begin_object(j, LAB_JSON_COMPACT);
  lab_json_key(j, "kind");
  lab_json_text(j, what->kind);
  lab_json_key(j, what->is_verdict ? "verdict" : "text");
  if (what->is_verdict)
    lab_json_raw(j, what->text.data, what->text.len);
  else
    lab_json_string(j, what->text.data ? what->text.data : "", what->text.len);
  lab_json_end(j);
  if (strcmp(what->kind, "answer") == 0) {
    lab_json_key(j, "form");
    lab_json_string(j, sent.data, sent.len);
  }
}

static void add_page_facts(lab_json *j, lab_page *page) {
  lab_buf load = LAB_BUF_INIT, check = LAB_BUF_INIT;
  lab_json_key(j, "gives_hints");
  lab_json_bool(j, page->config.hint_pause >= 0);
  if (lab_flight_on()) {
    lab_json_key(j, "flight");
    lab_json_double(j, (double)lab_flight_ns() / 1e9);
  }
  lab_json_key(j, "keeps");
  lab_json_bool(j, lab_web_keeps_progress(page->config.web));
  lab_json_key(j, "load");
  lab_page_load_write(page->load, &load);
  lab_json_raw(j, load.data, load.len);
  lab_buf_free(&load);
  lab_json_key(j, "check");
  lab_page_repair_write(page->repair, &check);
  lab_json_raw(j, check.data, check.len);
  lab_buf_free(&check);
  lab_page_write_solved(page, j);
}

static void collect_facts(rendering *r, lab_page_happening *what) {
  lab_json *j = &r->json;
  lab_page *page = r->page;
  lab_http_str host = lab_http_host(r->slow.req);
  lab_json_start(j, &r->facts);
  lab_json_begin_object(j, LAB_JSON_COMPACT);
  lab_json_key(j, "host");
  lab_json_string(j, host.data, host.len);
  lab_json_key(j, "told");
  lab_json_int(j, r->told);
  add_step_facts(j, page->config.vm);
  add_capture_facts(j, page->config.web);
  lab_json_key(j, "profiles");
  lab_registry_write_own(j);
  add_last_request(j, &page->seen);
  add_page_facts(j, page);
  lab_page_write_modules(j);
  if (what)
    add_happening(j, what, lab_http_body(r->slow.req));
}

/* ---- what the pool reads ------------------------------------------------- */

static void add_catalog_facts(rendering *r) {
  lab_json *j = &r->json;
  lab_page_ground *ground = r->page->ground;
  const lab_buf *catalog = lab_page_ground_catalog(ground, r->asked);
  lab_json_key(j, "catalog");
  lab_json_raw(j, catalog->data, catalog->len);
  lab_json_key(j, "hints");
  lab_json_begin_array(j, LAB_JSON_COMPACT);
  for (int n = 1; n <= r->told; n++) {
    const lab_buf *hint = lab_page_ground_hint(ground, r->step, n);
    if (hint)
      lab_json_raw(j, hint->data, hint->len);
  }
  lab_json_end(j);
}

static void render_on_pool(lab_slow *s) {
  rendering *r = (rendering *)s;
  lab_page_sums sums = lab_page_ground_sums(r->page->ground);
  add_catalog_facts(r);
  if (sums.problem) {
    lab_json_key(&r->json, "progress_problem");
    lab_json_text(&r->json, sums.problem);
  }
  lab_json_end(&r->json);
  lab_json_finish(&r->json);
  r->question.what = LAB_JUDGE_PAGE;
  r->question.submission = r->facts.data;
  r->question.len = r->facts.len;
  r->question.sums = sums.json;
  r->question.nsums = sums.len;
  lab_judge_answer(&r->question, &r->result, &r->html);
}

/* ---- the answer ---------------------------------------------------------- */

static void free_rendering(lab_slow *s) {
  rendering *r = (rendering *)s;
  lab_buf_free(&r->facts);
  lab_buf_free(&r->html);
}

static void answer_rendering(lab_slow *s) {
  rendering *r = (rendering *)s;
  bool done = r->result.status == 200;
  lab_http_respond_buf(s->req, done ? r->status : r->result.status,
                       done ? "text/html; charset=utf-8"
                            : "text/plain; charset=utf-8",
                       "Cache-Control: no-store\r\n"
                       "X-Content-Type-Options: nosniff\r\n",
                       &r->html);
  lab_slow_end(s);
}

void lab_page_show(lab_page *page, lab_http_request *req,
                   lab_page_happening *what) {
  if (page->is_stopped) {
    lab_http_error(req, 503, "the lab is stopping");
    if (what)
      lab_buf_free(&what->text);
    return;
  }
  rendering *r = lab_xcalloc(1, sizeof *r);
  r->page = page;
  r->asked = lab_clock_mono();
  r->step = lab_shown_number(page->config.vm);
  r->told = lab_web_hints_told(page->config.web, r->step);
  r->status = what ? what->status : 200;
  r->question.dirs = lab_web_dirs(page->config.web, &r->question.ndirs);
  r->question.step = r->step;
  r->question.repair = page->config.repair;
  lab_slow_begin(&r->slow, page->config.web, req, free_rendering);
  collect_facts(r, what);
  if (what)
    lab_buf_free(&what->text);
  lab_slow_work_for_page(&r->slow, render_on_pool, answer_rendering);
}

void lab_page_refuse(lab_page *page, lab_http_request *req, const char *kind,
                     int status, const char *text) {
  if (!lab_web_wants_page(page->config.web, req)) {
    lab_http_error(req, status, text);
    return;
  }
  lab_page_happening what = {.kind = kind, .status = status};
  lab_buf_puts(&what.text, text);
  lab_page_show(page, req, &what);
}

void lab_page_go_on(lab_http_request *req, const char *section) {
  char headers[64];
  snprintf(headers, sizeof headers, "Location: /lab/#%s\r\n", section);
  lab_http_respond(req, 303, NULL, headers, NULL, 0);
}
