/* SPDX-License-Identifier: MIT
 * See page.h. */
#include "page/page.h"

#include <string.h>

#include "base/alloc.h"
#include "http/http.h"
#include "page/files.h"
#include "web/page.h"

struct lab_page {
  lab_page_config config;
};

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

static const char FILES[] = "/lab/page/";

static void answer_page_path(void *arg, lab_http_request *req) {
  lab_http_str path = lab_http_path(req);
  (void)arg;
  size_t len = sizeof FILES - 1;
  if (path.len > len && memcmp(path.data, FILES, len) == 0)
    lab_page_send_file(req, (lab_http_str){path.data + len, path.len - len});
  else if (path.len == 5)
    lab_http_respond(req, 200, "text/html; charset=utf-8",
                     "X-Content-Type-Options: nosniff\r\n", skeleton,
                     sizeof skeleton - 1);
  else
    lab_http_error(req, 404, "404 page not found");
}

static void take_news(void *arg, const lab_web_news *news) {
  (void)arg;
  (void)news;
}

lab_page *lab_page_new(const lab_page_config *config) {
  lab_page *page = lab_xcalloc(1, sizeof *page);
  page->config = *config;
  lab_web_set_page(config->web,
                   &(lab_web_page){answer_page_path, take_news, page});
  return page;
}

void lab_page_stop(lab_page *page) {
  lab_web_set_page(page->config.web, NULL);
}

void lab_page_free(lab_page *page) {
  lab_xfree(page);
}
