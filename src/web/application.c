/* SPDX-License-Identifier: MIT
 * See application.h. Most requests go this way, so what one needed is kept for
 * the next.
 *
 * An HTTP request stays valid until it is answered, even if its client goes
 * away; so the VM's request just points into it. */
#include "web/application.h"

#include <string.h>

#include "base/alloc.h"
#include "scenario/request.h"
#include "scenario/shown.h"
#include "web/web_internal.h"

enum {
  IDLE_MAX = 256,  /* visits that are kept */
  KEEP_MAX = 8192, /* bytes of an answer's buffer that a kept visit may have */
};

/* One request in the VM. */
typedef struct visit {
  lab_request x;
  lab_web *web;
  lab_http_request *req;
  uint64_t began; /* mono ns */
  struct visit *next;
} visit;

/* NULL without memory. */
static visit *take_visit(lab_web *web) {
  visit *v = web->visits.idle;
  if (v) {
    web->visits.idle = v->next;
    web->visits.idle_count--;
    return v;
  }
  v = lab_try_zalloc(sizeof *v);
  if (v)
    v->web = web;
  return v;
}

static void free_visit(visit *v) {
  lab_buf_free(&v->x.headers);
  lab_buf_free(&v->x.reply);
  lab_xfree(v);
}

static void keep_visit(visit *v) {
  lab_web *web = v->web;
  if (web->visits.idle_count >= IDLE_MAX || v->x.reply.cap > KEEP_MAX ||
      v->x.reply.counted || v->x.headers.counted ||
      v->x.headers.cap > KEEP_MAX) {
    free_visit(v);
    return;
  }
  lab_buf_clear(&v->x.headers);
  lab_buf_clear(&v->x.reply);
  v->next = web->visits.idle;
  web->visits.idle = v;
  web->visits.idle_count++;
}

void lab_web_free_visits(lab_web *web) {
  while (web->visits.idle) {
    visit *v = web->visits.idle;
    web->visits.idle = v->next;
    free_visit(v);
  }
}

/* The answer may make the connection's next request call lab_web_application
 * before this function returns. */
static void answer_visit(lab_call *call) {
  visit *v = call->user;
  lab_request *x = &v->x;
  const char *headers = NULL;
  uint64_t now = lab_near_clock_read(&v->web->visits.clock);
  lab_activity_end(&v->web->activity, now);
  lab_request_visit served = {x->step, x->entered};
  lab_request_stats_count(&v->web->stats, &served, x->status, v->began, now);
  if (x->headers.len > 0) {
    lab_buf_putc(&x->headers, '\0');
    headers = x->headers.data;
  }
  if (x->reply.len > KEEP_MAX)
    lab_http_respond_buf(v->req, x->status, x->content_type, headers,
                         &x->reply);
  else
    lab_http_respond(v->req, x->status, x->content_type, headers, x->reply.data,
                     x->reply.len);
  keep_visit(v);
}

static const lab_request_facts facts = {.header = lab_http_header_at,
                                        .remote = lab_http_write_remote,
                                        .has_left = lab_http_has_left};

/* Why the application can't have the request now, or NULL. */
static const char *find_refusal(const lab_web *web,
                                const lab_http_request *req) {
  if (web->stopping)
    return "the lab is stopping";
  if (lab_activity_in_flight(&web->activity) >= web->config.queue_max)
    return "the queue is full";
  return lab_http_is_reserved(req) ? "there are too many connections" : NULL;
}

static void refuse_visit(lab_web *web, lab_http_request *req,
                         const char *refusal) {
  lab_request_visit served = {0, 0};
  if (!web->stopping)
    served.step = lab_shown_visit(web->config.vm, &served.entered);
  lab_request_stats_count(&web->stats, &served, 503, 0, 0);
  lab_http_error(req, 503, refusal);
}

void lab_web_application(lab_web *web, lab_http_request *req) {
  const char *refusal = find_refusal(web, req);
  visit *v = refusal ? NULL : take_visit(web);
  if (!v) {
    refuse_visit(web, req,
                 refusal ? refusal : "not enough memory for the request");
    return;
  }
  lab_request *x = &v->x;
  lab_http_str path = lab_http_path(req), query = lab_http_query(req);
  lab_http_str body = lab_http_body(req);
  v->req = req;
  v->began = lab_near_clock_read(&web->visits.clock);
  x->method = lab_http_method(req);
  x->method_len = strlen(x->method);
  x->path = path.data;
  x->path_len = path.len;
  x->query = query.data;
  x->query_len = query.len;
  x->body = body.data;
  x->body_len = body.len;
  x->facts = &facts;
  x->http = req;
  x->call.answered = answer_visit;
  x->call.user = v;
  lab_activity_begin(&web->activity, v->began);
  lab_request_send(web->config.vm, x, v->began);
}

unsigned lab_web_in_flight(const lab_web *web) {
  return lab_activity_in_flight(&web->activity);
}
