/* SPDX-License-Identifier: MIT
 * Whole answers.
 *
 * A body up to SMALL_BODY is copied behind its head into the connection's
 * output, so that the answers to a batch of pipelined requests leave in one
 * write. The kernel takes a larger body from the memory where it already is. */
#include "http/response.h"

#include <string.h>

#include "base/err.h"
#include "base/plain.h"
#include "http/conn.h"
#include "http/head.h"
#include "http/request_internal.h"
#include "http/write.h"

#define SMALL_BODY 8192

static const char no_body[] = "";

/* A body as the functions below get it: LEN bytes at DATA, which are
 * copied if they are few. Many are OWNED's, whose memory is taken, or
 * SHARED's. */
typedef struct answer_body {
  const void *data;
  size_t len;
  lab_buf *owned;
  lab_blob *shared;
} answer_body;

static void write_body(lab_http_conn *c, const answer_body *body) {
  if (body->len > SMALL_BODY && body->owned)
    lab_http_flush(c, body->owned);
  else if (body->len > SMALL_BODY && body->shared)
    lab_http_flush_blob(c, body->shared);
  else
    lab_buf_append(&c->out, body->data, body->len);
}

static void send_answer(lab_http_request *req, int status, const char *type,
                        const char *extra, const answer_body *body) {
  lab_http_conn *c = req->conn;
  if (!c) {
    lab_http_request_end(req);
    return;
  }
  LAB_ASSERT(c->state == LAB_HTTP_HANDLER);
  lab_http_cork(c);
  lab_http_write_head(req, status, type, extra, body->len);
  lab_http_conn_answered(c); /* if the connection is lost now, nobody has to
                                be told */
  if (!req->bodiless && !lab_http_is_head(req))
    write_body(c, body);
  lab_http_request_end(req);
  lab_http_uncork(c);
}

void lab_http_respond(lab_http_request *req, int status,
                      const char *content_type, const char *extra_headers,
                      const void *body, size_t len) {
  if (len <= SMALL_BODY) {
    send_answer(req, status, content_type, extra_headers,
                &(answer_body){.data = body, .len = len});
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
              &(answer_body){.data = body->data ? body->data : no_body,
                             .len = body->len,
                             .owned = body});
  lab_buf_free(body);
}

void lab_http_respond_blob(lab_http_request *req, int status,
                           const char *content_type, const char *extra_headers,
                           lab_blob *body) {
  send_answer(req, status, content_type, extra_headers,
              &(answer_body){.data = lab_blob_data(body),
                             .len = lab_blob_len(body),
                             .shared = body});
}

void lab_http_always_send(lab_http_request *req, const char *headers) {
  req->always = headers;
}

void lab_http_error(lab_http_request *req, int status, const char *text) {
  lab_buf body = LAB_BUF_INIT;
  lab_plain_append(&body, text, strlen(text), false); /* it may quote the
                                                         request, or a script */
  lab_buf_putc(&body, '\n');
  lab_http_respond_buf(req, status, "text/plain; charset=utf-8",
                       "X-Content-Type-Options: nosniff\r\n", &body);
}
