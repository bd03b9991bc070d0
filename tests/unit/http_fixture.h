/* SPDX-License-Identifier: MIT
 * A server and its clients in one thread: clients are the other ends of
 * socketpairs, and whoever waits for bytes turns the loop meanwhile. So a test
 * is a straight story, and nothing in it depends on timing. */
#ifndef TEST_HTTP_FIXTURE_H
#define TEST_HTTP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/buf.h"
#include "base/clock.h"
#include "http/http.h"

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define GET_HOLD "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n"
#define HELLO                                                                  \
  "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n"             \
  "Content-Length: 11\r\n\r\nhello world"

/* Until when a test waits for what must come, on a busy machine. Where an
 * allocation is refused (torture/refuse.c) it mostly doesn't come. */
static inline uint64_t find_wait_end(void) {
  const char *refused = getenv("LAB_REFUSE"); /* 0: none is */
  bool is_refused = refused && strcmp(refused, "0") != 0;
  return lab_clock_mono() + (is_refused ? 1 : 20) * LAB_SECOND;
}

typedef struct fixture {
  uv_loop_t loop;
  lab_http_server *server;
  lab_http_config config;
  lab_http_request *held; /* the last request for /hold, /watch */
  unsigned requests;
  unsigned gone;
  bool closed;
  lab_blob *shared; /* the answer to /shared: 4 MiB, or NULL before that */
} fixture;

static inline void fixture_gone(lab_http_request *req, void *arg) {
  fixture *f = arg;
  assert_true(lab_http_is_gone(req));
  assert_ptr_equal(req, f->held);
  f->gone++;
}

/* Everything the request says, for comparing. */
static inline void fixture_echo(lab_http_request *req) {
  lab_buf b = LAB_BUF_INIT;
  lab_http_str header;
  lab_http_header(req, "x-test", &header);
  lab_buf_printf(&b, "%s|%s|%s|%s|%s|%s", lab_http_method(req),
                 lab_http_path(req).data, lab_http_query(req).data,
                 lab_http_host(req).len ? "host" : "no host", header.data,
                 lab_http_body(req).data);
  lab_http_respond_buf(req, 200, NULL, NULL, &b);
}

static inline void fixture_answer(lab_http_request *req, void *arg) {
  fixture *f = arg;
  const char *path = lab_http_path(req).data;
  f->requests++;
  if (strncmp(path, "/echo", 5) == 0) {
    fixture_echo(req);
  } else if (strncmp(path, "/hold", 5) == 0) {
    f->held = req;
  } else if (strncmp(path, "/watch", 6) == 0) {
    f->held = req;
    lab_http_on_gone(req, fixture_gone, f);
  } else if (strncmp(path, "/big", 4) == 0) {
    lab_buf b = LAB_BUF_INIT;
    memset(lab_buf_reserve(&b, 4 << 20), 'x', 4 << 20);
    b.len = 4 << 20;
    lab_http_respond_buf(req, 200, "application/octet-stream", NULL, &b);
  } else if (strncmp(path, "/shared", 7) == 0) {
    lab_buf b = LAB_BUF_INIT;
    memset(lab_buf_reserve(&b, 4 << 20), 'x', 4 << 20);
    b.len = 4 << 20;
    if (!f->shared)
      f->shared = lab_blob_take(&b);
    lab_buf_free(&b);
    lab_http_respond_blob(req, 200, NULL, NULL, f->shared);
  } else if (strncmp(path, "/nope", 5) == 0) {
    lab_http_error(req, 404, "404 page not found");
  } else {
    lab_http_respond(req, 200, "text/plain; charset=utf-8", NULL, "hello world",
                     11);
  }
}

/* Call fixture_start after changing f->config. */
static inline void fixture_init(fixture *f) {
  memset(f, 0, sizeof *f);
  assert_int_equal(uv_loop_init(&f->loop), 0);
  lab_http_config_init(&f->config);
  f->config.on_request = fixture_answer;
  f->config.arg = f;
}

static inline void fixture_start(fixture *f) {
  assert_int_equal(lab_http_server_new(&f->server, &f->loop, &f->config), 0);
}

static inline void fixture_open(fixture *f) {
  fixture_init(f);
  fixture_start(f);
}

static inline void fixture_on_closed(void *arg) {
  fixture *f = arg;
  f->closed = true;
}

/* Nothing may be left behind: the loop closes only without handles. */
static inline void fixture_close(fixture *f) {
  lab_http_server_abort(f->server);
  lab_http_server_close(f->server, fixture_on_closed, f);
  uv_run(&f->loop, UV_RUN_DEFAULT);
  assert_true(f->closed);
  assert_int_equal(uv_loop_close(&f->loop), 0);
  lab_blob_unref(f->shared);
}

static inline void fixture_turn(fixture *f) {
  uv_run(&f->loop, UV_RUN_NOWAIT);
}

