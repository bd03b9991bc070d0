/* SPDX-License-Identifier: MIT
 * See client.h. A call is freed when all its handles are closed and its lookup
 * has returned, which may be long after the call has ended. */
#include "http/client.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/queue.h"
#include "http/answer.h"
#include "http/url.h"

enum { READ_SIZE = 16384 };

struct lab_http_call {
  lab_http_call_config config;
  lab_http_result result;
  uv_loop_t *loop;
  uv_tcp_t tcp;
  uv_timer_t timer;
  uv_getaddrinfo_t lookup;
  uv_connect_t connect;
  uv_write_t write;
  lab_http_answer answer;
  struct addrinfo *addresses; /* what the lookup found */
  struct addrinfo *next;      /* the one to try next */
  unsigned users;             /* open handles, and a lookup under way */
  bool has_socket;
  bool ended;
  int fd;           /* while has_socket */
  lab_http_url url; /* its pieces of text exist only in begin */
  lab_buf out;      /* the request */
};

/* ---- the end ------------------------------------------------------------- */

static void release_call(lab_http_call *c) {
  if (--c->users > 0)
    return;
  if (c->addresses)
    uv_freeaddrinfo(c->addresses);
  lab_buf_free(&c->out);
  lab_http_answer_free(&c->answer);
  lab_buf_free(&c->result.headers);
  lab_buf_free(&c->result.body);
  lab_xfree(c);
}

static void on_call_timer_closed(uv_handle_t *handle) {
  release_call(LAB_CONTAINER((uv_timer_t *)handle, lab_http_call, timer));
}

static void on_call_tcp_closed(uv_handle_t *handle) {
  release_call(LAB_CONTAINER((uv_tcp_t *)handle, lab_http_call, tcp));
}

static void close_call_socket(lab_http_call *c, uv_close_cb then) {
  c->has_socket = false;
  if (c->fd >= 0 && c->config.closing)
    c->config.closing(c->config.arg, c->fd);
  uv_close((uv_handle_t *)&c->tcp, then);
}

static void end_call(lab_http_call *c) {
  c->ended = true;
  if (c->has_socket)
    close_call_socket(c, on_call_tcp_closed);
  uv_cancel((uv_req_t *)&c->lookup); /* does nothing if it runs or has ended */
  uv_close((uv_handle_t *)&c->timer, on_call_timer_closed);
}

void lab_http_call_cancel(lab_http_call *c) {
  end_call(c);
}

static void finish_call(lab_http_call *c) {
  end_call(c);
  c->result.status = c->answer.status;
  c->result.headers = c->answer.headers;
  c->result.body = c->answer.body;
  c->answer.headers = c->answer.body = (lab_buf)LAB_BUF_INIT;
  c->config.done(c->config.arg, &c->result);
}

static void fail_call(lab_http_call *c, int error, const char *what) {
  bool is_errno = error > -1000; /* libuv's own errors are below that */
  c->result.error = is_errno ? error : -EHOSTUNREACH;
  snprintf(c->result.message, sizeof c->result.message, "%s%s%s", what,
           *what ? ": " : "", error == UV_EOF ? "EOF" : uv_strerror(error));
  if (error == UV_EOF)
    c->result.error = -ECONNRESET;
  finish_call(c);
}

/* ---- reading the answer -------------------------------------------------- */

static void set_error(lab_http_call *c, int error, const char *message) {
  c->result.error = error;
  snprintf(c->result.message, sizeof c->result.message, "%s", message);
}

static void settle_call(lab_http_call *c, lab_http_answer_state state) {
  if (state == LAB_HTTP_ANSWER_TOO_LARGE)
    set_error(c, -EMSGSIZE, "response too large");
  else if (state == LAB_HTTP_ANSWER_NO_MEMORY)
    set_error(c, -ENOMEM, "not enough memory for the response");
  else if (state != LAB_HTTP_ANSWER_DONE)
    set_error(c, -EPROTO, "malformed HTTP response");
  finish_call(c);
}

