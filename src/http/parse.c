/* SPDX-License-Identifier: MIT
 * From bytes to a request: the callbacks of llhttp.
 *
 * The read buffer is shared by all connections and a request may come in any
 * number of pieces, so each piece of its head is copied once, to the end of
 * req->text; spans refer to it by offset, since text moves as it grows.
 *
 * A callback that finds fault sets c->error to the status and stops llhttp;
 * conn.c answers. At the end of a request llhttp is paused, so that the layer
 * above is called outside of it. */
#include "http/conn.h"

#include <string.h>
#include <strings.h>

#include "base/alloc.h"

static int refuse(lab_http_conn *c, int status, const char *reason) {
  c->error = (uint16_t)status;
  c->fault = reason;
  return HPE_USER;
}

static int on_begin(llhttp_t *parser) {
  lab_http_conn *c = parser->data;
  c->req = lab_http_request_new(c->server);
  c->req->conn = c;
  c->req->loopback = c->loopback;
  c->state = LAB_HTTP_HEAD;
  lab_http_conn_unpark(c);
  c->deadline = uv_now(c->server->loop) + c->server->config.header_timeout_ms;
  return 0;
}

static void append(lab_http_request *req, lab_http_span *span, const char *at,
                   size_t len) {
  lab_buf_append(&req->text, at, len);
  span->len += (uint32_t)len;
}

static lab_http_span span_begin(const lab_http_request *req) {
  return (lab_http_span){(uint32_t)req->text.len, 0};
}

static int on_url(llhttp_t *parser, const char *at, size_t len) {
  lab_http_conn *c = parser->data;
  if (c->req->target.len + len > c->server->config.max_uri_bytes)
    return refuse(c, 414, NULL);
  append(c->req, &c->req->target, at, len);
  return 0;
}

static int on_url_complete(llhttp_t *parser) {
  lab_http_conn *c = parser->data;
  lab_buf_putc(&c->req->text, '\0');
  return 0;
}

static bool headers_too_big(const lab_http_conn *c, size_t more) {
  size_t head = c->req->text.len - c->req->target.len + more;
  return head > c->server->config.max_header_bytes;
}

static lab_http_field *add_field(lab_http_request *req) {
  if (req->field_count == req->field_cap) {
    req->field_cap = req->field_cap ? req->field_cap * 2 : 16;
    req->fields =
        lab_xrealloc(req->fields, req->field_cap * sizeof *req->fields);
  }
  lab_http_field *field = &req->fields[req->field_count++];
  field->name = span_begin(req);
  field->value = (lab_http_span){0, 0};
  return field;
}

static int on_field(llhttp_t *parser, const char *at, size_t len) {
  lab_http_conn *c = parser->data;
  lab_http_request *req = c->req;
  if (c->state == LAB_HTTP_BODY)
    return 0; /* a trailer: nobody wants it */
  if (headers_too_big(c, len))
    return refuse(c, 431, NULL);
  if (memchr(at, ' ', len)) /* older releases of llhttp let it pass */
    return refuse(c, 400, "invalid header name");
  if (!req->in_header)
    add_field(req);
  req->in_header = true;
  append(req, &req->fields[req->field_count - 1].name, at, len);
  return 0;
}

static void begin_value(lab_http_request *req) {
  if (req->in_value)
    return;
  lab_buf_putc(&req->text, '\0'); /* ends the name */
  req->fields[req->field_count - 1].value = span_begin(req);
  req->in_value = true;
}

static int on_value(llhttp_t *parser, const char *at, size_t len) {
  lab_http_conn *c = parser->data;
  if (c->state == LAB_HTTP_BODY)
    return 0;
  if (headers_too_big(c, len))
    return refuse(c, 431, NULL);
  begin_value(c->req);
  append(c->req, &c->req->fields[c->req->field_count - 1].value, at, len);
  return 0;
}

static int on_value_complete(llhttp_t *parser) {
  lab_http_conn *c = parser->data;
  lab_http_request *req = c->req;
  if (c->state == LAB_HTTP_BODY)
    return 0;
  begin_value(req); /* an empty value comes without any piece */
  lab_http_span *value = &req->fields[req->field_count - 1].value;
  const char *text = req->text.data + value->at;
  while (value->len > 0 && strchr(" \t", text[value->len - 1]))
    value->len--;
  req->text.len = value->at + value->len;
  lab_buf_putc(&req->text, '\0');
  req->in_header = req->in_value = false;
  return 0;
}

