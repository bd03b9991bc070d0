/* SPDX-License-Identifier: MIT
 * From bytes to a request: the callbacks of llhttp.
 *
 * All connections share one read buffer, and a request may come in any number
 * of pieces. So each piece of its head is copied once, to the end of req->text.
 * Spans hold offsets into that text and not pointers, since the text moves as
 * it grows.
 *
 * A callback that finds a fault sets c->error to the status and stops llhttp;
 * conn.c answers. At the end of a request llhttp is paused, so that the handler
 * is called outside of llhttp. */
#include "http/parse.h"

#include <string.h>
#include <strings.h>

#include "http/request_internal.h"
#include "http/room.h"
#include "http/server_internal.h"

enum {
  LINE_MARKS = 4, /* a header's ": " and end of line */
  CHUNK_HEAD = 16 /* a chunk's size and its ends of lines */
};

static int refuse_request(lab_http_conn *c, int status, const char *reason) {
  c->error = (uint16_t)status;
  c->fault = reason;
  return HPE_USER;
}

static int refuse_head(lab_http_conn *c) {
  return refuse_request(c, 503, "not enough memory for the request");
}

static int on_request_begin(llhttp_t *parser) {
  lab_http_conn *c = parser->data;
  c->extras = c->chunks = 0;
  c->req = lab_http_request_new(c->server);
  if (!c->req)
    return refuse_head(c);
  c->req->conn = c;
  c->req->loopback = c->loopback;
  c->state = LAB_HTTP_HEAD;
  c->deadline = uv_now(c->server->loop) + c->server->config.header_timeout_ms;
  return 0;
}

/* Room for N bytes, and the zeros after a name and a value. */
static bool reserve_text(lab_http_conn *c, size_t n) {
  return lab_http_request_reserve_text(c->req, n + 2,
                                       c->server->config.counts_all);
}

/* There must be room. */
static void append_to_span(lab_http_request *req, lab_http_span *span,
                           const char *at, size_t len) {
  lab_buf_append(&req->text, at, len);
  span->len += (uint32_t)len;
}

static lab_http_span begin_span(const lab_http_request *req) {
  return (lab_http_span){(uint32_t)req->text.len, 0};
}

/* The method is known by now, and what is refused from here on is answered
 * according to it. */
static int on_request_target(llhttp_t *parser, const char *at, size_t len) {
  lab_http_conn *c = parser->data;
  c->req->method = parser->method;
  if (c->req->target.len + len > c->server->config.max_uri_bytes)
    return refuse_request(c, 414, NULL);
  if (!reserve_text(c, len))
    return refuse_head(c);
  append_to_span(c->req, &c->req->target, at, len);
  return 0;
}

static int on_request_target_end(llhttp_t *parser) {
  lab_http_conn *c = parser->data;
  lab_buf_putc(&c->req->text, '\0');
  return 0;
}

static bool is_head_too_big(const lab_http_conn *c, size_t more) {
  size_t head = c->req->text.len - c->req->target.len + more;
  return head > c->server->config.max_header_bytes;
}

/* False without memory for it. */
static bool add_header_field(lab_http_conn *c) {
  lab_http_request *req = c->req;
  if (!lab_http_request_reserve_field(req, c->server->config.counts_all))
    return false;
  lab_http_field *field = &req->fields[req->field_count++];
  field->name = begin_span(req);
  field->value = (lab_http_span){0, 0};
  req->in_header = true;
  return true;
}

/* Chunk extensions and trailers are skipped, but not without an end. */
static bool is_extra_too_big(lab_http_conn *c, size_t more) {
  c->extras += more;
  return c->extras > c->server->config.max_header_bytes;
}

static int on_request_field(llhttp_t *parser, const char *at, size_t len) {
  lab_http_conn *c = parser->data;
  lab_http_request *req = c->req;
  /* Older releases of llhttp accept them. */
  if (memchr(at, ' ', len) || memchr(at, '\t', len))
    return refuse_request(c, 400, "invalid header name");
  if (c->state == LAB_HTTP_BODY) /* a trailer */
    return is_extra_too_big(c, len) ? refuse_request(c, 431, NULL) : 0;
  if (is_head_too_big(c, len))
    return refuse_request(c, 431, NULL);
  if ((!req->in_header && !add_header_field(c)) || !reserve_text(c, len))
    return refuse_head(c);
  append_to_span(req, &req->fields[req->field_count - 1].name, at, len);
  return 0;
}

