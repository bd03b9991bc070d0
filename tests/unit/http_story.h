/* SPDX-License-Identifier: MIT
 * A pool, calls that use it, and their server, which is the test itself: it
 * accepts, reads and writes when the story says so, and can do what no server
 * should. All in one thread: whoever waits turns the loop. */
#ifndef TEST_HTTP_STORY_H
#define TEST_HTTP_STORY_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>

#include "base/alloc.h"
#include "http/client.h"
#include "http_fixture.h"

enum { CALLS = 4 };
#define OK_2 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"

typedef struct call {
  struct story *story;
  lab_http_call *call;
  bool done, headed;
  unsigned parts;
  int error, status;
  char message[256], body[256]; /* of all parts */
} call;

/* A pool, its calls, and a server's socket. */
typedef struct story {
  uv_loop_t loop;
  lab_http_pool *pool;
  call calls[CALLS];
  int listener, port;
  int open; /* sockets of the pool */
  unsigned opened;
} story;

/* ---- the client ---------------------------------------------------------- */

static inline int on_opened(void *arg, int fd) {
  call *c = arg;
  assert_true(fd >= 0);
  c->story->open++;
  c->story->opened++;
  return 0;
}

static inline void on_closing(void *arg, int fd) {
  story *s = arg;
  assert_true(fd >= 0);
  s->open--;
}

static inline void add_body(call *c, const lab_http_result *result) {
  size_t len = strlen(c->body);
  assert_true(len + result->body.len < sizeof c->body);
  if (result->body.len > 0)
    memcpy(c->body + len, result->body.data, result->body.len);
}

static inline void on_done(void *arg, lab_http_result *result) {
  call *c = arg;
  assert_false(c->done);
  c->done = true;
  c->error = result->error;
  c->status = result->status;
  memcpy(c->message, result->message, sizeof c->message);
  add_body(c, result);
}

static inline void on_head(void *arg, lab_http_result *result) {
  call *c = arg;
  assert_false(c->headed);
  c->headed = true;
  c->status = result->status;
  assert_int_equal(result->body.len, 0);
}

static inline void on_part(void *arg, lab_http_result *result) {
  call *c = arg;
  c->parts++;
  add_body(c, result);
}

static inline call *begin_as(story *s, unsigned i, const char *method,
                             bool in_parts) {
  char url[64];
  call *c = &s->calls[i];
  *c = (call){.story = s};
  snprintf(url, sizeof url, "http://127.0.0.1:%d/", s->port);
  const lab_http_call_config config = {
      .method = method,
      .url = url,
      .headers = "",
      .max_body = 200,
      .pool = s->pool,
      .opened = on_opened,
      .head = in_parts ? on_head : NULL,
      .part = on_part,
      .done = on_done,
      .arg = c,
  };
  c->call = lab_http_call_begin(&s->loop, &config);
  assert_false(c->done);
  return c;
}

static inline call *begin(story *s) {
  return begin_as(s, 0, "GET", false);
}

/* ---- the server ---------------------------------------------------------- */

static inline void open_story(story *s, uint64_t idle_ms) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t len = sizeof address;
  memset(s, 0, sizeof *s);
  signal(SIGPIPE, SIG_IGN);
  assert_int_equal(uv_loop_init(&s->loop), 0);
  void *memory = lab_counted_realloc(NULL, 0, lab_http_pool_size());
  assert_non_null(memory);
  s->pool = lab_http_pool_new(memory, &s->loop,
                              &(lab_http_pool_config){.idle_ms = idle_ms,
                                                      .closing = on_closing,
                                                      .arg = s});
  s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  assert_int_equal(bind(s->listener, (struct sockaddr *)&address, len), 0);
  assert_int_equal(listen(s->listener, 16), 0);
  assert_int_equal(getsockname(s->listener, (struct sockaddr *)&address, &len),
                   0);
  s->port = ntohs(address.sin_port);
}

static inline void close_story(story *s) {
  if (s->pool)
    lab_http_pool_close(s->pool);
  uv_run(&s->loop, UV_RUN_DEFAULT);
  assert_int_equal(s->open, 0);
  assert_int_equal(uv_loop_close(&s->loop), 0);
  close(s->listener);
}

/* Turns the loop until CONDITION holds. */
#define story_until(s, condition)                                              \
  do {                                                                         \
    uint64_t end_ = find_wait_end();                                           \
    while (!(condition)) {                                                     \
      assert_true(lab_clock_mono() < end_);                                    \
      uv_run(&(s)->loop, UV_RUN_NOWAIT);                                       \
    }                                                                          \
  } while (0)

static inline bool is_readable(int fd) {
  struct pollfd p = {fd, POLLIN, 0};
  return poll(&p, 1, 0) == 1;
}

static inline int accept_one(story *s) {
  uint64_t end = find_wait_end();
  while (!is_readable(s->listener)) {
    assert_true(lab_clock_mono() < end);
    uv_run(&s->loop, UV_RUN_NOWAIT);
  }
  int fd = accept(s->listener, NULL, NULL);
  assert_true(fd >= 0);
  return fd;
}

/* Reads one request without a body. */
static inline void read_request(story *s, int fd, char *out, size_t size) {
  size_t len = 0;
  uint64_t end = find_wait_end();
  out[0] = '\0';
  while (!strstr(out, "\r\n\r\n")) {
    assert_true(lab_clock_mono() < end);
    uv_run(&s->loop, UV_RUN_NOWAIT);
    if (!is_readable(fd))
      continue;
    ssize_t n = read(fd, out + len, size - 1 - len);
    assert_true(n > 0);
    len += (size_t)n;
    out[len] = '\0';
  }
}

static inline void say(int fd, const char *text) {
  assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* Call C gets ANSWER on FD. */
static inline void serve_on(story *s, const call *c, int fd,
                            const char *answer) {
  char request[1024];
  read_request(s, fd, request, sizeof request);
  assert_null(strstr(request, "Connection:"));
  say(fd, answer);
  story_until(s, c->done);
}

/* The client has closed FD. */
static inline void assert_closed(story *s, int fd) {
  char byte;
  uint64_t end = find_wait_end();
  while (!is_readable(fd)) {
    assert_true(lab_clock_mono() < end);
    uv_run(&s->loop, UV_RUN_NOWAIT);
  }
  assert_true(read(fd, &byte, 1) <= 0);
  close(fd);
}

/* Call 0 has its head, and FD is its server's end. */
static inline call *get_head(story *s, int *fd, const char *answer) {
  char request[1024];
  call *c = begin_as(s, 0, "GET", true);
  *fd = accept_one(s);
  read_request(s, *fd, request, sizeof request);
  say(*fd, answer);
  story_until(s, c->headed || c->done);
  assert_int_equal(c->error, 0); /* else C->call is gone */
  return c;
}

#endif
