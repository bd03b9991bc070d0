/* SPDX-License-Identifier: MIT
 * Which path is answered by whom, and who may ask at all. */
#include <string.h>

#include "base/alloc.h"
#include "web/handlers.h"

#define PPROF "/debug/pprof"

static bool is(lab_http_str s, const char *text) {
  size_t len = strlen(text);
  return s.len == len && memcmp(s.data, text, len) == 0;
}

static bool begins_with(lab_http_str s, const char *text) {
  size_t len = strlen(text);
  return s.len >= len && memcmp(s.data, text, len) == 0;
}

/* ---- small answers ------------------------------------------------------- */

static void not_found(lab_web *web, lab_http_request *req) {
  (void)web;
  lab_http_error(req, 404, "404 page not found");
}

/* As http.Redirect: a body for GET only, a type for GET and HEAD. */
static void redirect_to_index(lab_web *web, lab_http_request *req) {
  static const char body[] =
      "<a href=\"" PPROF "/\">Moved Permanently</a>.\n\n";
  bool get =
      is((lab_http_str){lab_http_method(req), strlen(lab_http_method(req))},
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
    {"/", lab_web_root},
    {"/goto", lab_web_goto},
    {"/metrics", lab_web_metrics},
    {"/status", lab_web_status},
    {"/steps", lab_web_steps},
    {"/hint", lab_web_hint},
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

static handler *find_handler(lab_web *web, lab_http_str path) {
  for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
    if (is(path, routes[i].path))
      return routes[i].answer;
  if (begins_with(path, PPROF "/"))
    return lab_web_named_profile;
  if (!web->stopping &&
      lab_shown_has_route(web->config.vm, path.data, path.len))
    return lab_web_root;
  return not_found;
}

/* /goto changes the lab's state; of a scenario's endpoints we can't know, so
 * whatever isn't a plain question counts too. */
static bool changes_state(const lab_http_request *req, lab_http_str path) {
  const char *method = lab_http_method(req);
  return is(path, "/goto") ||
         (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0);
}

static void on_request(lab_http_request *req, void *arg) {
  lab_web *web = arg;
  lab_http_str path = lab_http_path(req);
  const char *reason;
  int refused =
      lab_http_guard(req, &web->guard, changes_state(req, path), &reason);
  if (refused)
    lab_http_error(req, refused, reason);
  else
    find_handler(web, path)(web, req);
}

/* ---- life ---------------------------------------------------------------- */

int lab_web_new(lab_web **out, const lab_web_config *config) {
  lab_web *web = lab_xcalloc(1, sizeof *web);
  web->config = *config;
  if (web->config.queue_max == 0)
    web->config.queue_max = LAB_WEB_QUEUE_MAX;
  if (!web->config.version)
    web->config.version = "";
  web->guard.hosts = config->hosts;
  web->guard.host_count = config->nhosts;
  lab_list_init(&web->slow);

  lab_http_config http;
  lab_http_config_init(&http);
  http.on_request = on_request;
  http.arg = web;
  int rc = lab_http_server_new(&web->server, config->loop, &http);
  if (rc) {
    lab_xfree(web);
    return rc;
  }
  lab_web_watch_loop(web);
  *out = web;
  return 0;
}

int lab_web_listen(lab_web *web, const struct sockaddr *address, int *port,
                   lab_err *err) {
  return lab_http_listen(web->server, address, port, err);
}

static void on_closed(void *arg) {
  lab_web *web = arg;
  web->server = NULL;
}

/* Waking one may end it, or others: each gets its turn once. */
static void wake_slow(lab_web *web) {
  lab_list todo;
  lab_list_init(&todo);
  while (!lab_list_empty(&web->slow)) {
    lab_list *link = web->slow.next;
    lab_list_remove(link);
    lab_list_push_back(&todo, link);
  }
  while (!lab_list_empty(&todo)) {
    lab_list *link = todo.next;
    lab_list_remove(link);
    lab_list_push_back(&web->slow, link);
    lab_slow_wake(LAB_CONTAINER(link, lab_slow, link));
  }
}

void lab_web_stop(lab_web *web) {
  web->stopping = true;
  wake_slow(web);
  lab_web_unwatch_loop(web);
  lab_http_server_close(web->server, on_closed, web);
}

void lab_web_abort(lab_web *web) {
  if (web->server)
    lab_http_server_abort(web->server);
}

void lab_web_free(lab_web *web) {
  if (!web)
    return;
  lab_web_free_visits(web);
  lab_web_free_loads(web);
  lab_xfree(web);
}