static void on_call_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  lab_http_call *c = LAB_CONTAINER((uv_tcp_t *)stream, lab_http_call, tcp);
  lab_http_answer_state state = LAB_HTTP_ANSWER_MORE;
  if (n > 0)
    state = lab_http_answer_feed(&c->answer, buf->base, (size_t)n);
  else if (n == UV_EOF)
    state = lab_http_answer_finish(&c->answer);
  lab_xfree(buf->base);
  if (state != LAB_HTTP_ANSWER_MORE)
    settle_call(c, state);
  else if (n < 0)
    fail_call(c, (int)n,
              n == UV_EOF && c->answer.status ? "unexpected" : "read");
}

/* Until on_call_read: thousands of calls may wait for their answers, and this
 * is the lab's own memory. */
static void lend_call_buffer(uv_handle_t *handle, size_t suggested,
                             uv_buf_t *out) {
  (void)handle;
  (void)suggested;
  *out = uv_buf_init(lab_xmalloc(READ_SIZE), READ_SIZE);
}

/* ---- sending the request ------------------------------------------------- */

static void on_call_written(uv_write_t *write, int status) {
  lab_http_call *c = LAB_CONTAINER(write, lab_http_call, write);
  /* A server that refuses the rest of a long body may have answered already;
   * then reading finds the answer. */
  if (status < 0 && status != UV_EPIPE && status != UV_ECONNRESET && !c->ended)
    fail_call(c, status, "write");
}

static void send_call(lab_http_call *c) {
  uv_buf_t buf = uv_buf_init(c->out.data, (unsigned)c->out.len);
  int rc =
      uv_write(&c->write, (uv_stream_t *)&c->tcp, &buf, 1, on_call_written);
  if (rc == 0)
    rc = uv_read_start((uv_stream_t *)&c->tcp, lend_call_buffer, on_call_read);
  if (rc)
    fail_call(c, rc, "write");
}

/* ---- connecting ---------------------------------------------------------- */

static void try_next_address(lab_http_call *c);

static void fail_dial(lab_http_call *c, int rc, const char *step) {
  char what[sizeof c->url.host + 64];
  snprintf(what, sizeof what, "dial tcp %s:%s: %s", c->url.host, c->url.port,
           step);
  fail_call(c, rc, what);
}

static void on_retry_closed(uv_handle_t *handle) {
  lab_http_call *c = LAB_CONTAINER((uv_tcp_t *)handle, lab_http_call, tcp);
  if (!c->ended)
    try_next_address(c);
  release_call(c);
}

static void on_call_connected(uv_connect_t *connect, int status) {
  lab_http_call *c = LAB_CONTAINER(connect, lab_http_call, connect);
  if (c->ended || status == UV_ECANCELED)
    return;
  if (status == 0)
    send_call(c);
  else if (c->next)
    close_call_socket(c, on_retry_closed);
  else
    fail_dial(c, status, "connect");
}

static int open_call_socket(lab_http_call *c, const struct addrinfo *a) {
  uv_os_fd_t fd;
  c->fd = -1;
  int rc = uv_tcp_init_ex(c->loop, &c->tcp, (unsigned)a->ai_family);
  if (rc)
    return rc;
  c->users++;
  c->has_socket = true;
  rc = uv_fileno((uv_handle_t *)&c->tcp, &fd);
  if (rc == 0)
    rc = c->config.opened ? c->config.opened(c->config.arg, fd) : 0;
  if (rc == 0)
    c->fd = fd;
  return rc;
}

static void try_next_address(lab_http_call *c) {
  const struct addrinfo *a = c->next;
  c->next = a->ai_next;
  int rc = open_call_socket(c, a);
  if (rc) {
    fail_dial(c, rc, "socket");
    return;
  }
  rc = uv_tcp_connect(&c->connect, &c->tcp, a->ai_addr, on_call_connected);
  if (rc)
    fail_dial(c, rc, "connect");
}

