/* SPDX-License-Identifier: MIT
 * One connection, from accept to close.
 *
 * Every event (bytes came in, an answer was given, a write is done) ends in
 * lab_http_conn_advance. It does everything that can be done now: it parses the
 * waiting bytes as long as nothing blocks, writes the collected output, and
 * decides what to wait for next. So there is one place to look when a
 * connection doesn't go on.
 *
 * Closing has two steps. lab_http_conn_lost takes the connection out of all
 * lists at once; libuv calls on_conn_closed later, which frees it. So the
 * functions that called lab_http_conn_lost can still look at c->state. */
#include "http/conn.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "http/lane.h"
#include "http/parse.h"
#include "http/request_internal.h"
#include "http/room.h"
#include "http/server_internal.h"
#include "http/status.h"
#include "http/write.h"

enum {
  AHEAD_MAX = 4096, /* bytes sent ahead with which the server stops reading */
  SHORT_MAX = 1024, /* bytes of a request that are read without turns */
  HEAD_TURN = 4096, /* bytes of a turn: see lane.h */
  CHUNKS_TURN = 16384,
  FIRST_MAX = 2048,  /* bytes that are read of a client that has come */
  HEADS_MAX = 16384, /* the same, if the next one may take its place */
  LINGER_MS = 1000   /* how long the client has time to close */
};

static bool can_parse_more(const lab_http_conn *c) {
  return c->state <= LAB_HTTP_BODY && !c->broken && !lab_http_blocked(c);
}

/* Whether it is read in its turn: a long request, or what is thrown away. */
static bool has_to_wait(const lab_http_conn *c) {
  return c->state >= LAB_HTTP_FLUSH || c->fed >= SHORT_MAX;
}

/* Where the next read goes to, which may bring MOST bytes. */
static uv_buf_t find_read_buffer(const lab_http_conn *c, size_t most) {
  bool ahead = c->state < LAB_HTTP_FLUSH && !can_parse_more(c);
  if (ahead && c->in.len < AHEAD_MAX && AHEAD_MAX - c->in.len < most)
    most = AHEAD_MAX - c->in.len;
  return uv_buf_init(c->server->read_buffer, (unsigned)most);
}

/* Without a buffer libuv doesn't read, and says UV_ENOBUFS. */
static void lend_read_buffer(uv_handle_t *handle, size_t suggested,
                             uv_buf_t *buf) {
  lab_http_conn *c = LAB_CONTAINER(handle, lab_http_conn, tcp);
  (void)suggested;
  *buf = has_to_wait(c) ? uv_buf_init(NULL, 0) : find_read_buffer(c, SHORT_MAX);
}

static void on_conn_closed(uv_handle_t *handle) {
  lab_http_conn *c = LAB_CONTAINER(handle, lab_http_conn, tcp);
  lab_http_server *server = c->server;
  lab_buf_free(&c->in);
  lab_xfree(c);
  lab_http_server_conn_closed(server);
}

/* True if the handler has a request of this connection. */
static bool has_begun_request(const lab_http_conn *c) {
  return c->state == LAB_HTTP_HANDLER || c->state == LAB_HTTP_STREAM;
}

/* Takes the request off the connection. If it was not complete it ends here.
 * Otherwise the handler has it, and is told if it asked for that. */
static void detach_request(lab_http_conn *c, bool was_begun) {
  lab_http_request *req = c->req;
  c->req = NULL;
  req->conn = NULL;
  atomic_store(&req->left, true);
  if (!was_begun) {
    lab_http_request_end(req);
  } else if (req->gone) {
    lab_http_request_drop(req);
  } else {
    req->server = NULL; /* the request may live longer than the server; it
                            ends when it is answered */
  }
}

void lab_http_conn_lost(lab_http_conn *c) {
  bool was_begun = has_begun_request(c);
  if (c->state == LAB_HTTP_CLOSED)
    return;
  c->state = LAB_HTTP_CLOSED;
  lab_http_delist(c);
  lab_http_lane_leave(c);
  c->reading = false;
  if (c->fd >= 0)
    c->server->config.closing(c->server->config.arg, c->fd);
  uv_close((uv_handle_t *)&c->tcp, on_conn_closed);
  if (c->req)
    detach_request(c, was_begun);
}

bool lab_http_has_unread_bytes(const lab_http_conn *c) {
  uv_os_fd_t fd;
  int n = 0;
  return uv_fileno((const uv_handle_t *)&c->tcp, &fd) == 0 &&
         ioctl(fd, FIONREAD, &n) == 0 && n > 0;
}

/* Answers STATUS in place of the handler; then the connection closes. REASON,
 * which may be NULL, is added to the body. UNREAD: the client may send more. As
 * Go does it: no Date, no length, and the status again as body, but for HEAD.
 */