/* Whether the piece of a value at AT begins a line. Such lines once continued
 * the value of the line before. Others read them in other ways, so they can
 * smuggle a header past a proxy. */
static bool is_folded(const lab_http_conn *c, const char *at) {
  while (at > c->input && lab_http_is_blank(at[-1]))
    at--;
  return (at > c->input ? at[-1] : c->last_solid) == '\n';
}

static bool has_field_name(const lab_http_request *req) {
  return req->in_header && req->fields[req->field_count - 1].name.len > 0;
}

static void begin_header_value(lab_http_request *req) {
  if (req->in_value)
    return;
  lab_buf_putc(&req->text, '\0'); /* ends the name */
  req->fields[req->field_count - 1].value = begin_span(req);
  req->in_value = true;
}

static int on_request_value(llhttp_t *parser, const char *at, size_t len) {
  lab_http_conn *c = parser->data;
  if (len > 0 && is_folded(c, at))
    return refuse_request(c, 400, "folded header");
  if (c->state == LAB_HTTP_BODY)
    return is_extra_too_big(c, len) ? refuse_request(c, 431, NULL) : 0;
  if (is_head_too_big(c, len))
    return refuse_request(c, 431, NULL);
  if (!has_field_name(c->req))
    return refuse_request(c, 400, "invalid header name");
  if (!reserve_text(c, len))
    return refuse_head(c);
  begin_header_value(c->req);
  append_to_span(c->req, &c->req->fields[c->req->field_count - 1].value, at,
                 len);
  return 0;
}

static int on_request_value_end(llhttp_t *parser) {
  lab_http_conn *c = parser->data;
  lab_http_request *req = c->req;
  if (c->state == LAB_HTTP_BODY)
    return is_extra_too_big(c, LINE_MARKS) ? refuse_request(c, 431, NULL) : 0;
  if (!has_field_name(req)) /* llhttp accepts an empty name */
    return refuse_request(c, 400, "invalid header name");
  begin_header_value(req); /* an empty value comes without any piece */
  lab_http_span *value = &req->fields[req->field_count - 1].value;
  const char *text = req->text.data + value->at;
  while (value->len > 0 && lab_http_is_blank(text[value->len - 1]))
    value->len--;
  req->text.len = value->at + value->len;
  lab_buf_putc(&req->text, '\0');
  req->in_header = req->in_value = false;
  return 0;
}

/* Appends a copy of LEN bytes of the text at AT, and a 0. There must be room,
 * so the source doesn't move. */
static lab_http_span copy_text(lab_http_request *req, size_t at, size_t len) {
  lab_http_span copy = begin_span(req);
  append_to_span(req, &copy, req->text.data + at, len);
  lab_buf_putc(&req->text, '\0');
  return copy;
}

/* A target is a path with a query, or a whole URL (clients send it to proxies,
 * but every server must accept it), or "*". There must be room for as much
 * again. */
static void split_target(lab_http_request *req) {
  size_t at = req->target.at, end = at + req->target.len;
  if (strncasecmp(req->text.data + at, "http://", 7) == 0) {
    at += 7;
    size_t len = strcspn(req->text.data + at, "/?");
    req->authority = copy_text(req, at, len);
    at += len;
  }
  char *text = req->text.data;
  char *mark = memchr(text + at, '?', end - at);
  size_t path_end = mark ? (size_t)(mark - text) : end;
  size_t query = mark ? path_end + 1 : end;
  text[path_end] = '\0';
  req->path = (lab_http_span){(uint32_t)at, (uint32_t)(path_end - at)};
  req->query = (lab_http_span){(uint32_t)query, (uint32_t)(end - query)};
  if (req->path.len > 0)
    return;
  req->path = (lab_http_span){(uint32_t)req->text.len, 1};
  lab_buf_append(&req->text, "/", sizeof "/");
}

/* How many headers are called NAME; *LAST is the last one's value. */
static size_t count_headers(const lab_http_request *req, const char *name,
                            lab_http_span *last) {
  size_t count = 0, len = strlen(name);
  for (size_t i = 0; i < req->field_count; i++) {
    lab_http_span field = req->fields[i].name;
    if (field.len != len ||
        strncasecmp(req->text.data + field.at, name, len) != 0)
      continue;
    *last = req->fields[i].value;
    count++;
  }
  return count;
}

/* The header Host must be there once; in HTTP/1.0 it may be missing. Returns
 * NULL or the fault. */