/* A copy of LEN bytes of the text at AT, followed by a 0. */
static lab_http_span copy_text(lab_http_request *req, size_t at, size_t len) {
  lab_http_span copy = span_begin(req);
  lab_buf_reserve(&req->text, len + 1); /* so that the source stays put */
  append(req, &copy, req->text.data + at, len);
  lab_buf_putc(&req->text, '\0');
  return copy;
}

/* A target is a path with a query, or a whole URL (as sent to proxies, but
 * every server must take it), or "*". */
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

/* Host must be there once; HTTP/1.0 may go without. */
static const char *check_host(const lab_http_request *req) {
  size_t count = 0;
  for (size_t i = 0; i < req->field_count; i++) {
    lab_http_span name = req->fields[i].name;
    if (name.len == 4 && strncasecmp(req->text.data + name.at, "host", 4) == 0)
      count++;
  }
  if (count > 1)
    return "too many Host headers";
  return count == 0 && req->minor > 0 ? "missing required Host header" : NULL;
}

static int check_expect(lab_http_conn *c) {
  lab_http_str expect;
  if (!lab_http_header(c->req, "Expect", &expect))
    return 0;
  if (strcasecmp(expect.data, "100-continue") != 0)
    return refuse(c, 417, NULL);
  c->want_continue = c->req->minor > 0;
  return 0;
}

static int on_headers_complete(llhttp_t *parser) {
  lab_http_conn *c = parser->data;
  lab_http_request *req = c->req;
  req->method = parser->method;
  req->minor = parser->http_minor > 0;
  if (parser->method > HTTP_SOURCE || parser->method == HTTP_CONNECT)
    return refuse(c, 501, "unsupported method");
  if (parser->http_major != 1)
    return refuse(c, 505, "unsupported protocol version");
  /* We speak no other protocol, so the client gets a plain answer. */
  parser->upgrade = 0;
  const char *fault = check_host(req);
  if (fault)
    return refuse(c, 400, fault);
  bool coded = parser->flags & F_TRANSFER_ENCODING;
  if (coded && !(parser->flags & F_CHUNKED))
    return refuse(c, 501, "unsupported transfer encoding");
  if (parser->content_length > c->server->config.max_body_bytes)
    return refuse(c, 413, NULL);
  req->keep_alive = llhttp_should_keep_alive(parser);
  split_target(req);
  bool has_body = coded || parser->content_length > 0;
  c->state = LAB_HTTP_BODY;
  c->deadline = uv_now(c->server->loop) + c->server->config.body_timeout_ms;
  return has_body ? check_expect(c) : 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t len) {
  lab_http_conn *c = parser->data;
  c->want_continue = false;
  if (c->req->body.len + len > c->server->config.max_body_bytes)
    return refuse(c, 413, NULL);
  lab_buf_append(&c->req->body, at, len);
  return 0;
}

static int on_complete(llhttp_t *parser) {
  lab_http_conn *c = parser->data;
  c->want_continue = false;
  if (c->req->body.len > 0)
    lab_buf_putc(&c->req->body, '\0');
  return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_message_begin = on_begin,
    .on_url = on_url,
    .on_url_complete = on_url_complete,
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_header_value_complete = on_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

void lab_http_parser_init(lab_http_conn *c) {
  llhttp_init(&c->parser, HTTP_REQUEST, &settings);
  c->parser.data = c;
}

/* llhttp stops inside a method it doesn't know. If that looks like a word with
 * a blank after it, it is a method of someone else's; otherwise not HTTP. */
static int method_status(const char *at, const char *end) {
  while (at < end && ((*at >= 'A' && *at <= 'Z') || *at == '-'))
    at++;
  return at == end || *at == ' ' ? 501 : 400;
}

int lab_http_parser_status(const lab_http_conn *c, const char *end) {
  switch (llhttp_get_errno(&c->parser)) {
  case HPE_INVALID_METHOD:
    return method_status(llhttp_get_error_pos(&c->parser), end);
  case HPE_INVALID_VERSION:
    return 505;
  default:
    return 400;
  }
}
