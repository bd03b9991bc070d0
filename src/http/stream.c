/* SPDX-License-Identifier: MIT
 * See stream.h. The length of a chunk is put into the collected output; the
 * chunk's end mark is appended to the chunk itself, since its memory belongs to
 * the server by then. */
#include "http/stream.h"

#include <errno.h>
#include <stdio.h>

#include "base/err.h"
#include "http/conn.h"
#include "http/head.h"
#include "http/request_internal.h"
#include "http/write.h"

void lab_http_stream_begin(lab_http_request *req, int status,
                           const char *content_type,
                           const char *extra_headers) {
  lab_http_conn *c = req->conn;
  if (!c)
    return;
  LAB_ASSERT(c->state == LAB_HTTP_HANDLER);
  lab_http_cork(c);
  bool body = lab_http_has_body(status) && !lab_http_is_head(req);
  req->chunked = body && req->minor > 0;
  if (body && !req->chunked)
    c->keep_alive = false; /* closing the connection ends the body */
  lab_http_write_head(req, status, content_type, extra_headers,
                      LAB_HTTP_NO_LENGTH);
  c->state = LAB_HTTP_STREAM;
  lab_http_uncork(c);
}

static void write_chunk(lab_http_request *req, lab_buf *chunk) {
  lab_http_conn *c = req->conn;
  lab_http_cork(c);
  if (req->chunked) {
    lab_buf_printf(&c->out, "%zx\r\n", chunk->len);
    lab_buf_append(chunk, "\r\n", 2);
  }
  lab_http_flush(c, chunk);
  lab_http_uncork(c);
}

int lab_http_stream_write(lab_http_request *req, lab_buf *chunk) {
  if (req->conn)
    LAB_ASSERT(req->conn->state == LAB_HTTP_STREAM);
  /* An empty chunk would mean the end of the body. */
  bool body = !req->bodiless && !lab_http_is_head(req);
  if (req->conn && chunk->len > 0 && body)
    write_chunk(req, chunk);
  lab_buf_free(chunk);
  return req->conn && !req->conn->broken ? 0 : -ECONNRESET;
}

void lab_http_stream_end(lab_http_request *req) {
  lab_http_conn *c = req->conn;
  if (!c) {
    lab_http_request_end(req);
    return;
  }
  LAB_ASSERT(c->state == LAB_HTTP_STREAM);
  lab_http_cork(c);
  if (req->chunked)
    lab_buf_puts(&c->out, "0\r\n\r\n");
  lab_http_conn_answered(c);
  lab_http_request_end(req);
  lab_http_uncork(c);
}

size_t lab_http_stream_pending(const lab_http_request *req) {
  const lab_http_conn *c = req->conn;
  if (!c)
    return 0;
  return uv_stream_get_write_queue_size((const uv_stream_t *)&c->tcp);
}

void lab_http_stream_on_drain(lab_http_request *req,
                              void (*drain)(lab_http_request *req, void *arg),
                              void *arg) {
  req->drain = drain;
  req->drain_arg = arg;
}
