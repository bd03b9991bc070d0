/* SPDX-License-Identifier: MIT
 * See page.h. */
#include "page/page.h"

#include <string.h>

#include "base/alloc.h"
#include "http/http.h"
#include "page/files.h"
#include "page/page_internal.h"
#include "web/format.h"
#include "web/page.h"

static const char skeleton[] =
    "<!doctype html>\n<html lang=en><head><meta charset=utf-8>\n"
    "<meta name=viewport content=\"width=device-width, initial-scale=1\">\n"
    "<title>diaglab</title>\n"
    "<link rel=stylesheet href=\"/lab/page/page.css\">\n"
    "<script type=module src=\"/lab/page/app.js\"></script></head>\n<body>\n"
    "<main>\n"
#define SECTION(id, title)                                                     \
  "<section id=" id " aria-labelledby=h-" id "><h2 id=h-" id ">" title         \
  "</h2><div data-js=" id "></div></section>\n"
    SECTION("now", "Now") SECTION("steps", "Steps") SECTION("see", "See it")
        SECTION("measure", "Measure") SECTION("capture", "Capture")
            SECTION("say", "Say it")
                SECTION("progress", "Progress") "</main></body></html>\n";

/* ---- routes -------------------------------------------------------------- */

static void show_page(lab_page *page, lab_http_request *req) {
  (void)page;
  lab_http_respond(req, 200, "text/html; charset=utf-8",
                   "X-Content-Type-Options: nosniff\r\n", skeleton,
                   sizeof skeleton - 1);
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

static void take_news(void *arg, const lab_web_news *news) {
  lab_page *page = arg;
  if (strcmp(news->kind, "leave") != 0)
    lab_streams_mark(&page->streams, news->kind, news->text);
  else if (news->step == 0)
    lab_streams_note_healthy(&page->streams);
}

static void on_page_second(void *arg) {
  (void)arg;
}

lab_page *lab_page_new(const lab_page_config *config) {
  lab_page *page = lab_xcalloc(1, sizeof *page);
  page->config = *config;
  lab_streams_start(&page->streams, config->loop, config->vm, config->web,
                    on_page_second, page);
  lab_web_set_page(config->web,
                   &(lab_web_page){answer_page_path, take_news, page});
  return page;
}

void lab_page_stop(lab_page *page) {
  lab_web_set_page(page->config.web, NULL);
  lab_streams_stop(&page->streams);
}

void lab_page_free(lab_page *page) {
  lab_xfree(page);
}