static void answer_failure(lab_http_conn *c, int status, const char *reason,
                           bool unread) {
  const char *text = lab_http_status_text(status);
  bool was_begun = has_begun_request(c);
  lab_http_cork(c);
  lab_buf_printf(&c->out,
                 "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8"
                 "\r\nConnection: close\r\n\r\n",
                 status, text);
  if (!c->req || !lab_http_is_head(c->req))
    lab_buf_printf(&c->out, "%d %s%s%s", status, text, reason ? ": " : "",
                   reason ? reason : "");
  if (c->req)
    detach_request(c, was_begun);
  c->state = LAB_HTTP_FLUSH;
  c->deadline = 0;
  c->unread |= unread;
  lab_http_uncork(c);
}

/* The request could not be read. */
static void fail_request(lab_http_conn *c, int status, const char *reason) {
  answer_failure(c, status, reason, true);
}

void lab_http_conn_refuse(lab_http_conn *c, const char *reason) {
  if (c->state == LAB_HTTP_HANDLER)
    answer_failure(c, 503, reason,
                   c->in.len > 0 || lab_http_has_unread_bytes(c));
  else
    lab_http_conn_lost(c);
}

static void dispatch_request(lab_http_conn *c) {
  lab_http_server *server = c->server;
  c->state = LAB_HTTP_HANDLER;
  c->deadline = 0;
  c->keep_alive = c->req->keep_alive && c->keep_alive && !server->closing;
  c->req->peer = c->peer;
  if (c->eof)
    atomic_store(&c->req->left, true);
  server->config.on_request(c->req, server->config.arg);
}

/* Parses until something blocks; returns the number of bytes used. The
 * connection is corked. */
static size_t feed_parser(lab_http_conn *c, const char *data, size_t len) {
  const char *p = data, *end = data + len;
  while (p < end && can_parse_more(c)) {
    llhttp_errno_t error = lab_http_parse(c, p, (size_t)(end - p));
    if (c->state != LAB_HTTP_IDLE)
      lab_http_enlist(c); /* it isn't idle, should the handler close those */
    if (error == HPE_OK)
      return len;
    if (error != HPE_PAUSED) {
      int status = c->error ? c->error : lab_http_parser_status(c, end);
      fail_request(c, status, c->fault);
      return len;
    }
    p = llhttp_get_error_pos(&c->parser);
    llhttp_resume(&c->parser);
    dispatch_request(c);
    if (c->out.len > LAB_HTTP_BATCH_MAX)
      lab_http_flush(c, NULL);
  }
  return (size_t)(p - data);
}

/* Whether what is sent ahead is kept for a scenario. */
static bool is_ahead_counted(const lab_http_conn *c) {
  return c->server->config.counts_all || (c->req && c->req->counted);
}

static bool reserve_ahead(lab_http_conn *c, size_t n) {
  bool counted = is_ahead_counted(c);
  bool may = counted || c->in.counted || lab_http_may_hold(c->server, n);
  return may && lab_buf_try_reserve(&c->in, n, counted);
}

/* There is no memory for what was sent ahead: it is thrown away, and the answer
 * under way is the connection's last one. */
static void forget_ahead(lab_http_conn *c) {
  lab_buf_free(&c->in);
  c->unread = true;
  c->keep_alive = false;
  if (has_begun_request(c))
    return;
  if (c->req)
    detach_request(c, false);
  c->state = LAB_HTTP_FLUSH;
  c->deadline = 0;
}

/* Takes N bytes that came in; what can't be parsed yet is kept. The connection
 * is corked. */
static void take_input(lab_http_conn *c, const char *data, size_t n) {
  size_t used = c->in.len == 0 ? feed_parser(c, data, n) : 0;
  if (used == n)
    return;
  if (c->state >= LAB_HTTP_FLUSH)
    c->unread = true;
  else if (reserve_ahead(c, n - used))
    lab_buf_append(&c->in, data + used, n - used);
  else
    forget_ahead(c);
}

/* Parses the kept bytes. They are taken out of the connection first, since a
 * request in them may close it. The connection is corked. */
static void feed_kept_bytes(lab_http_conn *c) {
  if (c->in.len == 0 || !can_parse_more(c))
    return;
  lab_buf in = c->in;
  c->in = (lab_buf)LAB_BUF_INIT;
  size_t used = feed_parser(c, in.data, in.len);
  in.len -= used;
  if (in.len > 0 && c->state < LAB_HTTP_FLUSH) {
    memmove(in.data, in.data + used, in.len);
    lab_buf_trim(&in);
    c->in = in;
    if (is_ahead_counted(c) && !in.counted && !lab_buf_try_count(&c->in))
      forget_ahead(c);
    return;
  }
  c->unread |= in.len > 0;
  lab_buf_free(&in);
}

static void on_conn_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);

