/* SPDX-License-Identifier: MIT
 * See web.h. */
#include "web/web.h"

#include "base/alloc.h"
#include "scenario/scenario.h"
#include "web/captures.h"
#include "web/router.h"
#include "web/slow.h"
#include "web/steps.h"
#include "web/web_internal.h"

static size_t limit_body(const lab_http_request *req, void *arg) {
  (void)arg;
  return lab_web_captures_limit(req);
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
  lab_list_init(&web->slow_turns);
  lab_list_init(&web->page_turns);
  lab_list_init(&web->late_waits);
  lab_web_start_answers(web);
  lab_list_init(&web->gotos);
  copy_dirs(web);
  lab_web_start_steps(web);
  web->progress = lab_progress_new(config->state);
  web->standing = lab_standing_new(config->state);

  lab_http_config http;
  lab_http_config_init(&http);
  http.on_request = lab_web_route;
  http.body_limit = limit_body;
  http.arg = web;
  int rc = lab_http_server_new(&web->server, config->loop, &http);
  if (rc) {
    lab_progress_free(web->progress);
    lab_standing_free(web->standing);
    free_dirs(web);
    lab_xfree(web);
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
  lab_slow_wake_all(web);
  lab_loop_lag_stop(&web->lag);
  lab_http_server_close(web->server, on_server_closed, web);
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
  lab_progress_free(web->progress);
  lab_standing_free(web->standing);
  free_dirs(web);
  lab_xfree(web->notes.waiting);
  lab_xfree(web->told);
  lab_xfree(web);
}
