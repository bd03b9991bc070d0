/* SPDX-License-Identifier: MIT
 * Whole answers.
 *
 * A head is put together by plain copying into the connection's output; bodies
 * up to SMALL_BODY follow it there, so that the answers to a batch of pipelined
 * requests leave in one write. Larger bodies are handed to the kernel from
 * where they are. */
#include "http/response.h"

#include <string.h>

#include "base/err.h"
#include "http/conn.h"

#define SMALL_BODY 8192

static const char no_body[] = "";

/* P: room for at least the longest piece; returns where the next one goes. */
static char *put(char *p, const char *text, size_t len) {
  memcpy(p, text, len);
  return p + len;
}

#define PUT(p, literal) put(p, literal, sizeof(literal) - 1)

static char *put_number(char *p, size_t n) {
  char digits[20];
  size_t len = 0;
  do
    digits[sizeof digits - ++len] = (char)('0' + n % 10);
  while (n /= 10);
  return put(p, digits + sizeof digits - len, len);
}

static char *put_status_line(char *p, const lab_http_request *req, int status) {
  const char *text = lab_http_status_text(status);
  p = req->minor ? PUT(p, "HTTP/1.1 ") : PUT(p, "HTTP/1.0 ");
  p = put_number(p, (size_t)status);
  *p++ = ' ';
  p = put(p, text, strlen(text));
  return PUT(p, "\r\n");
}

/* HTTP/1.1 keeps the connection unless told otherwise, HTTP/1.0 the reverse. */
static char *put_connection(char *p, const lab_http_request *req) {
  bool keep = req->conn->keep_alive;
  if (req->minor && !keep)
    return PUT(p, "Connection: close\r\n");
  if (!req->minor && keep)
    return PUT(p, "Connection: keep-alive\r\n");
  return p;
}

static char *put_length(char *p, const lab_http_request *req, size_t length) {
  if (length != LAB_HTTP_NO_LENGTH && !req->bodiless) {
    p = PUT(p, "Content-Length: ");
    p = put_number(p, length);
    return PUT(p, "\r\n");
  }
  return req->chunked ? PUT(p, "Transfer-Encoding: chunked\r\n") : p;
}

bool lab_http_has_body(int status) {
  return status != 204 && status != 304;
}

void lab_http_write_head(lab_http_request *req, int status,
                         const char *content_type, const char *extra_headers,
                         size_t length) {
  lab_http_conn *c = req->conn;
  size_t type_len = content_type ? strlen(content_type) : 0;
  size_t extra_len = extra_headers ? strlen(extra_headers) : 0;
  LAB_ASSERT(status >= 200 && status <= 999);
  if (c->server->closing)
    c->keep_alive = false;
  req->bodiless = !lab_http_has_body(status);
  char *start = lab_buf_reserve(&c->out, type_len + extra_len + 256);
  char *p = put_status_line(start, req, status);
  if (extra_len > 0)
    p = put(p, extra_headers, extra_len);
  if (type_len > 0) {
    p = PUT(p, "Content-Type: ");
    p = put(p, content_type, type_len);
    p = PUT(p, "\r\n");
  }
  p = put(p, lab_http_date(c->server), LAB_HTTP_DATE_LEN);
  p = put_length(p, req, length);
  p = put_connection(p, req);
  p = PUT(p, "\r\n");
  c->out.len += (size_t)(p - start);
}

/* Both kinds of body end here: BYTES is copied, OWNED is taken. */
static void answer(lab_http_request *req, int status, const char *type,
                   const char *extra, const void *bytes, size_t len,
                   lab_buf *owned) {
  lab_http_conn *c = req->conn;
  if (!c) {
    lab_http_request_end(req);
    return;
  }
  LAB_ASSERT(c->state == LAB_HTTP_HANDLER);
  lab_http_cork(c);
  lab_http_write_head(req, status, type, extra, len);
  lab_http_conn_answered(c); /* from here on, losing it concerns nobody */
  bool body = !req->bodiless && !lab_http_is_head(req);
  if (body && owned && len > SMALL_BODY)
    lab_http_flush(c, owned);
  else if (body)
    lab_buf_append(&c->out, bytes, len);
  lab_http_request_end(req);
  lab_http_uncork(c);
}

void lab_http_respond(lab_http_request *req, int status,
                      const char *content_type, const char *extra_headers,
                      const void *body, size_t len) {
  if (len <= SMALL_BODY) {
    answer(req, status, content_type, extra_headers, body, len, NULL);
    return;
  }
  lab_buf copy = LAB_BUF_INIT;
  lab_buf_append(&copy, body, len);
  lab_http_respond_buf(req, status, content_type, extra_headers, &copy);
}

void lab_http_respond_buf(lab_http_request *req, int status,
                          const char *content_type, const char *extra_headers,
                          lab_buf *body) {
  answer(req, status, content_type, extra_headers,
         body->data ? body->data : no_body, body->len, body);
  lab_buf_free(body);
}

void lab_http_error(lab_http_request *req, int status, const char *text) {
  lab_buf body = LAB_BUF_INIT;
  lab_buf_puts(&body, text);
  lab_buf_putc(&body, '\n');
  lab_http_respond_buf(req, status, "text/plain; charset=utf-8",
                       "X-Content-Type-Options: nosniff\r\n", &body);
}