static const char *check_host_headers(lab_http_request *req) {
  size_t count = count_headers(req, "Host", &req->host);
  if (count > 1)
    return "too many Host headers";
  return count == 0 && req->minor > 0 ? "missing required Host header" : NULL;
}

/* The only coding is "chunked", once, in HTTP/1.1. llhttp also accepts lists
 * that end with it, and would leave the body coded. *CODED: whether there is
 * one. */
static int check_transfer_encoding(lab_http_conn *c, bool *coded) {
  lab_http_span value = {0, 0};
  size_t count = count_headers(c->req, "Transfer-Encoding", &value);
  const char *text = c->req->text.data + value.at;
  *coded = count > 0;
  if (count > 0 && c->req->minor == 0)
    return refuse_request(c, 400, "transfer encoding in HTTP/1.0");
  if (count > 1 || (count == 1 && strcasecmp(text, "chunked") != 0) ||
      (count == 1 && !(c->parser.flags & F_CHUNKED)))
    return refuse_request(c, 501, "unsupported transfer encoding");
  return 0;
}

static int check_expect_header(lab_http_conn *c) {
  lab_http_str expect;
  if (!lab_http_header(c->req, "Expect", &expect))
    return 0;
  if (strcasecmp(expect.data, "100-continue") != 0 ||
      lab_http_header_count(c->req, "Expect") > 1)
    return refuse_request(c, 417, NULL);
  c->want_continue = c->req->minor > 0;
  return 0;
}

static size_t find_body_limit(lab_http_conn *c) {
  const lab_http_config *config = &c->server->config;
  size_t own = config->body_limit ? config->body_limit(c->req, config->arg) : 0;
  return own ? own : config->max_body_bytes;
}

static bool is_request_counted(lab_http_conn *c) {
  const lab_http_config *config = &c->server->config;
  return config->counts_all ||
         (config->is_counted && config->is_counted(c->req, config->arg));
}

/* The head is complete: whether there is memory for it while the request is in
 * work. A usual one needs no more than each request has. */
static bool may_keep_head(lab_http_conn *c) {
  if (c->req->counted)
    return lab_http_request_count_head(c->req);
  return lab_http_request_is_usual(c->req) ||
         lab_http_may_hold(c->server, lab_http_request_own_bytes(c->req));
}

static int on_request_head_end(llhttp_t *parser) {
  lab_http_conn *c = parser->data;
  lab_http_request *req = c->req;
  req->minor = parser->http_minor > 0;
  if (parser->method > HTTP_SOURCE || parser->method == HTTP_CONNECT)
    return refuse_request(c, 501, "unsupported method");
  if (parser->http_major != 1)
    return refuse_request(c, 505, "unsupported protocol version");
  /* The server knows no other protocol, so it answers as if the client had not
   * asked for one. */
  parser->upgrade = 0;
  const char *fault = check_host_headers(req);
  if (fault)
    return refuse_request(c, 400, fault);
  bool coded;
  int refused = check_transfer_encoding(c, &coded);
  if (refused)
    return refused;
  if (!reserve_text(c, req->target.len + 2)) /* its parts may be copied */
    return refuse_head(c);
  split_target(req);
  req->max_body = find_body_limit(c);
  req->counted = is_request_counted(c);
  if (!may_keep_head(c))
    return refuse_head(c);
  if (parser->content_length > req->max_body)
    return refuse_request(c, 413, NULL);
  req->keep_alive = llhttp_should_keep_alive(parser);
  bool has_body = coded || parser->content_length > 0;
  c->state = LAB_HTTP_BODY;
  c->deadline = uv_now(c->server->loop) + c->server->config.body_timeout_ms;
  return has_body ? check_expect_header(c) : 0;
}

static int on_request_body(llhttp_t *parser, const char *at, size_t len) {
  lab_http_conn *c = parser->data;
  c->want_continue = false;
  if (c->req->body.len + len > c->req->max_body)
    return refuse_request(c, 413, NULL);
  /* With room for the zero after the last byte. */
  if (!lab_buf_try_reserve(&c->req->body, len + 1, c->req->counted))
    return refuse_request(c, 503, "not enough memory for the body");
  lab_buf_append(&c->req->body, at, len);
  return 0;
}

static int refuse_chunk(lab_http_conn *c) {
  return refuse_request(c, 400, "too much beside the body's chunks");
}

