/* SPDX-License-Identifier: MIT
 * See goto.h. /goto?step=N[&param=value]
 *
 * The VM may be busy with the very fault that the student wants to leave. So if
 * a switch has not left the present step after INTERRUPT_MS, the running code
 * is interrupted, again and again. (Not before the new scenario.lua is read, if
 * the VM takes notice otherwise: the present step may have to stay.) If that
 * doesn't help within PATIENCE_MS, and the code is neither the lab's nor Lua's,
 * the switch is withdrawn, or goes on without an observer, and the answer says
 * so: in less than 100 ms. The lab's and Lua's own code comes to a place where
 * it takes notice; only what copies or frees gigabytes takes until KNOWN_MS. On
 * a busy machine it may take up to STARVED_MS: a VM whose thread hardly ran has
 * had no chance to take notice, and the student would have to ask again. Once
 * the old step is left, the answer waits for the switch: to enter a step may
 * take long.
 *
 * A switch whose client has gone is done all the same, as for any other server,
 * unless a later one waits for it. But it waits until the one under way ends.
 */
#include "web/goto.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/plain.h"
#include "prof/attempt.h"
#include "scenario/shown.h"
#include "scenario/switches.h"
#include "vm/preempt.h"
#include "web/first_numbers.h"
#include "web/format.h"
#include "web/number.h"
#include "web/page.h"
#include "web/progress.h"
#include "web/web_internal.h"

enum {
  INTERRUPT_MS = 50,
  PATIENCE_MS = 40,
  KNOWN_MS = 900,
  STARVED_MS = 3000,
  NUMBERS_MS = 60,
  STEP_MAX = 9999,
};

typedef struct goto_request {
  lab_switch x;
  lab_web *web;
  lab_list link;         /* in web->gotos */
  lab_http_request *req; /* held */
  uv_timer_t timer;
  uint64_t began; /* ms of the loop */
  bool waited;    /* for INTERRUPT_MS */
  bool hurried;   /* the VM was interrupted */
  bool replied;   /* perhaps without waiting for the VM */
} goto_request;

/* ---- the answer ---------------------------------------------------------- */

static void answer_step(lab_http_request *req, int status, lab_buf *text) {
  if (status == 200) {
    lab_buf body = LAB_BUF_INIT; /* it may quote the scenario */
    lab_plain_append(&body, text->data, text->len, false);
    lab_http_respond_buf(req, status, LAB_WEB_TEXT, NULL, &body);
    return;
  }
  lab_buf_putc(text, '\0');
  lab_http_error(req, status, text->data);
}

static void on_goto_closed(uv_handle_t *handle) {
  lab_xfree(LAB_CONTAINER((uv_timer_t *)handle, goto_request, timer));
}

static void tell_switch(lab_web *web, const char *kind, int step) {
  char text[24];
  snprintf(text, sizeof text, "step %d", step);
  lab_web_tell(web, &(lab_web_news){.kind = kind, .step = step, .text = text});
}

static void reply_to_goto(goto_request *c) {
  if (!c->replied)
    answer_step(c->req, c->x.status, &c->x.reply);
  c->replied = true;
}

/* The newest of those that aren't answered: another one may have been refused
 * at once. */
static lab_http_request *find_last_goto(const lab_web *web) {
  return lab_list_empty(&web->gotos)
             ? NULL
             : LAB_CONTAINER(web->gotos.prev, goto_request, link)->req;
}

static void end_goto(void *arg) {
  goto_request *c = arg;
  reply_to_goto(c);
  if (c->web->last_goto == c->req)
    c->web->last_goto = find_last_goto(c->web);
  lab_http_release(c->req);
  lab_buf_free(&c->x.reply);
  uv_close((uv_handle_t *)&c->timer, on_goto_closed);
}

/* The pool has other work. */
static void on_numbers_late(uv_timer_t *timer) {
  reply_to_goto(LAB_CONTAINER(timer, goto_request, timer));
}

static void answer_goto(lab_call *call) {
  goto_request *c = call->user;
  lab_captures_visit(&c->web->captures, lab_attempt_now().id);
  lab_list_remove(&c->link);
  if (c->x.status == 200) {
    lab_web_note_visit(c->web);
    tell_switch(c->web, "goto", c->x.step);
  }
  if (lab_first_numbers_take(c->web, end_goto, c))
    uv_timer_start(&c->timer, on_numbers_late, NUMBERS_MS, 0);
  else
    end_goto(c);
}

static void hurry_switch(goto_request *c) {
  c->hurried |= lab_switches_interrupt(c->web->config.vm, &c->x);
}