/* Turns the loop until CONDITION holds. */
#define fixture_until(f, condition)                                            \
  do {                                                                         \
    uint64_t end_ = find_wait_end();                                           \
    while (!(condition)) {                                                     \
      assert_true(lab_clock_mono() < end_);                                    \
      fixture_turn(f);                                                         \
    }                                                                          \
  } while (0)

/* Has F listen on the loopback; returns the port. */
static inline int fixture_listen(fixture *f) {
  struct sockaddr_in a;
  int port = 0;
  lab_err err;
  uv_ip4_addr("127.0.0.1", 0, &a);
  assert_int_equal(
      lab_http_listen(f->server, (struct sockaddr *)&a, &port, &err), 0);
  assert_true(port > 0);
  return port;
}

/* A client by TCP. */
static inline int fixture_connect(int port) {
  struct sockaddr_in a;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  uv_ip4_addr("127.0.0.1", port, &a);
  assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

static inline int fixture_client(fixture *f) {
  int fds[2];
  assert_int_equal(
      socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
      0);
  assert_int_equal(lab_http_serve_fd(f->server, fds[0]), 0);
  return fds[1];
}

static inline void send_bytes(fixture *f, int fd, const char *bytes,
                              size_t len) {
  uint64_t end = find_wait_end();
  while (len > 0) {
    ssize_t n = write(fd, bytes, len);
    assert_true(n > 0 || errno == EAGAIN);
    assert_true(lab_clock_mono() < end);
    if (n > 0) {
      bytes += n;
      len -= (size_t)n;
    }
    fixture_turn(f);
  }
}

static inline void send_text(fixture *f, int fd, const char *text) {
  send_bytes(f, fd, text, strlen(text));
}

/* FD's request is in work: F->held, until it is answered. */
static inline void fixture_hold(fixture *f, int fd) {
  f->held = NULL;
  send_text(f, fd, GET_HOLD);
  fixture_until(f, f->held);
}

/* Reads what is there; false at the end of the stream. */
static inline bool read_some(int fd, lab_buf *out) {
  for (;;) {
    ssize_t n = read(fd, lab_buf_reserve(out, 65536), 65536);
    if (n <= 0)
      return n < 0 && errno == EAGAIN;
    out->len += (size_t)n;
  }
}

/* Takes the Date lines out, and ends the text with a 0. */
static inline void drop_dates(lab_buf *b) {
  char *date;
  lab_buf_putc(b, '\0');
  while ((date = strstr(b->data, "Date: "))) {
    char *end = strstr(date, "\r\n");
    assert_int_equal(end + 2 - date, 37);
    memmove(date, end + 2, (size_t)(b->data + b->len - (end + 2)));
    b->len -= (size_t)(end + 2 - date);
  }
}

/* What comes until the server closes. */
static inline void receive_all(fixture *f, int fd, lab_buf *out) {
  fixture_until(f, !read_some(fd, out));
  drop_dates(out);
}

/* Receives exactly TEXT (Date lines aside) and no more. */
static inline void expect_text(fixture *f, int fd, const char *text) {
  lab_buf b = LAB_BUF_INIT;
  uint64_t end = find_wait_end();
  size_t len = 0;
  while (len < strlen(text) && lab_clock_mono() < end) {
    fixture_turn(f);
    bool open = read_some(fd, &b);
    lab_buf copy = LAB_BUF_INIT;
    lab_buf_append(&copy, b.data, b.len);
    drop_dates(&copy);
    len = copy.len - 1;
    lab_buf_free(&copy);
    if (!open)
      break;
  }
  for (int i = 0; i < 3; i++) {
    fixture_turn(f);
    read_some(fd, &b);
  }
  drop_dates(&b);
  assert_string_equal(b.data, text);
  lab_buf_free(&b);
}

/* The server has nothing more to say and closes. */
static inline void expect_close(fixture *f, int fd) {
  lab_buf b = LAB_BUF_INIT;
  receive_all(f, fd, &b);
  assert_string_equal(b.data, "");
  lab_buf_free(&b);
  close(fd);
}

/* The server refuses with STATUS, which may end with ": reason", and closes. */
static inline void expect_refusal(fixture *f, int fd, const char *status) {
  lab_buf got = LAB_BUF_INIT, want = LAB_BUF_INIT;
  const char *colon = strchr(status, ':');
  int len = colon ? (int)(colon - status) : (int)strlen(status);
  lab_buf_printf(&want,
                 "HTTP/1.1 %.*s\r\nContent-Type: text/plain; charset=utf-8\r\n"
                 "Connection: close\r\n\r\n%s",
                 len, status, status);
  lab_buf_putc(&want, '\0');
  receive_all(f, fd, &got);
  assert_string_equal(got.data, want.data);
  lab_buf_free(&got);
  lab_buf_free(&want);
  close(fd);
}

#endif
