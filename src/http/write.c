/* SPDX-License-Identifier: MIT
 * Output of a connection.
 *
 * While a connection is corked its output is collected in a buffer borrowed
 * from the server; what has come together is offered to the kernel in one
 * uv_try_write at the end. Nearly always the kernel takes all of it and nothing
 * is allocated. What it doesn't take moves, with its memory, into a pending
 * write; until that is done the connection is blocked and reads no further
 * request, so that a client that doesn't read can't fill our memory. */
#include "base/alloc.h"
#include "http/conn.h"

typedef struct pending_write {
  uv_write_t req;
  lab_http_conn *conn;
  lab_buf bufs[2];
} pending_write;

static void pending_free(pending_write *w) {
  lab_buf_free(&w->bufs[0]);
  lab_buf_free(&w->bufs[1]);
  lab_xfree(w);
}

static void drained(lab_http_conn *c) {
  lab_http_request *req = c->req;
  if (c->state == LAB_HTTP_STREAM && req->drain) {
    lab_http_cork(c);
    req->drain(req, req->drain_arg);
    lab_http_uncork(c);
  } else {
    lab_http_conn_advance(c);
  }
}

static void written(uv_write_t *req, int status) {
  pending_write *w = LAB_CONTAINER(req, pending_write, req);
  lab_http_conn *c = w->conn;
  pending_free(w);
  if (c->state == LAB_HTTP_CLOSED)
    return;
  if (status < 0)
    lab_http_conn_lost(c);
  else if (!lab_http_blocked(c))
    drained(c);
}

/* Queues what is left of the two buffers after the first DONE bytes. */
static void write_later(lab_http_conn *c, lab_buf bufs[2], size_t done) {
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
  if (uv_write(&w->req, (uv_stream_t *)&c->tcp, rest, count, written) < 0) {
    pending_free(w);
    c->broken = true;
  }
}

/* Bytes the kernel took at once; negative: the connection is broken. */
static ssize_t try_write(lab_http_conn *c, const lab_buf bufs[2]) {
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
    n = try_write(c, bufs);
  if (n < 0)
    c->broken = true;
  if (!usable || n < 0 || (size_t)n == total) {
    lab_buf_clear(&c->out);
    lab_buf_free(&bufs[1]);
    return;
  }
  c->out = (lab_buf)LAB_BUF_INIT;
  write_later(c, bufs, (size_t)n);
}

void lab_http_cork(lab_http_conn *c) {
  if (c->corks++ > 0)
    return;
  c->out = c->server->spare;
  c->server->spare = (lab_buf)LAB_BUF_INIT;
}

/* Gives the borrowed buffer back, unless it has grown beyond what a batch
 * needs or another one took its place. */
static void give_back(lab_http_conn *c) {
  lab_buf *spare = &c->server->spare;
  if (spare->cap == 0 && c->out.cap <= 4 * LAB_HTTP_BATCH_MAX) {
    *spare = c->out;
    c->out = (lab_buf)LAB_BUF_INIT;
  }
  lab_buf_free(&c->out);
}

void lab_http_uncork(lab_http_conn *c) {
  if (c->corks == 1)
    lab_http_conn_advance(c); /* may collect more output */
  if (--c->corks == 0)
    give_back(c);
}