static int on_chunk_head(llhttp_t *parser) {
  lab_http_conn *c = parser->data;
  c->chunks++;
  return 0;
}

static int on_chunk_extension(llhttp_t *parser, const char *at, size_t len) {
  lab_http_conn *c = parser->data;
  (void)at;
  return is_extra_too_big(c, len) ? refuse_chunk(c) : 0;
}

static int on_chunk_extension_end(llhttp_t *parser) {
  lab_http_conn *c = parser->data;
  return is_extra_too_big(c, 1) ? refuse_chunk(c) : 0;
}

static int on_request_end(llhttp_t *parser) {
  lab_http_conn *c = parser->data;
  c->want_continue = false;
  if (c->req->body.len > 0)
    lab_buf_putc(&c->req->body, '\0');
  return HPE_PAUSED;
}

static const llhttp_settings_t request_callbacks = {
    .on_message_begin = on_request_begin,
    .on_url = on_request_target,
    .on_url_complete = on_request_target_end,
    .on_header_field = on_request_field,
    .on_header_value = on_request_value,
    .on_header_value_complete = on_request_value_end,
    .on_headers_complete = on_request_head_end,
    .on_chunk_header = on_chunk_head,
    .on_chunk_extension_name = on_chunk_extension,
    .on_chunk_extension_value = on_chunk_extension,
    .on_chunk_extension_name_complete = on_chunk_extension_end,
    .on_body = on_request_body,
    .on_message_complete = on_request_end,
};

void lab_http_parser_init(lab_http_conn *c) {
  llhttp_init(&c->parser, HTTP_REQUEST, &request_callbacks);
  c->parser.data = c;
}

/* How many bytes a request may have by now, generously. The limits above hold
 * for what the callbacks get. There are bytes for which llhttp has none: empty
 * lines, blanks before a value, zeros before a chunk's size. */
static size_t count_allowed_bytes(const lab_http_conn *c) {
  const lab_http_config *config = &c->server->config;
  size_t head = config->max_uri_bytes + LINE_MARKS * config->max_header_bytes;
  return head + (c->req ? c->req->body.len : 0) + CHUNK_HEAD * c->chunks;
}

/* The request is not complete yet. All LEN bytes of the piece belong to it. */
static llhttp_errno_t count_request_bytes(lab_http_conn *c, size_t len) {
  c->fed += len;
  if (c->fed <= count_allowed_bytes(c))
    return HPE_OK;
  return c->state == LAB_HTTP_BODY ? refuse_chunk(c)
                                   : refuse_request(c, 431, NULL);
}

llhttp_errno_t lab_http_parse(lab_http_conn *c, const char *data, size_t len) {
  c->input = data;
  llhttp_errno_t error = llhttp_execute(&c->parser, data, len);
  if (error == HPE_OK)
    error = count_request_bytes(c, len);
  else
    c->fed = 0;
  while (len > 0 && lab_http_is_blank(data[len - 1]))
    len--;
  if (len > 0)
    c->last_solid = data[len - 1];
  return error;
}

/* llhttp stops inside a method it doesn't know. Capital letters and then a
 * space are a method that this server doesn't have; anything else is not
 * HTTP. */
static int find_method_status(const char *at, const char *end) {
  while (at < end && ((*at >= 'A' && *at <= 'Z') || *at == '-'))
    at++;
  return at == end || *at == ' ' ? 501 : 400;
}

/* llhttp has one error for all that is wrong in a header, but says of which
 * part. Newer releases refuse folded lines by themselves. */
static const char *find_header_fault(const llhttp_t *parser) {
  static const struct {
    const char *reason, *fault;
  } faults[] = {
      {"Invalid header token", "invalid header name"},
      {"Invalid header field char", "invalid header name"},
      {"Unexpected whitespace after header value", "folded header"},
  };
  const char *reason = llhttp_get_error_reason(parser);
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
    if (strcmp(reason, faults[i].reason) == 0)
      return faults[i].fault;
  return NULL;
}

int lab_http_parser_status(lab_http_conn *c, const char *end) {
  switch (llhttp_get_errno(&c->parser)) {
  case HPE_INVALID_HEADER_TOKEN:
    c->fault = find_header_fault(&c->parser);
    return 400;
  case HPE_INVALID_METHOD:
    return find_method_status(llhttp_get_error_pos(&c->parser), end);
  case HPE_INVALID_VERSION:
    return 505;
  default:
    return 400;
  }
}
