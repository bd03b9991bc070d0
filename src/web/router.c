/* SPDX-License-Identifier: MIT
 * See router.h. */
#include "web/router.h"

#include <errno.h>
#include <string.h>

#include "http/query.h"
#include "scenario/shown.h"
#include "web/answer.h"
#include "web/application.h"
#include "web/captures.h"
#include "web/cors.h"
#include "web/cpu_profile.h"
#include "web/goto.h"
#include "web/gperf_heap.h"
#include "web/index.h"
#include "web/metrics.h"
#include "web/named_profile.h"
#include "web/page.h"
#include "web/progress.h"
#include "web/slow.h"
#include "web/status.h"
#include "web/steps.h"
#include "web/symbol.h"
#include "web/trace.h"
#include "web/vars.h"
#include "web/wall_profile.h"
#include "web/web_internal.h"

#define PPROF "/debug/pprof"
#define LAB "/lab"

/* Of all answers of /lab: a page loads nothing from elsewhere, runs no script
 * that stands in its HTML, and is shown in nobody's frame. Other sites don't
 * learn where their visitor comes from; with no-referrer the lab wouldn't,
 * either: browsers would send "Origin: null" with its own forms. */
#define LAB_HEADERS                                                            \
  "Content-Security-Policy: default-src 'none'; script-src 'self'; "           \
  "style-src 'self'; img-src 'self' data:; connect-src 'self'; "               \
  "font-src 'self'; form-action 'self'; base-uri 'none'; "                     \
  "frame-ancestors 'none'\r\n"                                                 \
  "Referrer-Policy: same-origin\r\n"

/* Of HEAD /, whose answer has no body: `curl -I` tells where the page is. What
 * GET answers is the exercise. */
#define PAGE_LINK "Link: <" LAB "/>; rel=\"help\"\r\n"

static bool is_text(lab_http_str s, const char *text) {
  size_t len = strlen(text);
  return s.len == len && memcmp(s.data, text, len) == 0;
}

static bool has_prefix(lab_http_str s, const char *text) {
  size_t len = strlen(text);
  return s.len >= len && memcmp(s.data, text, len) == 0;
}

/* ---- small answers ------------------------------------------------------- */

static void answer_not_found(lab_web *web, lab_http_request *req) {
  (void)web;
  lab_http_error(req, 404, "404 page not found");
}

/* As Go's http.Redirect does: GET has a body, GET and HEAD have a type. */
static void redirect_to_index(lab_web *web, lab_http_request *req) {
  static const char body[] =
      "<a href=\"" PPROF "/\">Moved Permanently</a>.\n\n";
  bool get = is_text(
      (lab_http_str){lab_http_method(req), strlen(lab_http_method(req))},
      "GET");
  bool readable = get || lab_http_is_head(req);
  (void)web;
  lab_http_respond(req, 301, readable ? "text/html; charset=utf-8" : NULL,
                   "Location: " PPROF "/\r\n", body,
                   readable ? sizeof body - 1 : 0);
}

/* ---- routes -------------------------------------------------------------- */

typedef void handler(lab_web *web, lab_http_request *req);

/* What a GET of a path does, and so which pages may make a browser send it
 * besides the lab's own. Any other method may change something. */
typedef enum effect {
  SHOWS,   /* nothing; its answer stays hidden from all other pages */
  READS,   /* nothing; pages of --allow-origin may read the answer */
  RECORDS, /* something runs meanwhile of which there are few: those of
              --allow-origin only */
  CHANGES, /* the lab's state: none */
} effect;

typedef struct route {
  const char *path;
  handler *answer;
  effect effect;
} route;

