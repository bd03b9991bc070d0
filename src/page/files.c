/* SPDX-License-Identifier: MIT
 * See files.h. */
#include "page/files.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "http/accept.h"
#include "http/response.h"
#include "page_files.h" /* page_files: cmake/LabPage.cmake makes it */
#include "pprof/gunzip.h"

/* A viewer for profiles that isn't ours, where WEB_SPEEDSCOPE=ON has put it. */
#define VIEWER_FOLDER "speedscope/"
#define VIEWER VIEWER_FOLDER "index.html"

/* Instead of what all answers of /lab have: it styles its nodes by scripts, and
 * reads C++ names by WebAssembly. */
static const char viewer_headers[] =
    "Content-Security-Policy: default-src 'none'; "
    "script-src 'self' 'wasm-unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'none'\r\n"
    "Referrer-Policy: same-origin\r\n";

static const page_file *find_page_file(lab_http_str name) {
  for (size_t i = 0; i < sizeof page_files / sizeof *page_files; i++) {
    const page_file *f = &page_files[i];
    if (strlen(f->name) == name.len &&
        memcmp(f->name, name.data, name.len) == 0)
      return f;
  }
  return NULL;
}

void lab_page_write_modules(lab_json *j) {
  lab_json_key(j, "modules");
  lab_json_begin_array(j, LAB_JSON_COMPACT);
  for (size_t i = 0; i < sizeof page_files / sizeof *page_files; i++) {
    const char *end = strrchr(page_files[i].name, '.');
    if (end && strcmp(end, ".js") == 0 && !strchr(page_files[i].name, '/'))
      lab_json_text(j, page_files[i].name);
  }
  lab_json_end(j);
  if (find_page_file((lab_http_str){VIEWER, sizeof VIEWER - 1})) {
    lab_json_key(j, "speedscope");
    lab_json_text(j, "/lab/page/" VIEWER);
  }
}

static const char *find_file_type(const char *name) {
  static const char *const types[][2] = {
      {".js", "text/javascript; charset=utf-8"},
      {".mjs", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".html", "text/html; charset=utf-8"},
      {".json", "application/json; charset=utf-8"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".ico", "image/x-icon"},
      {".woff2", "font/woff2"},
  };
  const char *end = strrchr(name, '.');
  for (size_t i = 0; end && i < sizeof types / sizeof *types; i++)
    if (strcmp(end, types[i][0]) == 0)
      return types[i][1];
  return "text/plain; charset=utf-8";
}

/* ---- the answer ---------------------------------------------------------- */

static void send_unpacked(lab_http_request *req, const page_file *f,
                          const char *headers) {
  void *bytes;
  size_t len;
  lab_err err;
  if (lab_gunzip(f->packed, f->packed_len, f->len, &bytes, &len, &err)) {
    lab_http_error(req, 500, err.text);
    return;
  }
  lab_http_respond(req, 200, find_file_type(f->name), headers, bytes, len);
  lab_xfree(bytes);
}

void lab_page_send_file(lab_http_request *req, lab_http_str name) {
  const page_file *f = find_page_file(name);
  if (!f) {
    lab_http_error(req, 404, "the page has no such file");
    return;
  }
  if (strncmp(f->name, VIEWER_FOLDER, sizeof VIEWER_FOLDER - 1) == 0)
    lab_http_always_send(req, viewer_headers);
  bool packed = lab_http_takes_gzip(req);
  char tag[40], headers[1024];
  /* The two forms are different bytes, so they have different tags. */
  snprintf(tag, sizeof tag, "\"%s%s\"", f->hash, packed ? "-gzip" : "");
  snprintf(headers, sizeof headers,
           "X-Content-Type-Options: nosniff\r\nCache-Control: no-cache\r\n"
           "Vary: Accept-Encoding\r\nETag: %s\r\n%s",
           tag, packed ? "Content-Encoding: gzip\r\n" : "");
  if (lab_http_has_tag(req, tag))
    lab_http_respond(req, 304, NULL, headers, NULL, 0);
  else if (packed)
    lab_http_respond(req, 200, find_file_type(f->name), headers, f->packed,
                     f->packed_len);
  else
    send_unpacked(req, f, headers);
}
