/* SPDX-License-Identifier: MIT
 * See router.h. */
#include "web/router.h"

#include <string.h>

#include "scenario/shown.h"
#include "web/answer.h"
#include "web/application.h"
#include "web/captures.h"
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

static const struct {
  const char *path;
  handler *answer;
} routes[] = {
    {"/", lab_web_application},
    {"/goto", lab_web_goto},
    {"/metrics", lab_web_metrics},
    {"/status", lab_web_status},
    {"/steps", lab_web_steps},
    {"/hint", lab_web_hint},
    {"/lab/answer", lab_web_answer},
    {"/lab/captures", lab_web_captures},
    {"/lab/classes", lab_web_classes},
    {"/lab/progress", lab_web_progress},
    {"/debug/vars", lab_web_vars},
    {PPROF, redirect_to_index},
    {PPROF "/", lab_web_index},
    {PPROF "/cmdline", lab_web_cmdline},
    {PPROF "/profile", lab_web_cpu_profile},
    {PPROF "/symbol", lab_web_symbol},
    {PPROF "/trace", lab_web_trace},
    {PPROF "/wall", lab_web_wall_profile},
    {"/debug/fgprof", lab_web_wall_profile},
    {"/pprof/cmdline", lab_web_cmdline},
    {"/pprof/heap", lab_web_gperf_heap},
    {"/pprof/profile", lab_web_gperf_profile},
    {"/pprof/symbol", lab_web_symbol},
};

static bool is_lab_path(lab_http_str path) {
  return is_text(path, LAB) || has_prefix(path, LAB "/");
}

static handler *find_handler(lab_web *web, lab_http_str path) {
  for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
    if (is_text(path, routes[i].path))
      return routes[i].answer;
  if (has_prefix(path, PPROF "/"))
    return lab_web_named_profile;
  if (is_lab_path(path))
    return lab_web_answer_page;
  if (!web->stopping &&
      lab_shown_has_route(web->config.vm, path.data, path.len))
    return lab_web_application;
  return answer_not_found;
}

/* /goto changes the lab's state, whatever its method. What an endpoint of a
 * scenario does is unknown, so all methods but GET and HEAD count, too. */
static bool may_change_state(const lab_http_request *req, lab_http_str path) {
  const char *method = lab_http_method(req);
  return is_text(path, "/goto") ||
         (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0);
}

void lab_web_route(lab_http_request *req, void *arg) {
  lab_web *web = arg;
  lab_http_str path = lab_http_path(req);
  const char *reason;
  if (is_lab_path(path))
    lab_http_always_send(req, LAB_HEADERS);
  else if (is_text(path, "/") && lab_http_is_head(req) && web->page.answer)
    lab_http_always_send(req, PAGE_LINK);
  int refused =
      lab_http_guard(req, &web->guard, may_change_state(req, path), &reason);
  if (refused)
    lab_http_error(req, refused, reason);
  else if (!lab_slow_has_room(web, req))
    lab_http_error(req, 503, "too much was sent at once; send it again");
  else
    find_handler(web, path)(web, req);
}