static const route routes[] = {
    {"/", lab_web_application, SHOWS},
    {"/goto", lab_web_goto, CHANGES},
    {"/metrics", lab_web_metrics, READS},
    {"/status", lab_web_status, READS},
    {"/steps", lab_web_steps, READS},
    {"/hint", lab_web_hint, CHANGES},
    {"/lab/answer", lab_web_answer, SHOWS},
    {"/lab/captures", lab_web_captures, SHOWS},
    {"/lab/classes", lab_web_classes, SHOWS},
    {"/lab/progress", lab_web_progress, SHOWS},
    {"/debug/vars", lab_web_vars, READS},
    {PPROF, redirect_to_index, READS},
    {PPROF "/", lab_web_index, READS},
    {PPROF "/cmdline", lab_web_cmdline, READS},
    {PPROF "/goroutineleak", lab_web_named_profile, RECORDS}, /* no task runs */
    {PPROF "/profile", lab_web_cpu_profile, RECORDS},
    {PPROF "/symbol", lab_web_symbol, READS},
    {PPROF "/trace", lab_web_trace, RECORDS},
    {PPROF "/wall", lab_web_wall_profile, RECORDS},
    {"/debug/fgprof", lab_web_wall_profile, RECORDS},
    {"/pprof/cmdline", lab_web_cmdline, READS},
    {"/pprof/heap", lab_web_gperf_heap, READS},
    {"/pprof/profile", lab_web_gperf_profile, RECORDS},
    {"/pprof/symbol", lab_web_symbol, READS},
};

static bool is_lab_path(lab_http_str path) {
  return is_text(path, LAB) || has_prefix(path, LAB "/");
}

/* Those without a path of their own. */
static const route named_profile = {PPROF "/NAME", lab_web_named_profile,
                                    READS};
static const route named_recording = {PPROF "/NAME", lab_web_named_profile,
                                      RECORDS};
static const route page_route = {LAB "/NAME", lab_web_answer_page, SHOWS};
static const route step_route = {"/NAME", lab_web_application, SHOWS};
static const route no_route = {"", answer_not_found, SHOWS};

/* A profile of what happens from now on; or one before which all garbage is
 * collected, which is the VM's work. */
static bool asks_to_record(const lab_http_request *req) {
  char value[1];
  return lab_http_query_get(req, "seconds", value, sizeof value) != -ENOENT ||
         lab_http_query_get(req, "gc", value, sizeof value) != -ENOENT;
}

static const route *find_route(lab_web *web, const lab_http_request *req) {
  lab_http_str path = lab_http_path(req);
  for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
    if (is_text(path, routes[i].path))
      return &routes[i];
  if (has_prefix(path, PPROF "/"))
    return asks_to_record(req) ? &named_recording : &named_profile;
  if (is_lab_path(path))
    return &page_route;
  if (!web->stopping &&
      lab_shown_has_route(web->config.vm, path.data, path.len))
    return &step_route;
  return &no_route;
}

bool lab_web_is_of_application(lab_web *web, const lab_http_request *req) {
  return find_route(web, req)->answer == lab_web_application;
}

bool lab_web_is_status(const lab_http_request *req) {
  return is_text(lab_http_path(req), "/status");
}

/* May pages of --allow-origin read the answer? */
static bool may_be_read(const route *r) {
  return r->effect == READS || r->effect == RECORDS;
}

/* Is REQ one that no foreign page may send? What an endpoint of a scenario does
 * is unknown, so all methods but GET and HEAD count as changes. */
static bool is_for_own_pages(const lab_web *web, const lab_http_request *req,
                             const route *r) {
  const char *method = lab_http_method(req);
  if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
    return true;
  return r->effect == CHANGES ||
         (r->effect == RECORDS && lab_cors_is_stranger(web, req));
}

/* The guard and the room for bodies let it through. */
static void answer_route(lab_web *web, lab_http_request *req,
                         const route *found) {
  if (may_be_read(found))
    lab_cors_mark(web, req);
  found->answer(web, req);
}

void lab_web_route(lab_http_request *req, void *arg) {
  lab_web *web = arg;
  lab_http_str path = lab_http_path(req);
  const route *found = find_route(web, req);
  bool asks = may_be_read(found) && lab_cors_is_preflight(web, req);
  const char *reason;
  if (is_lab_path(path))
    lab_http_always_send(req, LAB_HEADERS);
  else if (is_text(path, "/") && lab_http_is_head(req) && web->page.answer)
    lab_http_always_send(req, PAGE_LINK);
  bool for_own = !asks && is_for_own_pages(web, req, found);
  int refused = lab_http_guard(req, &web->guard, for_own, &reason);
  if (refused)
    lab_http_error(req, refused, reason);
  else if (!lab_slow_has_room(web, req))
    lab_http_error(req, 503, "too much was sent at once; send it again");
  else if (asks)
    lab_cors_answer_preflight(web, req);
  else
    answer_route(web, req, found);
}
