/* SPDX-License-Identifier: MIT
 * Whole answers.
 *
 * A body up to SMALL_BODY is copied behind its head into the connection's
 * output, so that the answers to a batch of pipelined requests leave in one
 * write. The kernel takes a larger body from the memory where it already is. */
#include "http/response.h"

#include <string.h>

#include "base/err.h"
#include "base/utf8.h"
#include "http/conn.h"
#include "http/head.h"
#include "http/request_internal.h"
#include "http/write.h"

#define SMALL_BODY 8192

static const char no_body[] = "";

/* The body is BYTES, which is copied; or, if OWNED is not NULL and the body is
 * large, OWNED, whose memory is taken. */
static void send_answer(lab_http_request *req, int status, const char *type,
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
  lab_http_conn_answered(c); /* if the connection is lost now, nobody has to
                                be told */
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
    send_answer(req, status, content_type, extra_headers, body, len, NULL);
    return;
  }
  lab_buf copy = LAB_BUF_INIT;
  lab_buf_append(&copy, body, len);
  lab_http_respond_buf(req, status, content_type, extra_headers, &copy);
}

void lab_http_respond_buf(lab_http_request *req, int status,
                          const char *content_type, const char *extra_headers,
                          lab_buf *body) {
  send_answer(req, status, content_type, extra_headers,
              body->data ? body->data : no_body, body->len, body);
  lab_buf_free(body);
}

void lab_http_error(lab_http_request *req, int status, const char *text) {
  lab_buf body = LAB_BUF_INIT;
  lab_utf8_append(&body, text, strlen(text)); /* it may quote the request */
  lab_buf_putc(&body, '\n');
  lab_http_respond_buf(req, status, "text/plain; charset=utf-8",
                       "X-Content-Type-Options: nosniff\r\n", &body);
}
