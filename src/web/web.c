/* SPDX-License-Identifier: MIT
 * See web.h. */
#include "web/web.h"

#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "scenario/scenario.h"
#include "web/captures.h"
#include "web/progress.h"
#include "web/router.h"
#include "web/slow.h"
#include "web/steps.h"
#include "web/web_internal.h"

enum { PROGRESS_MS = 200 }; /* for locks that others have */

static size_t limit_body(const lab_http_request *req, void *arg) {
  (void)arg;
  return lab_web_captures_limit(req);
}

/* The step that serves it has it in memory, from its first byte on. */
static bool is_request_of_step(const lab_http_request *req, void *arg) {
  return lab_web_is_of_application(arg, req);
}

/* What takes its time is no reason to keep others waiting: recordings, streams,
 * pages, forms; and a switch that a later one replaces. */
static bool is_answered_soon(const lab_http_request *req, void *arg) {
  const lab_web *web = arg;
  return req == web->last_goto || lab_web_is_status(req);
}

static void copy_dirs(lab_web *web) {
  const char *const *dirs = lab_scenario_dirs(web->config.vm, &web->ndirs);
  web->dirs = lab_xcalloc(web->ndirs + 1, sizeof *web->dirs);
  for (size_t i = 0; i < web->ndirs; i++)
    web->dirs[i] = lab_xstrdup(dirs[i]);
}

static void free_dirs(lab_web *web) {
  for (size_t i = 0; i < web->ndirs; i++)
    lab_xfree(web->dirs[i]);
  lab_xfree(web->dirs);
}

static int read_origins(lab_web *web, lab_err *err) {
  const lab_web_config *config = &web->config;
  int rc = 0;
  for (size_t i = 0; i < config->norigins && rc == 0; i++)
    rc = lab_http_origins_add(&web->origins, config->origins[i], err);
  if (web->origins.has_any)
    lab_log("--allow-origin *: any web page that a browser on this machine "
            "shows can read the profiles and numbers");
  return rc;
}

static int start_server(lab_web *web, lab_err *err) {
  lab_http_config http;
  lab_http_config_init(&http);
  http.on_request = lab_web_route;
  http.body_limit = limit_body;
  http.is_counted = is_request_of_step;
  http.keeps_place = is_answered_soon;
  http.arg = web;
  int rc = lab_http_server_new(&web->server, web->config.loop, &http);
  if (rc)
    lab_err_set(err, rc, "can't start the server: %s", strerror(-rc));
  return rc;
}

static void free_web(lab_web *web) {
  lab_progress_free(web->progress);
  lab_standing_free(web->standing);
  lab_http_origins_free(&web->origins);
  free_dirs(web);
  lab_xfree(web);
}

int lab_web_new(lab_web **out, const lab_web_config *config, lab_err *err) {
  lab_web *web = lab_xcalloc(1, sizeof *web);
  web->config = *config;
  if (web->config.queue_max == 0)
    web->config.queue_max = LAB_WEB_QUEUE_MAX;
  if (!web->config.version)
    web->config.version = "";
  web->guard.hosts = config->hosts;
  web->guard.host_count = config->nhosts;
  web->guard.check_all = config->check_host;
  lab_list_init(&web->slow);
  lab_list_init(&web->late_waits);
  lab_web_start_answers(web);
  lab_list_init(&web->gotos);
  copy_dirs(web);
  lab_web_start_steps(web);
  web->progress = lab_progress_new(config->state, PROGRESS_MS);
  web->standing = lab_standing_new(config->state);
  int rc = read_origins(web, err);
  if (rc == 0)
    rc = start_server(web, err);
  if (rc) {
    free_web(web);
    return rc;
  }
  lab_loop_lag_start(&web->lag, config->loop);
  lab_first_numbers_take(web, NULL, NULL);
  *out = web;
  return 0;
}

int lab_web_listen(lab_web *web, const struct sockaddr *address, int *port,
                   lab_err *err) {
  return lab_http_listen(web->server, address, port, err);
}

static void on_server_closed(void *arg) {
  lab_web *web = arg;
  web->server = NULL;
}

void lab_web_stop(lab_web *web) {
  web->stopping = true;
  lab_web_stop_steps(web);
  lab_web_keep_progress(web);
  lab_slow_wake_all(web);
  lab_loop_lag_stop(&web->lag);
  lab_http_server_close(web->server, on_server_closed, web);
}

void lab_web_tick(lab_web *web) {
  lab_web_keep_progress(web);
}

void lab_web_abort(lab_web *web) {
  if (web->server)
    lab_http_server_abort(web->server);
}

void lab_web_free(lab_web *web) {
  if (!web)
    return;
  lab_web_free_visits(web);
  lab_request_stats_free(&web->stats);
  lab_captures_free(&web->captures);
  lab_first_numbers_free(&web->first_numbers);
  lab_xfree(web->notes.waiting);
  lab_xfree(web->told);
  free_web(web);
}