static void set_conn_reading(lab_http_conn *c, bool want) {
  if (c->reading == want)
    return;
  c->reading = want;
  lab_http_lane_leave(c);
  if (!want)
    uv_read_stop((uv_stream_t *)&c->tcp);
  else if (uv_read_start((uv_stream_t *)&c->tcp, lend_read_buffer,
                         on_conn_read) < 0)
    c->broken = true;
}

static void join_lane(lab_http_conn *c) {
  if (!c->reading)
    return;
  uv_read_stop((uv_stream_t *)&c->tcp);
  lab_http_lane_join(c);
}

/* Everything is read: the loop tells when more comes. */
static void leave_lane(lab_http_conn *c) {
  set_conn_reading(c, false);
  set_conn_reading(c, true); /* libuv's reading, again */
}

static void on_conn_eof(lab_http_conn *c) {
  c->eof = true;
  if (c->req)
    atomic_store(&c->req->left, true);
  set_conn_reading(c, false);
  if ((has_begun_request(c) && c->req->gone) || c->state == LAB_HTTP_LINGER)
    lab_http_conn_lost(c);
  else
    lab_http_conn_advance(c);
}

static void on_conn_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  lab_http_conn *c = LAB_CONTAINER(stream, lab_http_conn, tcp);
  if (n == UV_EOF) {
    on_conn_eof(c);
  } else if (n == UV_ENOBUFS) {
    join_lane(c);
  } else if (n < 0) {
    lab_http_conn_lost(c);
  } else if (n > 0 && c->state >= LAB_HTTP_FLUSH) {
    c->unread = true; /* these bytes are thrown away */
  } else if (n > 0) {
    lab_http_cork(c);
    take_input(c, buf->base, (size_t)n);
    lab_http_uncork(c);
    lab_http_trim_memory(c->server);
    if ((size_t)n == buf->len)
      join_lane(c); /* there may be more */
  }
}

/* The bytes of a turn. Of heads, and of requests that come one after the other,
 * a few are as much work as many of a body. */
static size_t choose_turn(const lab_http_conn *c) {
  if (c->state < LAB_HTTP_BODY)
    return HEAD_TURN;
  if (c->state > LAB_HTTP_BODY)
    return LAB_HTTP_READ_SIZE;
  if (c->parser.flags & F_CHUNKED)
    return CHUNKS_TURN;
  uint64_t body = c->parser.content_length; /* what is missing of it */
  return body < LAB_HTTP_READ_SIZE - HEAD_TURN ? (size_t)body + HEAD_TURN
                                               : LAB_HTTP_READ_SIZE;
}

void lab_http_conn_take_turn(lab_http_conn *c) {
  uv_os_fd_t fd;
  uv_buf_t buf = find_read_buffer(c, choose_turn(c));
  int rc = uv_fileno((const uv_handle_t *)&c->tcp, &fd);
  ssize_t n = rc < 0 ? -1 : recv(fd, buf.base, buf.len, MSG_DONTWAIT);
  if (n >= 0)
    on_conn_read((uv_stream_t *)&c->tcp, n > 0 ? n : UV_EOF, &buf);
  else if (rc < 0 || (errno != EAGAIN && errno != EINTR))
    lab_http_conn_lost(c);
  if (n < (ssize_t)buf.len && lab_http_lane_has(c))
    leave_lane(c);
}

/* The last answer is sent. */
static void finish_conn(lab_http_conn *c) {
  uv_os_fd_t fd;
  c->unread |= lab_http_has_unread_bytes(c);
  if (!c->unread || c->eof || uv_fileno((uv_handle_t *)&c->tcp, &fd) < 0) {
    lab_http_conn_lost(c);
    return;
  }
  shutdown(fd, SHUT_WR);
  c->state = LAB_HTTP_LINGER;
  c->deadline = uv_now(c->server->loop) + LINGER_MS;
  set_conn_reading(c, true);
}

/* Nothing more can be done now: decides what to wait for. */
static void settle_conn(lab_http_conn *c) {
  bool blocked = lab_http_blocked(c);
  bool done = c->eof || (c->server->closing && c->state == LAB_HTTP_IDLE);
  /* A handler's broken connection is found by reading or by the sweep. */
  if (c->broken && !has_begun_request(c))
    lab_http_conn_lost(c);
  else if (c->state == LAB_HTTP_FLUSH && !blocked)
    finish_conn(c);
  else if (c->state <= LAB_HTTP_BODY && done && !blocked)
    lab_http_conn_lost(c);
  if (c->state <= LAB_HTTP_FLUSH)
    set_conn_reading(c, c->state < LAB_HTTP_FLUSH && !c->eof && !c->unread &&
                            c->in.len < AHEAD_MAX);
  if (c->state == LAB_HTTP_CLOSED)
    return;
  bool was_busy = c->turn >= LAB_HTTP_BUSY;
  lab_http_enlist(c);
  if (was_busy && c->turn < LAB_HTTP_BUSY)
    lab_http_server_conn_answered(c->server);
}

