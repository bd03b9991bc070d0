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

/* What is sent in one write: the collected output, and a body. The body's bytes
 * are the second buffer's, or belong to a blob. */
typedef struct output {
  lab_buf bufs[2];
  lab_blob *blob; /* or NULL */
} output;

typedef struct pending_write {
  uv_write_t req;
  lab_http_conn *conn;
  output out;
} pending_write;

static void free_body(output *o) {
  if (!o->blob)
    lab_buf_free(&o->bufs[1]);
  lab_blob_unref(o->blob);
  o->blob = NULL;
}

static void free_pending_write(pending_write *w) {
  lab_buf_free(&w->out.bufs[0]);
  free_body(&w->out);
  lab_xfree(w);
}

static void on_output_written(uv_write_t *req, int status) {
  pending_write *w = LAB_CONTAINER(req, pending_write, req);
  lab_http_conn *c = w->conn;
  free_pending_write(w);
  lab_http_conn_written(c, status);
}

/* Queues what is left of O, which is taken, after the first DONE bytes. Without
 * memory the connection is broken. */
static void queue_output(lab_http_conn *c, output *o, size_t done) {
  pending_write *w = lab_try_malloc(sizeof *w);
  const lab_buf *bufs = o->bufs;
  if (!w) {
    lab_buf_free(&o->bufs[0]);
    free_body(o);
    c->broken = true;
    return;
  }
  uv_buf_t rest[2];
  unsigned count = 0;
  w->conn = c;
  w->out = *o;
  for (int i = 0; i < 2; i++) {
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

/* Sends O, whose first buffer is c->out; the body is taken. */
static void send_output(lab_http_conn *c, output *o) {
  size_t total = o->bufs[0].len + o->bufs[1].len;
  ssize_t n = 0;
  bool usable = c->state != LAB_HTTP_CLOSED && !c->broken;
  if (usable && total > 0)
    n = try_write_output(c, o->bufs);
  if (n < 0)
    c->broken = true;
  if (!usable || n < 0 || (size_t)n == total) {
    lab_buf_clear(&c->out);
    free_body(o);
    return;
  }
  c->out = (lab_buf)LAB_BUF_INIT;
  queue_output(c, o, (size_t)n);
}

void lab_http_flush(lab_http_conn *c, lab_buf *body) {
  output o = {.bufs = {c->out, body ? *body : (lab_buf)LAB_BUF_INIT}};
  if (body)
    *body = (lab_buf)LAB_BUF_INIT;
  send_output(c, &o);
}

void lab_http_flush_blob(lab_http_conn *c, lab_blob *body) {
  output o = {.bufs = {c->out,
                       {.data = (char *)lab_blob_data(body), /* only read */
                        .len = lab_blob_len(body)}},
              .blob = lab_blob_ref(body)};
  send_output(c, &o);
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