static void on_host_found(uv_getaddrinfo_t *lookup, int status,
                          struct addrinfo *found) {
  lab_http_call *c = LAB_CONTAINER(lookup, lab_http_call, lookup);
  c->addresses = c->next = found;
  if (!c->ended && status < 0) {
    char what[sizeof c->url.host + 32];
    snprintf(what, sizeof what, "dial tcp: lookup %s", c->url.host);
    fail_call(c, status, what);
  } else if (!c->ended) {
    try_next_address(c);
  }
  release_call(c);
}

/* ---- the request --------------------------------------------------------- */

/* Writes the request for URL into c->out. False if there is no memory for its
 * body, which is the scenario's. */
static bool write_call_request(lab_http_call *c, const lab_http_url *url) {
  const lab_http_call_config *config = &c->config;
  lab_buf_printf(&c->out, "%s %s%.*s HTTP/1.1\r\nHost: %.*s\r\n",
                 config->method, *url->target == '/' ? "" : "/",
                 (int)url->target_len, url->target, (int)url->authority_len,
                 url->authority);
  lab_buf_printf(&c->out, "Connection: close\r\n%s", config->headers);
  if (config->body_len > 0)
    lab_buf_printf(&c->out, "Content-Length: %zu\r\n", config->body_len);
  lab_buf_puts(&c->out, "\r\n");
  return lab_buf_try_append(&c->out, config->body, config->body_len);
}

/* ---- the beginning ------------------------------------------------------- */

static void on_call_timeout(uv_timer_t *timer) {
  fail_call(LAB_CONTAINER(timer, lab_http_call, timer), UV_ETIMEDOUT,
            "deadline exceeded");
}

/* Reports an error that begin has put into the result. */
static void on_bad_call(uv_timer_t *timer) {
  finish_call(LAB_CONTAINER(timer, lab_http_call, timer));
}

static int look_up_host(lab_http_call *c) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                           .ai_flags = AI_NUMERICSERV};
  int rc = uv_getaddrinfo(c->loop, &c->lookup, on_host_found, c->url.host,
                          c->url.port, &hints);
  c->users += rc == 0;
  return rc;
}

/* Splits the URL, writes the request and begins the lookup. 0, or a negative
 * error that is also in the result. */
static int start_call(lab_http_call *c) {
  const char *wrong = lab_http_url_split(&c->url, c->config.url);
  int rc = -EINVAL;
  if (!wrong)
    rc = write_call_request(c, &c->url) ? look_up_host(c) : UV_ENOMEM;
  if (rc != 0)
    set_error(c, rc > -1000 ? rc : -EINVAL, wrong ? wrong : uv_strerror(rc));
  return rc;
}

/* The timer is the only way to report an error later, so this must not fail. It
 * can't: libuv refuses only a timer that is being closed. */
static void start_call_timer(lab_http_call *c, uv_timer_cb then, uint64_t ms) {
  int rc = uv_timer_start(&c->timer, then, ms, 0);
  LAB_ASSERT(rc == 0);
}

lab_http_call *lab_http_call_begin(uv_loop_t *loop,
                                   const lab_http_call_config *config) {
  lab_http_call *c = lab_xcalloc(1, sizeof *c);
  c->config = *config;
  c->loop = loop;
  c->users = 1; /* the timer */
  c->fd = -1;
  lab_http_answer_init(&c->answer, strcmp(config->method, "HEAD") == 0,
                       config->max_body);
  int rc = uv_timer_init(loop, &c->timer);
  LAB_ASSERT(rc == 0); /* libuv only fills in the handle */
  if (start_call(c) != 0)
    start_call_timer(c, on_bad_call, 0);
  else if (config->timeout_ms > 0)
    start_call_timer(c, on_call_timeout, config->timeout_ms);
  /* The caller's texts were needed only for writing the request. */
  c->config.method = c->config.url = c->config.headers = NULL;
  c->config.body = NULL;
  c->url.authority = c->url.target = NULL;
  return c;
}