static void send_continue(lab_http_conn *c) {
  if (c->want_continue && c->state == LAB_HTTP_BODY)
    lab_buf_puts(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
  c->want_continue = false;
}

void lab_http_conn_advance(lab_http_conn *c) {
  if (c->corks == 0) {
    lab_http_cork(c);
    lab_http_uncork(c); /* calls this function again */
    return;
  }
  feed_kept_bytes(c);
  send_continue(c);
  lab_http_flush(c, NULL);
  if (c->state != LAB_HTTP_CLOSED)
    settle_conn(c);
}

void lab_http_conn_written(lab_http_conn *c, int status) {
  lab_http_request *req = c->req;
  if (c->state == LAB_HTTP_CLOSED)
    return;
  if (status < 0) {
    lab_http_conn_lost(c);
  } else if (lab_http_blocked(c)) {
    return; /* another write is pending */
  } else if (c->state == LAB_HTTP_STREAM && req->drain) {
    lab_http_cork(c);
    req->drain(req, req->drain_arg);
    lab_http_uncork(c);
  } else {
    lab_http_conn_advance(c);
  }
}

void lab_http_conn_answered(lab_http_conn *c) {
  c->req = NULL;
  c->state = c->keep_alive ? LAB_HTTP_IDLE : LAB_HTTP_FLUSH;
  if (!c->keep_alive && c->in.len > 0)
    c->unread = true;
  if (!c->keep_alive)
    lab_buf_free(&c->in);
}

void lab_http_conn_timeout(lab_http_conn *c) {
  if (c->state <= LAB_HTTP_BODY)
    fail_request(c, 408, NULL);
  else
    lab_http_conn_lost(c);
}

/* Takes FD into the connection's handle. */
static int open_conn(lab_http_conn *c, int fd) {
  int rc = uv_tcp_open(&c->tcp, fd);
  if (rc < 0) {
    lab_http_conn_lost(c);
    close(fd);
    return rc;
  }
  uv_tcp_nodelay(&c->tcp, 1); /* fails on a socketpair, which doesn't need it */
  return 0;
}

/* The connection of FD in its beginning, or NULL. COUNTED: the config's opened
 * and closing are called. */
static lab_http_conn *create_conn(lab_http_server *server, int fd,
                                  bool counted) {
  lab_http_conn *c = lab_try_zalloc(sizeof *c);
  if (!c || uv_tcp_init(server->loop, &c->tcp) < 0) {
    if (counted)
      server->config.closing(server->config.arg, -1);
    close(fd);
    lab_xfree(c);
    return NULL;
  }
  lab_list_init(&c->link);
  lab_list_init(&c->lane);
  c->server = server;
  c->keep_alive = true;
  c->fd = counted ? fd : -1;
  if (counted)
    server->config.opened(server->config.arg, fd);
  lab_http_parser_init(c);
  server->connections++;
  server->handles++;
  return c;
}

/* Its first request may be on its way, so it isn't idle. */
static int begin_conn(lab_http_conn *c, int fd, bool loopback) {
  c->loopback = loopback;
  int rc = open_conn(c, fd);
  if (rc < 0)
    return rc;
  lab_http_await_request(c);
  set_conn_reading(c, true);
  return 0;
}

int lab_http_conn_new(lab_http_server *server, int fd, bool loopback) {
  lab_http_conn *c = create_conn(server, fd, false);
  return c ? begin_conn(c, fd, loopback) : -ENOMEM;
}

/* Most clients have sent their request when they are accepted. Where clients
 * have to give way, the next one may be the reason to close this one: so it is
 * heard before that. */
static void read_first_bytes(lab_http_conn *c, int fd) {
  bool crowded = lab_http_is_crowded(c->server);
  uv_buf_t buf = find_read_buffer(c, crowded ? HEADS_MAX : FIRST_MAX);
  ssize_t n = recv(fd, buf.base, buf.len, 0);
  if (n > 0)
    on_conn_read((uv_stream_t *)&c->tcp, n, &buf);
  /* The end and errors are found by libuv, too. */
}

void lab_http_conn_accepted(lab_http_server *server, int fd,
                            const lab_http_conn_kind *kind) {
  lab_http_conn *c = create_conn(server, fd, server->config.may_open != NULL);
  if (!c) {
    server->high -= kind->high;
    return;
  }
  c->peer = kind->peer;
  c->reserved = kind->reserved;
  c->high = kind->high;
  c->keep_alive = !kind->reserved;
  if (begin_conn(c, fd, kind->loopback) == 0)
    read_first_bytes(c, fd);
}
