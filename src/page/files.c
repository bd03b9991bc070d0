/* SPDX-License-Identifier: MIT
 * See files.h. */
#include "page/files.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/buf.h"
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

/* ---- what the client has, and takes -------------------------------------- */

/* The next word of a list with commas, without the white space around it. */
static lab_http_str cut_list_word(lab_http_str *rest) {
  const char *comma = memchr(rest->data, ',', rest->len);
  size_t len = comma ? (size_t)(comma - rest->data) : rest->len;
  lab_http_str word = {rest->data, len};
  rest->data += len + (comma != NULL);
  rest->len -= len + (comma != NULL);
  while (word.len > 0 && (*word.data == ' ' || *word.data == '\t')) {
    word.data++;
    word.len--;
  }
  while (word.len > 0 &&
         (word.data[word.len - 1] == ' ' || word.data[word.len - 1] == '\t'))
    word.len--;
  return word;
}

/* "gzip", "gzip;q=0.5" and "*", but not "gzip;q=0". */
static bool is_gzip_accepted(lab_http_str word) {
  size_t len = 0;
  while (len < word.len && word.data[len] != ';' && word.data[len] != ' ')
    len++;
  bool meant = (len == 4 && strncasecmp(word.data, "gzip", 4) == 0) ||
               (len == 1 && *word.data == '*');
  double weight = 1;
  const char *q = memmem(word.data + len, word.len - len, "q=", 2);
  if (q)
    sscanf(q + 2, "%lf", &weight); /* a 0 byte follows each header */
  return meant && weight > 0;
}

static bool takes_gzip(const lab_http_request *req) {
  lab_http_str list;
  lab_http_header(req, "Accept-Encoding", &list);
  while (list.len > 0)
    if (is_gzip_accepted(cut_list_word(&list)))
      return true;
  return false;
}

/* An ETag compares here without its "W/": what was changed on the way is still
 * this content. */
static bool is_known_tag(lab_http_str word, const char *tag) {
  if (word.len > 2 && memcmp(word.data, "W/", 2) == 0) {
    word.data += 2;
    word.len -= 2;
  }
  return (word.len == 1 && *word.data == '*') ||
         (word.len == strlen(tag) && memcmp(word.data, tag, word.len) == 0);
}

static bool has_client_tag(const lab_http_request *req, const char *tag) {
  lab_http_str list;
  lab_http_header(req, "If-None-Match", &list);
  while (list.len > 0)
    if (is_known_tag(cut_list_word(&list), tag))
      return true;
  return false;
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
  bool packed = takes_gzip(req);
  char tag[40], headers[1024];
  /* The two forms are different bytes, so they have different tags. */
  snprintf(tag, sizeof tag, "\"%s%s\"", f->hash, packed ? "-gzip" : "");
  snprintf(headers, sizeof headers,
           "X-Content-Type-Options: nosniff\r\nCache-Control: no-cache\r\n"
           "Vary: Accept-Encoding\r\nETag: %s\r\n%s",
           tag, packed ? "Content-Encoding: gzip\r\n" : "");
  if (has_client_tag(req, tag))
    lab_http_respond(req, 304, NULL, headers, NULL, 0);
  else if (packed)
    lab_http_respond(req, 200, find_file_type(f->name), headers, f->packed,
                     f->packed_len);
  else
    send_unpacked(req, f, headers);
}
