/* SPDX-License-Identifier: MIT
 * One connection, from accept to close.
 *
 * Whatever happens (bytes came in, an answer was given, a write is done) ends
 * in lab_http_conn_advance, which does all that can be done now: it parses what
 * waits as long as nothing blocks, writes what was collected, and settles what
 * to wait for next. So there is one place to look for "why does it not go on".
 *
 * Closing is in two steps: lab_http_conn_lost takes the connection out of
 * everything at once, libuv calls on_closed later; callers up the stack may
 * thus still look at c->state. */
#include "http/conn.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "http/response.h"

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  lab_http_conn *c = LAB_CONTAINER(handle, lab_http_conn, tcp);
  (void)suggested;
  *buf = uv_buf_init(c->server->read_buffer, LAB_HTTP_READ_SIZE);
}

static void on_closed(uv_handle_t *handle) {
  lab_http_conn *c = LAB_CONTAINER(handle, lab_http_conn, tcp);
  lab_http_server *server = c->server;
  lab_buf_free(&c->in);
  lab_xfree(c);
  lab_http_server_conn_closed(server);
}

/* The layer above has a request of this connection. */
static bool begun(const lab_http_conn *c) {
  return c->state == LAB_HTTP_HANDLER || c->state == LAB_HTTP_STREAM;
}

/* The request goes on without us; or it ends here, if it was not complete. */
static void drop_request(lab_http_conn *c, bool was_begun) {
  lab_http_request *req = c->req;
  c->req = NULL;
  req->conn = NULL;
  if (!was_begun) {
    lab_http_request_end(req);
  } else if (req->gone) {
    lab_http_request_drop(req);
  } else {
    req->server = NULL; /* may outlive it; ends with its answer */
  }
}

void lab_http_conn_lost(lab_http_conn *c) {
  bool was_begun = begun(c);
  if (c->state == LAB_HTTP_CLOSED)
    return;
  c->state = LAB_HTTP_CLOSED;
  lab_list_remove(&c->link);
  if (c->fd >= 0)
    c->server->config.closing(c->server->config.arg, c->fd);
  uv_close((uv_handle_t *)&c->tcp, on_closed);
  if (c->req)
    drop_request(c, was_begun);
}

void lab_http_conn_unpark(lab_http_conn *c) {
  if (!c->parked)
    return;
  c->parked = false;
  lab_list_remove(&c->link);
  lab_list_push_back(&c->server->busy, &c->link);
}

static void park(lab_http_conn *c) {
  if (c->parked)
    return;
  c->parked = true;
  c->deadline = uv_now(c->server->loop) + c->server->config.idle_timeout_ms;
  lab_list_remove(&c->link);
  lab_list_push_back(&c->server->idle, &c->link);
}

static bool can_parse(const lab_http_conn *c) {
  return c->state <= LAB_HTTP_BODY && !c->broken && !lab_http_blocked(c);
}

static void dispatch(lab_http_conn *c) {
  lab_http_server *server = c->server;
  c->state = LAB_HTTP_HANDLER;
  c->deadline = 0;
  c->keep_alive = c->req->keep_alive && c->keep_alive && !server->closing;
  server->config.on_request(c->req, server->config.arg);
}

/* Parses until something blocks; returns the number of bytes used. Corked. */
static size_t feed(lab_http_conn *c, const char *data, size_t len) {
  const char *p = data, *end = data + len;
  while (p < end && can_parse(c)) {
    llhttp_errno_t error = llhttp_execute(&c->parser, p, (size_t)(end - p));
    if (error == HPE_OK)
      return len;
    if (error != HPE_PAUSED) {
      int status = c->error ? c->error : lab_http_parser_status(c, end);
      lab_http_conn_fail(c, status, c->fault);
      return len;
    }
    p = llhttp_get_error_pos(&c->parser);
    llhttp_resume(&c->parser);
    dispatch(c);
    if (c->out.len > LAB_HTTP_BATCH_MAX)
      lab_http_flush(c, NULL);
  }
  return (size_t)(p - data);
}

/* Takes N bytes that came in: what can't be parsed yet is kept. Corked. */
static void take_input(lab_http_conn *c, const char *data, size_t n) {
  size_t used = c->in.len == 0 ? feed(c, data, n) : 0;
  if (c->state < LAB_HTTP_FLUSH)
    lab_buf_append(&c->in, data + used, n - used);
  else if (used < n)
    c->unread = true;
}

/* Feeds what was kept. It is taken out of the connection meanwhile, since that
 * may be closed by what it says. Corked. */
static void feed_kept(lab_http_conn *c) {
  if (c->in.len == 0 || !can_parse(c))
    return;
  lab_buf in = c->in;
  c->in = (lab_buf)LAB_BUF_INIT;
  size_t used = feed(c, in.data, in.len);
  in.len -= used;
  if (in.len > 0 && c->state < LAB_HTTP_FLUSH) {
    memmove(in.data, in.data + used, in.len);
    c->in = in;
    return;
  }
  c->unread |= in.len > 0;
  lab_buf_free(&in);
}

