/* SPDX-License-Identifier: MIT
 * See write.h.
 *
 * While a connection is corked its output is collected in a buffer borrowed
 * from the server. At the end all of it is offered to the kernel in one
 * uv_try_write. Nearly always the kernel takes everything and nothing is
 * allocated. What the kernel doesn't take moves, with its memory, into a
 * pending write. Until that write is done the connection is blocked: it reads
 * no further request, so that a client that doesn't read can't fill the
 * server's memory. */
#include "http/write.h"

#include "base/alloc.h"
#include "http/server_internal.h"

/* A spare buffer that has grown larger than this is freed. */
#define SPARE_MAX (4 * LAB_HTTP_BATCH_MAX)

typedef struct pending_write {
  uv_write_t req;
  lab_http_conn *conn;
  lab_buf bufs[2];
} pending_write;

static void free_pending_write(pending_write *w) {
  lab_buf_free(&w->bufs[0]);
  lab_buf_free(&w->bufs[1]);
  lab_xfree(w);
}

static void on_output_written(uv_write_t *req, int status) {
  pending_write *w = LAB_CONTAINER(req, pending_write, req);
  lab_http_conn *c = w->conn;
  free_pending_write(w);
  lab_http_conn_written(c, status);
}

/* Queues what is left of the two buffers after the first DONE bytes. */
static void queue_output(lab_http_conn *c, lab_buf bufs[2], size_t done) {
  pending_write *w = lab_xmalloc(sizeof *w);
  uv_buf_t rest[2];
  unsigned count = 0;
  w->conn = c;
  for (int i = 0; i < 2; i++) {
    w->bufs[i] = bufs[i];
    size_t skip = done < bufs[i].len ? done : bufs[i].len;
    done -= skip;
    if (skip < bufs[i].len)
      rest[count++] =
          uv_buf_init(bufs[i].data + skip, (unsigned)(bufs[i].len - skip));
  }
  if (uv_write(&w->req, (uv_stream_t *)&c->tcp, rest, count,
               on_output_written) < 0) {
    free_pending_write(w);
    c->broken = true;
  }
}

/* The number of bytes that the kernel took at once; negative if the connection
 * is broken. */
static ssize_t try_write_output(lab_http_conn *c, const lab_buf bufs[2]) {
  uv_buf_t parts[2];
  unsigned count = 0;
  for (int i = 0; i < 2; i++)
    if (bufs[i].len > 0)
      parts[count++] = uv_buf_init(bufs[i].data, (unsigned)bufs[i].len);
  int n = uv_try_write((uv_stream_t *)&c->tcp, parts, count);
  return n == UV_EAGAIN ? 0 : n;
}

void lab_http_flush(lab_http_conn *c, lab_buf *body) {
  lab_buf bufs[2] = {c->out, body ? *body : (lab_buf)LAB_BUF_INIT};
  if (body)
    *body = (lab_buf)LAB_BUF_INIT;
  size_t total = bufs[0].len + bufs[1].len;
  ssize_t n = 0;
  bool usable = c->state != LAB_HTTP_CLOSED && !c->broken;
  if (usable && total > 0)
    n = try_write_output(c, bufs);
  if (n < 0)
    c->broken = true;
  if (!usable || n < 0 || (size_t)n == total) {
    lab_buf_clear(&c->out);
    lab_buf_free(&bufs[1]);
    return;
  }
  c->out = (lab_buf)LAB_BUF_INIT;
  queue_output(c, bufs, (size_t)n);
}

void lab_http_cork(lab_http_conn *c) {
  if (c->corks++ > 0)
    return;
  c->out = c->server->spare;
  c->server->spare = (lab_buf)LAB_BUF_INIT;
}

/* Gives the borrowed buffer back to the server; or frees it, if it has grown
 * too large or another connection has returned one meanwhile. */
static void return_output_buffer(lab_http_conn *c) {
  lab_buf *spare = &c->server->spare;
  if (spare->cap == 0 && c->out.cap <= SPARE_MAX) {
    *spare = c->out;
    c->out = (lab_buf)LAB_BUF_INIT;
  }
  lab_buf_free(&c->out);
}

void lab_http_uncork(lab_http_conn *c) {
  if (c->corks == 1)
    lab_http_conn_advance(c); /* may collect more output */
  if (--c->corks == 0)
    return_output_buffer(c);
}
