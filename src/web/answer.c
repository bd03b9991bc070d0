/* SPDX-License-Identifier: MIT
 * See answer.h. The judgement is made on libuv's pool, so it waits for nobody,
 * and nobody for it but the next answer: one is judged at a time. The student
 * has the verdict when it is on the disk. An answer that was told 503, because
 * others needed its connection's place, is in no account.
 *
 * Names that are in no capture of the student can't be judged. Who tries many
 * of them is guessing: after UNKNOWN_MAX the lab lets some time pass, also for
 * answers that were sent at the same time. */
#include "web/answer.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "scenario/scenario.h"
#include "scenario/shown.h"
#include "web/first_numbers.h"
#include "web/format.h"
#include "web/keep.h"
#include "web/page.h"
#include "web/progress.h"
#include "web/slow.h"
#include "web/web_internal.h"

enum {
  UNKNOWN_MAX = 10,
  UNKNOWN_AFTER = 5, /* so many count when the time has passed */
  WAIT_S = 30,
};

typedef struct answer {
  lab_slow slow;
  lab_list link; /* of lab_answers.line */
  bool is_judged;
  lab_judge_question question;
  lab_capture **captures;
  lab_capture *first[LAB_FIRST_NUMBERS];
  lab_shown_step shown;
  lab_judge_result result;
  lab_progress_event event;
  lab_buf out;
} answer;

/* ---- what is noted ------------------------------------------------------- */

static lab_answers *follow_answers(lab_web *web) {
  lab_answers *a = &web->answers;
  uint64_t attempt = lab_attempt_now().id;
  if (a->attempt != attempt) {
    a->attempt = attempt;
    a->wrong = a->unknown = 0;
    a->wait_until = 0;
  }
  return a;
}

static void count_code(lab_answers *a, const char *code) {
  for (size_t i = 0; i < LAB_ANSWER_CODES; i++) {
    lab_answer_count *c = &a->counts[i];
    if (c->n == 0)
      snprintf(c->code, sizeof c->code, "%s", code);
    if (strcmp(c->code, code) == 0) {
      c->n++;
      return;
    }
  }
}

static void tell_verdict(lab_web *web, const answer *x) {
  const lab_judge_result *r = &x->result;
  char text[LAB_JUDGE_WORD + 32];
  snprintf(text, sizeof text, "%s, %d of 100", r->verdict, r->score);
  lab_web_tell(web,
               &(lab_web_news){.kind = "answer",
                               .step = x->question.step,
                               .text = text,
                               .solved = strcmp(r->verdict, "solved") == 0});
}

static void note_result(lab_web *web, const answer *x) {
  const lab_judge_result *r = &x->result;
  lab_answers *a = follow_answers(web);
  if (r->code[0])
    count_code(a, r->code);
  if (r->verdict[0]) {
    tell_verdict(web, x);
    lab_log("step %d: an answer was judged: %s, %d of 100 (%s)",
            x->question.step, r->verdict, r->score, r->code);
  }
  if (x->question.attempt != a->attempt)
    return; /* it was another visit's */
  bool judged = r->verdict[0] && strcmp(r->verdict, "invalid") != 0;
  if (judged && strcmp(r->verdict, "solved") != 0)
    a->wrong++;
  if (strcmp(r->code, "where.unknown") == 0 && ++a->unknown >= UNKNOWN_MAX) {
    a->wait_until = lab_clock_mono() + WAIT_S * LAB_SECOND;
    a->unknown = UNKNOWN_AFTER;
  }
}

void lab_answers_write(const lab_answers *answers, lab_exposition *e) {
  lab_exposition_family(e, "counter", "diaglab_answers",
                        "Answers by the code of their feedback.");
  for (size_t i = 0; i < LAB_ANSWER_CODES && answers->counts[i].n; i++) {
    char labels[LAB_JUDGE_WORD + 16];
    snprintf(labels, sizeof labels, "{code=\"%s\"}", answers->counts[i].code);
    lab_exposition_sample(e, labels, (double)answers->counts[i].n);
  }
}

/* ---- the judgement ------------------------------------------------------- */

/* Whose client was refused meanwhile answers again: nothing is noted then. */
static void judge_submission(lab_slow *s) {
  answer *x = (answer *)s;
  lab_judge_answer(&x->question, &x->result, &x->out);
  if (!lab_http_commit(s->req))
    x->result = (lab_judge_result){.status = 503};
  if (x->result.verdict[0] == '\0')
    return;
  x->event.result = &x->result;
  lab_progress_add(s->web->progress, &x->event);
}

static void begin_next_judgement(lab_web *web);

/* What was judged counts, though the client may be gone. */
static void end_answer(lab_slow *s) {
  answer *x = (answer *)s;
  lab_list_remove(&x->link);
  if (x->is_judged) {
    note_result(s->web, x);
    s->web->answers.judging = false;
    begin_next_judgement(s->web);
  }
  lab_captures_give_back(x->captures, x->question.ncaptures);
  for (size_t i = 0; i < x->question.nfirst; i++)
    lab_capture_unref(x->first[i]);
  lab_shown_give_back(&x->shown, NULL);
  lab_buf_free(&x->out);
}