static void on_eof(lab_http_conn *c) {
  c->eof = true;
  uv_read_stop((uv_stream_t *)&c->tcp);
  c->reading = false;
  if ((begun(c) && c->req->gone) || c->state == LAB_HTTP_LINGER)
    lab_http_conn_lost(c);
  else
    lab_http_conn_advance(c);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  lab_http_conn *c = LAB_CONTAINER(stream, lab_http_conn, tcp);
  if (n == UV_EOF) {
    on_eof(c);
  } else if (n < 0) {
    lab_http_conn_lost(c);
  } else if (n > 0 && c->state >= LAB_HTTP_FLUSH) {
    c->unread = true; /* and thrown away */
  } else if (n > 0) {
    lab_http_cork(c);
    take_input(c, buf->base, (size_t)n);
    lab_http_uncork(c);
  }
}

static void set_reading(lab_http_conn *c, bool want) {
  if (c->reading == want)
    return;
  c->reading = want;
  if (!want)
    uv_read_stop((uv_stream_t *)&c->tcp);
  else if (uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) < 0)
    c->broken = true;
}

/* The last answer is out. */
static void finish(lab_http_conn *c) {
  uv_os_fd_t fd;
  if (!c->unread || c->eof || uv_fileno((uv_handle_t *)&c->tcp, &fd) < 0) {
    lab_http_conn_lost(c);
    return;
  }
  shutdown(fd, SHUT_WR);
  c->state = LAB_HTTP_LINGER;
  c->deadline = uv_now(c->server->loop) + LAB_HTTP_LINGER_MS;
  set_reading(c, true);
}

/* Nothing more can be done now: what are we waiting for? */
static void settle(lab_http_conn *c) {
  bool blocked = lab_http_blocked(c);
  bool done = c->eof || (c->server->closing && c->state == LAB_HTTP_IDLE);
  if (c->broken && !begun(c)) /* if begun, reading or the sweep will see it */
    lab_http_conn_lost(c);
  else if (c->state == LAB_HTTP_FLUSH && !blocked)
    finish(c);
  else if (c->state <= LAB_HTTP_BODY && done && !blocked)
    lab_http_conn_lost(c);
  else if (c->state == LAB_HTTP_IDLE && !blocked)
    park(c);
  if (c->state < LAB_HTTP_FLUSH)
    set_reading(c, !c->eof && c->in.len < LAB_HTTP_AHEAD_MAX);
}

static void send_continue(lab_http_conn *c) {
  if (c->want_continue && c->state == LAB_HTTP_BODY)
    lab_buf_puts(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
  c->want_continue = false;
}

void lab_http_conn_advance(lab_http_conn *c) {
  if (c->corks == 0) {
    lab_http_cork(c);
    lab_http_uncork(c); /* calls us again */
    return;
  }
  feed_kept(c);
  send_continue(c);
  lab_http_flush(c, NULL);
  if (c->state != LAB_HTTP_CLOSED)
    settle(c);
}

void lab_http_conn_answered(lab_http_conn *c) {
  c->req = NULL;
  c->state = c->keep_alive ? LAB_HTTP_IDLE : LAB_HTTP_FLUSH;
  if (!c->keep_alive && c->in.len > 0)
    c->unread = true;
  if (!c->keep_alive)
    lab_buf_free(&c->in);
}

/* As Go does it: no Date, no length, and the status again as body. */
void lab_http_conn_fail(lab_http_conn *c, int status, const char *reason) {
  const char *text = lab_http_status_text(status);
  lab_http_cork(c);
  lab_buf_printf(&c->out,
                 "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8"
                 "\r\nConnection: close\r\n\r\n%d %s%s%s",
                 status, text, status, text, reason ? ": " : "",
                 reason ? reason : "");
  lab_http_conn_unpark(c);
  if (c->req)
    drop_request(c, false);
  c->state = LAB_HTTP_FLUSH;
  c->deadline = 0;
  c->unread = true;
  lab_http_uncork(c);
}

void lab_http_conn_timeout(lab_http_conn *c) {
  if (c->state <= LAB_HTTP_BODY)
    lab_http_conn_fail(c, 408, NULL);
  else
    lab_http_conn_lost(c);
}

int lab_http_conn_new(lab_http_server *server, int fd, bool loopback,
                      bool keep_alive, bool counted) {
  lab_http_conn *c = lab_xcalloc(1, sizeof *c);
  uv_tcp_init(server->loop, &c->tcp);
  lab_list_init(&c->link);
  c->server = server;
  c->loopback = loopback;
  c->keep_alive = keep_alive;
  c->fd = counted ? fd : -1;
  if (counted)
    server->config.opened(server->config.arg, fd);
  lab_http_parser_init(c);
  server->connections++;
  server->handles++;
  int rc = uv_tcp_open(&c->tcp, fd);
  if (rc < 0) {
    lab_http_conn_lost(c);
    close(fd);
    return rc;
  }
  uv_tcp_nodelay(&c->tcp, 1); /* fails on a socketpair, which needs none */
  /* Not parked: its first request may be on its way, and what is parked may be
   * closed to make room. */
  c->deadline = uv_now(server->loop) + server->config.idle_timeout_ms;
  lab_list_push_back(&server->busy, &c->link);
  set_reading(c, true);
  return 0;
}