/* Other programs kept the VM's thread from running, and that may change. */
static bool is_vm_starved(const goto_request *c) {
  return uv_now(c->web->config.loop) - c->began < STARVED_MS &&
         lab_preempt_is_starved(c->web->config.vm);
}

/* The code that keeps the VM takes notice soon. */
static bool is_code_known(const goto_request *c) {
  return uv_now(c->web->config.loop) - c->began < KNOWN_MS &&
         !lab_preempt_is_foreign();
}

static bool is_switch_hopeless(goto_request *c, lab_err *why) {
  lab_vm *vm = c->web->config.vm;
  if (!c->hurried || is_vm_starved(c) || is_code_known(c))
    return false;
  return lab_switch_withdraw(vm, &c->x, why) ||
         lab_switch_is_stuck(vm, &c->x, why);
}

static void look_at_client(lab_list *link, void *unused) {
  goto_request *c = LAB_CONTAINER(link, goto_request, link);
  (void)unused;
  if (lab_http_may_be_gone(c->req))
    lab_switch_set_unwanted(&c->x);
}

/* Of all switches, because the VM looks at all of them when one is in a hurry.
 * Once in each round of the loop is enough. */
static void look_at_clients(lab_web *web) {
  uint64_t now = uv_now(web->config.loop);
  if (web->gotos_looked_at == now)
    return;
  web->gotos_looked_at = now;
  lab_list_visit_each(&web->gotos, look_at_client, NULL);
}

static void on_goto_timer(uv_timer_t *timer) {
  goto_request *c = LAB_CONTAINER(timer, goto_request, timer);
  lab_err why;
  if (c->web->stopping || lab_switch_has_left(&c->x))
    return;
  if (!c->waited) { /* what clients have sent meanwhile is read first */
    c->waited = true;
    uv_timer_start(timer, on_goto_timer, 1, 0);
    return;
  }
  look_at_clients(c->web);
  if (is_switch_hopeless(c, &why)) {
    c->replied = true;
    lab_http_error(c->req, 503, why.text);
    return;
  }
  hurry_switch(c);
  uv_timer_start(timer, on_goto_timer, PATIENCE_MS, 0);
}

/* ---- the question -------------------------------------------------------- */

static void refuse_step(lab_http_request *req, const char *given, int64_t step,
                        int rc) {
  lab_buf text = LAB_BUF_INIT;
  if (rc) {
    lab_buf_puts(&text, "strconv.Atoi: parsing ");
    lab_web_quote(given, &text);
    lab_buf_puts(&text,
                 rc == -ERANGE ? ": value out of range" : ": invalid syntax");
  } else {
    lab_buf_printf(&text, "Invalid step %lld", (long long)step);
  }
  lab_buf_puts(&text, "\nstep must be the number of one: /steps lists them");
  answer_step(req, 400, &text);
  lab_buf_free(&text);
}

static void begin_goto(lab_web *web, lab_http_request *req, int step) {
  goto_request *c = lab_xcalloc(1, sizeof *c);
  lab_http_str query = lab_http_query(req);
  c->web = web;
  c->req = req;
  lab_http_hold(req); /* a withdrawn switch lives longer than its answer */
  c->x = (lab_switch){
      .call = {.answered = answer_goto, .user = c},
      .step = step,
      .query = query.data,
      .query_len = query.len,
  };
  lab_list_push_back(&web->gotos, &c->link);
  web->last_goto = req;
  c->began = uv_now(web->config.loop);
  uv_timer_init(web->config.loop, &c->timer);
  uv_timer_start(&c->timer, on_goto_timer, INTERRUPT_MS - 1, 0);
  tell_switch(web, "leave", lab_shown_number(web->config.vm));
  lab_switch_send(web->config.vm, &c->x);
}

void lab_web_goto(lab_web *web, lab_http_request *req) {
  if (!lab_web_is_get_or_post(req)) {
    lab_web_refuse_method(req, "GET, POST");
    return;
  }
  size_t room = lab_http_query(req).len + 1;
  char *text = lab_xcalloc(1, room);
  int64_t step;
  if (lab_http_query_get(req, "step", text, room) < 0)
    text[0] = '\0';
  int rc = lab_web_atoi(text, &step);
  if (rc || step < 0 || step > STEP_MAX)
    refuse_step(req, text, step, rc);
  else if (web->stopping)
    lab_http_error(req, 503, "the lab is stopping");
  else
    begin_goto(web, req, (int)step);
  lab_xfree(text);
}
