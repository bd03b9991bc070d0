/* SPDX-License-Identifier: MIT
 * See page.h. */
#include "page/page.h"

#include <string.h>

#include "base/alloc.h"
#include "http/http.h"
#include "page/ask.h"
#include "page/done.h"
#include "page/files.h"
#include "page/page_internal.h"
#include "page/render.h"
#include "web/format.h"
#include "web/page.h"

/* ---- routes -------------------------------------------------------------- */

static void show_page(lab_page *page, lab_http_request *req) {
  lab_page_show(page, req, NULL);
}

static void redirect_to_page(lab_page *page, lab_http_request *req) {
  (void)page;
  lab_http_respond(req, 301, NULL, "Location: /lab/\r\n", NULL, 0);
}

static void open_stream(lab_page *page, lab_http_request *req) {
  lab_streams_open(&page->streams, req);
}

static const char FILES[] = "/lab/page/";

static void send_file(lab_page *page, lab_http_request *req) {
  lab_http_str path = lab_http_path(req);
  size_t len = sizeof FILES - 1;
  (void)page;
  lab_page_send_file(req, (lab_http_str){path.data + len, path.len - len});
}

static const struct page_route {
  const char *path, *methods;
  void (*answer)(lab_page *page, lab_http_request *req);
} page_routes[] = {
    {"/lab", "GET, HEAD", redirect_to_page},
    {"/lab/", "GET, HEAD", show_page},
    {"/lab/answer", "POST", lab_page_form_answer},
    {"/lab/go", "POST", lab_page_form_go},
    {"/lab/hint", "POST", lab_page_form_hint},
    {"/lab/request", "POST", lab_page_form_request},
    {"/lab/api/load", "GET, HEAD, POST, DELETE", lab_page_load_request},
    {"/lab/api/progress", "GET, HEAD", lab_page_progress},
    {"/lab/api/repair", "GET, HEAD, POST, DELETE", lab_page_repair_request},
    {"/lab/api/solution", "GET, HEAD", lab_page_solution},
    {"/lab/api/source", "GET, HEAD", lab_page_source},
    {"/lab/api/stream", "GET, HEAD", open_stream},
};

static const struct page_route files_route = {FILES, "GET, HEAD", send_file};

static const struct page_route *find_page_route(lab_http_str path) {
  for (size_t i = 0; i < sizeof page_routes / sizeof *page_routes; i++)
    if (strlen(page_routes[i].path) == path.len &&
        memcmp(page_routes[i].path, path.data, path.len) == 0)
      return &page_routes[i];
  bool is_file = path.len >= sizeof FILES - 1 &&
                 memcmp(path.data, FILES, sizeof FILES - 1) == 0;
  return is_file ? &files_route : NULL;
}

/* METHODS: "GET, HEAD". */
static bool is_method_allowed(const char *methods, const char *method) {
  const char *at = strstr(methods, method);
  char end = at ? at[strlen(method)] : 'x';
  return end == ',' || end == '\0';
}

static void answer_page_path(void *arg, lab_http_request *req) {
  const struct page_route *route = find_page_route(lab_http_path(req));
  if (!route)
    lab_http_error(req, 404, "404 page not found");
  else if (!is_method_allowed(route->methods, lab_http_method(req)))
    lab_web_refuse_method(req, route->methods);
  else
    route->answer(arg, req);
}

/* ---- begin and end ------------------------------------------------------- */

static void note_solved(lab_page *page, int step) {
  for (size_t i = 0; i < page->nsolved; i++)
    if (page->solved[i] == step)
      return;
  page->solved =
      lab_xrealloc(page->solved, (page->nsolved + 1) * sizeof *page->solved);
  page->solved[page->nsolved++] = step;
}

/* STEP -1: all. */
static void forget_solved(lab_page *page, int step) {
  size_t n = 0;
  for (size_t i = 0; i < page->nsolved; i++)
    if (step >= 0 && page->solved[i] != step)
      page->solved[n++] = page->solved[i];
  page->nsolved = n;
}

static void take_news(void *arg, const lab_web_news *news) {
  lab_page *page = arg;
  bool leaves = strcmp(news->kind, "leave") == 0;
  if (news->solved)
    note_solved(page, news->step);
  if (strcmp(news->kind, "reset") == 0) {
    forget_solved(page, news->step);
    lab_page_repair_forget(page->repair, news->step);
  }
  if (leaves && news->step == 0)
    lab_streams_note_healthy(&page->streams);
  if (!leaves)
    lab_streams_mark(&page->streams, news->kind, news->text);
}

static void send_load(lab_page *page) {
  lab_buf state = LAB_BUF_INIT;
  if (!lab_page_load_has_news(page->load))
    return;
  lab_page_load_write(page->load, &state);
  lab_streams_send(&page->streams, "load", &state);
  lab_buf_free(&state);
}

static void on_page_second(void *arg) {
  send_load(arg);
}

static void on_page_load_ended(void *arg) {
  lab_page *page = arg;
  if (page->is_stopped)
    return;
  lab_streams_mark(&page->streams, "load", "the load has ended");
  send_load(page);
}

static void on_page_repair_ended(void *arg) {
  lab_page *page = arg;
  if (!page->is_stopped)
    lab_streams_mark(&page->streams, "repair",
                     "the check of a repair has ended");
}

lab_page *lab_page_new(const lab_page_config *config) {
  lab_page *page = lab_xcalloc(1, sizeof *page);
  page->config = *config;
  lab_list_init(&page->forms);
  size_t ndirs;
  const char *const *dirs = lab_web_dirs(config->web, &ndirs);
  page->ground = lab_page_ground_new(&(lab_page_ground_config){
      .dirs = dirs,
      .ndirs = ndirs,
      .standing = config->state ? lab_web_standing(config->web) : NULL,
      .no_hints = config->hint_pause < 0});
  page->load = lab_page_load_new(config->loop, on_page_load_ended, page);
  page->repair = lab_page_repair_new(&(lab_page_repair_config){
      .loop = config->loop, .ended = on_page_repair_ended, .arg = page});
  lab_streams_start(&page->streams, config->loop, config->vm, config->web,
                    on_page_second, page);
  lab_web_set_page(config->web,
                   &(lab_web_page){answer_page_path, take_news, page});
  return page;
}

void lab_page_stop(lab_page *page) {
  page->is_stopped = true;
  lab_web_set_page(page->config.web, NULL);
  lab_page_load_end(page->load);
  lab_page_repair_end(page->repair);
  lab_page_stop_forms(page);
  lab_streams_stop(&page->streams);
}

void lab_page_free(lab_page *page) {
  if (!page)
    return;
  lab_page_load_free(page->load);
  lab_page_repair_free(page->repair);
  lab_page_ground_free(page->ground);
  lab_xfree(page->solved);
  lab_xfree(page);
}
