/* SPDX-License-Identifier: MIT
 * Reads any bytes as what a client sends, without a connection: the parser
 * alone, which is quick. Checked: every request is complete and within the
 * limits, no header's value holds a line end, and which requests there are, and
 * where they end, doesn't depend on the pieces in which the bytes come. The
 * first byte is the size of a piece. */
#include <llhttp.h>
#include <uv.h>

#include "http/conn.h"
#include "http/parse.h"
#include "http/request_internal.h"
#include "http/server_internal.h"
#include "input.h"

enum { HEAD_MAX = 256, URI_MAX = 64, BODY_MAX = 64 };

static uv_loop_t loop;
static lab_http_server *server;

static void ignore_request(lab_http_request *req, void *arg) {
  (void)req;
  (void)arg;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  lab_http_config config;
  (void)argc;
  (void)argv;
  lab_http_config_init(&config);
  config.max_header_bytes = HEAD_MAX;
  config.max_uri_bytes = URI_MAX;
  config.max_body_bytes = BODY_MAX;
  config.on_request = ignore_request;
  LAB_ASSERT(uv_loop_init(&loop) == 0);
  return lab_http_server_new(&server, &loop, &config);
}

static void add_part(lab_buf *story, lab_http_str part) {
  LAB_ASSERT(part.data && part.data[part.len] == '\0');
  lab_buf_append(story, part.data, part.len);
  lab_buf_putc(story, '|');
}

static void check_field(const lab_http_request *req, const lab_http_field *f) {
  LAB_ASSERT(f->name.len > 0);
  LAB_ASSERT((uint64_t)f->value.at + f->value.len < req->text.len);
  const char *value = req->text.data + f->value.at;
  for (size_t i = 0; i < f->value.len; i++)
    LAB_ASSERT(value[i] && value[i] != '\n' && value[i] != '\r');
}

/* All that is in the request, after a check. */
static void tell_request(const lab_http_request *req, lab_buf *story) {
  lab_http_str path = lab_http_path(req), body = lab_http_body(req);
  LAB_ASSERT(path.len > 0 && path.len <= URI_MAX && body.len <= BODY_MAX);
  lab_buf_printf(story, "%s %d %d|", lab_http_method(req), req->minor,
                 req->keep_alive);
  add_part(story, path);
  add_part(story, lab_http_query(req));
  add_part(story, lab_http_host(req));
  add_part(story, body);
  for (size_t i = 0; i < req->field_count; i++) {
    const lab_http_field *f = &req->fields[i];
    check_field(req, f);
    lab_buf_append(story, req->text.data + f->name.at, f->name.len);
    lab_buf_putc(story, '=');
    lab_buf_append(story, req->text.data + f->value.at, f->value.len);
    lab_buf_putc(story, '\n');
  }
}

/* The request has its answer: the connection waits for the next. */
static void end_request(lab_http_conn *c) {
  lab_http_request *req = c->req;
  c->req = NULL;
  c->state = LAB_HTTP_IDLE;
  lab_http_request_end(req);
}

/* Parses one piece, as a connection does. False: it is over. */
static bool parse_piece(lab_http_conn *c, const char *at, size_t len,
                        lab_buf *story) {
  const char *end = at + len;
  while (at < end) {
    llhttp_errno_t error = lab_http_parse(c, at, (size_t)(end - at));
    if (error == HPE_OK)
      return true;
    if (error != HPE_PAUSED) {
      int status = c->error ? c->error : lab_http_parser_status(c, end);
      LAB_ASSERT(status >= 400 && status < 600);
      lab_buf_puts(story, "!"); /* of two faults one may be seen first */
      return false;
    }
    at = llhttp_get_error_pos(&c->parser);
    LAB_ASSERT(at <= end && c->req);
    llhttp_resume(&c->parser);
    tell_request(c->req, story);
    end_request(c);
  }
  return true;
}

static void parse_all(const char *bytes, size_t size, size_t step,
                      lab_buf *story) {
  lab_http_conn c;
  memset(&c, 0, sizeof c);
  c.server = server;
  lab_http_parser_init(&c);
  bool more = true;
  while (size > 0 && more) {
    size_t piece = size < step ? size : step;
    char *copy = malloc(piece); /* pieces don't lie together */
    memcpy(copy, bytes, piece);
    more = parse_piece(&c, copy, piece, story);
    free(copy);
    bytes += piece;
    size -= piece;
  }
  if (c.req)
    end_request(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  lab_buf whole = LAB_BUF_INIT, pieces = LAB_BUF_INIT;
  if (size < 2)
    return 0;
  size_t step = data[0] % 16 + 1;
  const char *bytes = (const char *)data + 1;
  parse_all(bytes, size - 1, size, &whole);
  parse_all(bytes, size - 1, step, &pieces);
  LAB_ASSERT(
      whole.len == pieces.len &&
      (whole.len == 0 || memcmp(whole.data, pieces.data, whole.len) == 0));
  lab_buf_free(&whole);
  lab_buf_free(&pieces);
  return 0;
}