static void send_judgement(lab_slow *s) {
  answer *x = (answer *)s;
  bool json = x->question.form == LAB_JUDGE_JSON && x->result.status != 500;
  lab_http_respond_buf(s->req, x->result.status,
                       json ? LAB_WEB_JSON : LAB_WEB_TEXT,
                       "Vary: Accept\r\n" LAB_WEB_NOSNIFF, &x->out);
  lab_slow_end(s);
}

static answer *new_answer(lab_web *web, lab_http_request *req) {
  answer *x = lab_xcalloc(1, sizeof *x);
  lab_judge_question *q = &x->question;
  lab_http_str body = lab_http_body(req);
  lab_list_init(&x->link);
  q->dirs = lab_web_dirs(web, &q->ndirs);
  q->step = lab_shown_number(web->config.vm);
  q->attempt = lab_attempt_now().id;
  q->submission = body.data;
  q->len = body.len;
  q->is_json = lab_web_has_json_body(req);
  q->form = lab_web_wants_json(req) ? LAB_JUDGE_JSON : LAB_JUDGE_TEXT;
  if (web->config.hint_pause >= 0)
    q->next_hint = lab_web_hints_told(web, q->step) + 1;
  x->event = lab_web_progress_event(web, "answer");
  return x;
}

/* What the student has seen, and in what. */
static void take_evidence(lab_web *web, answer *x) {
  lab_judge_question *q = &x->question;
  q->wrong = follow_answers(web)->wrong;
  x->captures = lab_captures_take(&web->captures, &q->ncaptures);
  q->captures = x->captures;
  q->nfirst = lab_first_numbers_get(web, q->attempt, x->first);
  q->first = x->first;
  lab_entry entry;
  lab_shown_read(web->config.vm, &x->shown, &entry);
  lab_shown_give_back(NULL, &entry);
  lab_buf_putc(&x->shown.given, '\0');
  q->params = x->shown.given.data;
}

/* Seconds that are to pass before the next answer, or 0. */
static unsigned count_seconds_to_wait(lab_web *web) {
  uint64_t now = lab_clock_mono(), until = follow_answers(web)->wait_until;
  return until > now ? (unsigned)((until - now) / LAB_SECOND) + 1 : 0;
}

static void refuse_guessing(lab_http_request *req, unsigned seconds) {
  lab_buf text = LAB_BUF_INIT;
  char headers[128];
  snprintf(headers, sizeof headers, "Retry-After: %u\r\n%s", seconds,
           LAB_WEB_NOSNIFF);
  lab_buf_printf(&text,
                 "Several of your answers name what is in none of your "
                 "captures.\nLook for names in what you see, and answer again "
                 "in %u seconds.\n",
                 seconds);
  lab_http_respond_buf(req, 429, LAB_WEB_TEXT, headers, &text);
}

/* It has waited, and another visit has begun meanwhile: its evidence is gone,
 * and what is there now is no evidence for it. */
static bool is_of_past_visit(const answer *x) {
  return x->question.attempt != lab_attempt_now().id;
}

static void begin_judgement(lab_web *web, answer *x) {
  lab_slow *s = &x->slow;
  unsigned seconds = web->stopping ? 0 : count_seconds_to_wait(web);
  if (web->stopping || lab_http_is_gone(s->req)) {
    lab_http_error(s->req, 503,
                   web->stopping ? "the lab is stopping"
                                 : "the client is gone");
    lab_slow_end(s);
  } else if (is_of_past_visit(x)) {
    lab_http_error(s->req, 409, "the step was left before this was judged");
    lab_slow_end(s);
  } else if (seconds > 0) {
    refuse_guessing(s->req, seconds);
    lab_slow_end(s);
  } else {
    x->is_judged = web->answers.judging = true;
    take_evidence(web, x);
    lab_slow_work(s, judge_submission, send_judgement);
  }
}

static void begin_next_judgement(lab_web *web) {
  lab_answers *a = &web->answers;
  while (!a->judging && !lab_list_empty(&a->line)) {
    answer *x = LAB_CONTAINER(a->line.next, answer, link);
    lab_list_remove(&x->link);
    begin_judgement(web, x);
  }
}

static void join_answer_line(lab_slow *s) {
  lab_list_push_back(&s->web->answers.line, &((answer *)s)->link);
  begin_next_judgement(s->web);
}

void lab_web_start_answers(lab_web *web) {
  lab_list_init(&web->answers.line);
}

void lab_web_answer(lab_web *web, lab_http_request *req) {
  if (strcmp(lab_http_method(req), "POST") != 0) {
    lab_web_refuse_method(req, "POST");
    return;
  }
  if (web->stopping) {
    lab_http_error(req, 503, "the lab is stopping");
  } else if (lab_web_wants_page(web, req)) {
    lab_web_answer_page(web, req);
  } else {
    answer *x = new_answer(web, req);
    lab_slow_begin(&x->slow, web, req, end_answer);
    /* Who asks for a text and answers at once means what is in that text. */
    lab_keep_wait(&x->slow, join_answer_line);
  }
}

void lab_web_classes(lab_web *web, lab_http_request *req) {
  if (web->stopping) {
    lab_http_error(req, 503, "the lab is stopping");
    return;
  }
  answer *x = new_answer(web, req);
  x->question.what = LAB_JUDGE_CLASSES;
  lab_slow_begin(&x->slow, web, req, end_answer);
  lab_slow_work(&x->slow, judge_submission, send_judgement);
}
