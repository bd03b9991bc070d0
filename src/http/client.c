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
#include "http/dial.h"
#include "http/lookup.h"
#include "http/pool_internal.h"
#include "http/url.h"
#include "http/wire.h"

static const char CLOSED[] = "the client is closed";

struct lab_http_call {
  lab_http_call_config config;
  lab_http_result result;
  uv_loop_t *loop;
  lab_http_wire *wire; /* or NULL */
  lab_http_pool_guest guest;
  uv_timer_t timer;
  lab_http_lookup lookup;
  lab_http_dial dial;
  lab_http_answer answer;
  struct addrinfo *addresses; /* what the lookup found */
  struct addrinfo *next;      /* the one to try next */
  unsigned users; /* open handles, wires too, and a lookup under way */
  bool is_safe;   /* it may be sent twice */
  bool reused;    /* its wire has served before */
  bool complete;  /* the answer is */
  bool told_head; /* config.head was called */
  bool asked;     /* by lab_http_call_read, which waits for WANTED bytes */
  bool ended;
  size_t wanted;
  lab_http_url url; /* its pieces of text exist only in begin */
  lab_buf out;      /* the request */
};

static void dial_host(lab_http_call *c);

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

static void on_call_wire_closed(void *arg) {
  release_call(arg);
}

static void drop_call_wire(lab_http_call *c) {
  if (c->wire)
    lab_http_wire_close(c->wire);
  c->wire = NULL;
}

/* The whole answer was taken, nothing came after it, and the server has not
 * said that it will close. */
static bool is_wire_in_order(const lab_http_call *c) {
  return c->wire && !c->wire->writing && c->complete && c->answer.keeps &&
         c->answer.rest == 0 && c->result.error == 0;
}

static void end_call(lab_http_call *c, bool keeps_wire) {
  c->ended = true;
  lab_list_remove(&c->guest.link);
  lab_http_dial_leave(&c->dial);
  if (keeps_wire) {
    lab_http_pool_keep(c->config.pool, c->wire);
    c->wire = NULL;
    c->users--; /* the timer is still there */
  }
  drop_call_wire(c);
  c->users -= lab_http_lookup_cancel(&c->lookup); /* the timer's is left */
  uv_close((uv_handle_t *)&c->timer, on_call_timer_closed);
}

void lab_http_call_cancel(lab_http_call *c) {
  end_call(c, false);
}

static void finish_call(lab_http_call *c) {
  end_call(c, c->config.pool && is_wire_in_order(c));
  c->result.status = c->answer.status;
  if (!c->told_head) {
    c->result.headers = c->answer.headers;
    c->result.body = c->answer.body;
    c->answer.headers = c->answer.body = (lab_buf)LAB_BUF_INIT;
  }
  c->config.done(c->config.arg, &c->result);
}

static void set_error(lab_http_call *c, int error, const char *message) {
  c->result.error = error;
  snprintf(c->result.message, sizeof c->result.message, "%s", message);
}

/* ERROR is libuv's. */
static void set_call_fault(lab_http_call *c, int error, const char *what) {
  bool is_errno = error > -1000; /* libuv's own errors are below that */
  c->result.error = is_errno ? error : -EHOSTUNREACH;
  snprintf(c->result.message, sizeof c->result.message, "%s%s%s", what,
           *what ? ": " : "", error == UV_EOF ? "EOF" : uv_strerror(error));
  if (error == UV_EOF)
    c->result.error = -ECONNRESET;
}

static void fail_call(lab_http_call *c, int error, const char *what) {
  set_call_fault(c, error, what);
  finish_call(c);
}

/* Reports an error that is in the result. */
static void on_bad_call(uv_timer_t *timer) {
  finish_call(LAB_CONTAINER(timer, lab_http_call, timer));
}

/* The timer is the only way to report an error later, so this must not fail. It
 * can't: libuv refuses only a timer that is being closed. */
static void start_call_timer(lab_http_call *c, uv_timer_cb then, uint64_t ms) {
  int rc = uv_timer_start(&c->timer, then, ms, 0);
  LAB_ASSERT(rc == 0);
}

static void on_call_timeout(uv_timer_t *timer) {
  fail_call(LAB_CONTAINER(timer, lab_http_call, timer), UV_ETIMEDOUT,
            "deadline exceeded");
}

/* It has MS from now on; 0: no limit. */
static void limit_call(lab_http_call *c, uint64_t ms) {
  if (ms > 0)
    start_call_timer(c, on_call_timeout, ms);
}

/* Its head was told, and nobody has asked for more: what happens now is told
 * when somebody does. */
static bool is_held(const lab_http_call *c) {
  return c->told_head && !c->asked;
}

static void on_call_evicted(lab_http_pool_guest *guest) {
  lab_http_call *c = LAB_CONTAINER(guest, lab_http_call, guest);
  set_error(c, -ECANCELED, CLOSED);
  if (is_held(c))
    drop_call_wire(c);
  else
    finish_call(c);
}

/* ---- reading the answer -------------------------------------------------- */

static void fail_answer(lab_http_call *c, lab_http_answer_state state) {
  if (state == LAB_HTTP_ANSWER_TOO_LARGE)
    set_error(c, -EMSGSIZE, "response too large");
  else if (state == LAB_HTTP_ANSWER_NO_MEMORY)
    set_error(c, -ENOMEM, "not enough memory for the response");
  else
    set_error(c, -EPROTO, "malformed HTTP response");
  finish_call(c);
}

/* Until it is asked for more, it reads nothing and has time. */
static void hold_call(lab_http_call *c) {
  c->asked = false;
  lab_http_wire_read(c->wire, false);
  uv_timer_stop(&c->timer);
}

static void tell_head(lab_http_call *c) {
  c->told_head = true;
  hold_call(c);
  c->result.status = c->answer.status;
  c->result.headers = c->answer.headers;
  c->answer.headers = (lab_buf)LAB_BUF_INIT;
  c->config.head(c->config.arg, &c->result);
}

/* There are as many bytes as were asked for, or no more will come. */
static void tell_part(lab_http_call *c) {
  lab_buf_free(&c->result.body); /* unless the one before was taken */
  if (!lab_http_answer_take(&c->answer, c->wanted, &c->result.body)) {
    fail_answer(c, LAB_HTTP_ANSWER_NO_MEMORY);
  } else if (c->complete && c->answer.body.len == 0) {
    finish_call(c);
  } else {
    hold_call(c);
    c->config.part(c->config.arg, &c->result);
  }
}

static bool has_part(const lab_http_call *c) {
  return c->complete || c->answer.body.len >= c->wanted;
}

/* More of the answer has come, and it is in order so far. */
static void advance_call(lab_http_call *c) {
  bool has_nothing = c->complete && c->answer.body.len == 0;
  if (c->told_head) {
    if (has_part(c))
      tell_part(c);
  } else if (!c->config.head || has_nothing) {
    if (c->complete)
      finish_call(c);
  } else if (c->answer.has_head) {
    tell_head(c);
  }
}

/* The server has closed the connection, perhaps before it got the request. */
static void retry_call(lab_http_call *c) {
  c->reused = false;
  drop_call_wire(c);
  dial_host(c);
}

/* The connection has ended within the answer, or before it. */
static void lose_call(lab_http_call *c, int error) {
  bool is_early = c->reused && c->answer.fed == 0;
  if (is_early && c->is_safe)
    retry_call(c);
  else if (is_early)
    fail_call(c, error, "the server has closed the idle connection");
  else
    fail_call(c, error,
              error == UV_EOF && c->answer.status ? "unexpected" : "read");
}

static void on_call_came(void *arg, const char *bytes, ssize_t n) {
  lab_http_call *c = arg;
  lab_http_answer_state state = LAB_HTTP_ANSWER_MORE;
  if (n > 0)
    state = lab_http_answer_feed(&c->answer, bytes, (size_t)n);
  else if (n == UV_EOF)
    state = lab_http_answer_finish(&c->answer);
  c->complete = state == LAB_HTTP_ANSWER_DONE;
  if (state > LAB_HTTP_ANSWER_DONE)
    fail_answer(c, state);
  else if (n < 0 && !c->complete)
    lose_call(c, (int)n);
  else
    advance_call(c);
}

/* ---- sending the request ------------------------------------------------- */

static void on_call_written(void *arg, int status) {
  lab_http_call *c = arg;
  /* A server that refuses the rest of a long body may have answered already;
   * then reading finds the answer. */
  if (status < 0 && status != UV_EPIPE && status != UV_ECONNRESET &&
      !is_held(c))
    fail_call(c, status, "write");
}

static int send_call(lab_http_call *c) {
  int rc = lab_http_wire_send(c->wire, &c->out);
  return rc ? rc : lab_http_wire_read(c->wire, true);
}

/* ---- connecting ---------------------------------------------------------- */

static void await_dial(lab_http_call *c);

/* The owner of its pool may close that on another thread: it refuses the
 * descriptor, and the pool is told a little later. */
static void fail_dial(lab_http_call *c, int rc, const char *step) {
  char what[sizeof c->url.host + 64];
  if (rc == -ECANCELED && c->config.pool) {
    set_error(c, rc, CLOSED);
    finish_call(c);
    return;
  }
  snprintf(what, sizeof what, "dial tcp %s:%s: %s", c->url.host, c->url.port,
           step);
  fail_call(c, rc, what);
}

static void on_call_connected(void *arg, int status) {
  lab_http_call *c = arg;
  if (status == 0) {
    if (c->config.pool) /* a request must not wait for an old packet's ACK */
      uv_tcp_nodelay(&c->wire->tcp, 1);
    int rc = send_call(c);
    if (rc)
      fail_call(c, rc, "write");
  } else if (c->next) {
    drop_call_wire(c);
    await_dial(c);
  } else {
    fail_dial(c, status, "connect");
  }
}

static const lab_http_wire_events call_events = {
    .connected = on_call_connected,
    .written = on_call_written,
    .came = on_call_came,
    .closed = on_call_wire_closed,
};

static void take_wire(lab_http_call *c, lab_http_wire *w) {
  c->wire = w;
  c->users++;
  lab_http_wire_use(w, &call_events, c);
}

static void try_next_address(lab_http_call *c) {
  const struct addrinfo *a = c->next;
  const char *step;
  lab_http_wire *w;
  lab_http_fd_watch watch = {.opened = c->config.opened,
                             .opened_arg = c->config.arg,
                             .closing = c->config.closing,
                             .closing_arg = c->config.arg};
  c->next = a->ai_next;
  if (c->config.pool)
    lab_http_pool_watch(c->config.pool, &watch);
  int rc = lab_http_wire_open(&w, c->loop, a->ai_addr, &watch, &step);
  if (rc) {
    fail_dial(c, rc, step);
    return;
  }
  lab_http_url_place(&c->url, w->place);
  take_wire(c, w);
}

static void on_dial_turn(lab_http_dial *dial) {
  try_next_address(LAB_CONTAINER(dial, lab_http_call, dial));
}

static void await_dial(lab_http_call *c) {
  lab_http_dial_wait(&c->dial, c->loop, on_dial_turn);
}

/* An error is told by the timer: this may have been called by begin. */
static void on_host_found(lab_http_lookup *lookup, int status,
                          struct addrinfo *found) {
  lab_http_call *c = LAB_CONTAINER(lookup, lab_http_call, lookup);
  char what[sizeof c->url.host + 32];
  c->addresses = c->next = found;
  if (!c->ended && status < 0) {
    snprintf(what, sizeof what, "dial tcp: lookup %s", c->url.host);
    set_call_fault(c, status, what);
    start_call_timer(c, on_bad_call, 0);
  } else if (!c->ended) {
    await_dial(c);
  }
  release_call(c);
}

static bool is_host_number(lab_http_call *c) {
  if (c->addresses)
    uv_freeaddrinfo(c->addresses);
  c->addresses = c->next = lab_http_lookup_number(&c->url);
  return c->addresses != NULL;
}

static void look_host_up(lab_http_call *c) {
  c->users++;
  lab_http_lookup_begin(&c->lookup, c->loop, &c->url, on_host_found);
}

static void dial_host(lab_http_call *c) {
  if (is_host_number(c))
    await_dial(c);
  else
    look_host_up(c);
}

/* Sends the request on a connection that an earlier call has left. False: there
 * is none that works. */
static bool reuse_wire(lab_http_call *c) {
  char place[LAB_HTTP_URL_PLACE];
  lab_http_url_place(&c->url, place);
  lab_http_wire *w = lab_http_pool_take(c->config.pool, place);
  if (!w)
    return false;
  take_wire(c, w);
  c->reused = send_call(c) == 0;
  if (!c->reused)
    drop_call_wire(c);
  return c->reused;
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
  lab_buf_printf(&c->out, "%s%s", config->pool ? "" : "Connection: close\r\n",
                 config->headers);
  if (config->body_len > 0)
    lab_buf_printf(&c->out, "Content-Length: %zu\r\n", config->body_len);
  lab_buf_puts(&c->out, "\r\n");
  return lab_buf_try_append(&c->out, config->body, config->body_len);
}

/* ---- the beginning ------------------------------------------------------- */

/* Methods that change nothing, so that Go sends them once more, too. */
static bool is_safe_method(const char *method) {
  static const char *const safe[] = {"GET", "HEAD", "OPTIONS", "TRACE", NULL};
  for (size_t i = 0; safe[i]; i++)
    if (strcmp(method, safe[i]) == 0)
      return true;
  return false;
}

/* Finds a connection, or begins with a new one. */
static void find_wire(lab_http_call *c) {
  if (c->config.pool)
    lab_http_pool_enter(c->config.pool, &c->guest);
  if (!c->config.pool || !reuse_wire(c))
    dial_host(c);
}

/* Splits the URL, writes the request and begins to send it. False: there is an
 * error in the result. */
static bool start_call(lab_http_call *c) {
  const char *wrong = lab_http_url_split(&c->url, c->config.url);
  if (wrong)
    set_error(c, -EINVAL, wrong);
  else if (!write_call_request(c, &c->url))
    set_error(c, -ENOMEM, uv_strerror(UV_ENOMEM));
  else
    find_wire(c);
  return c->result.error == 0;
}

void lab_http_call_read(lab_http_call *c, size_t n) {
  LAB_ASSERT(is_held(c) && n > 0);
  c->asked = true;
  c->wanted = n;
  if (c->result.error) { /* since then */
    finish_call(c);
  } else if (has_part(c)) {
    tell_part(c);
  } else {
    limit_call(c, c->config.part_timeout_ms);
    int rc = lab_http_wire_read(c->wire, true);
    if (rc)
      fail_call(c, rc, "read");
  }
}

lab_http_call *lab_http_call_begin(uv_loop_t *loop,
                                   const lab_http_call_config *config) {
  lab_http_call *c = lab_xcalloc(1, sizeof *c);
  c->config = *config;
  c->loop = loop;
  c->users = 1; /* the timer */
  c->is_safe = is_safe_method(config->method);
  c->guest.evicted = on_call_evicted;
  lab_list_init(&c->guest.link);
  lab_list_init(&c->dial.link);
  lab_http_answer_init(&c->answer, strcmp(config->method, "HEAD") == 0,
                       config->max_body);
  int rc = uv_timer_init(loop, &c->timer);
  LAB_ASSERT(rc == 0); /* libuv only fills in the handle */
  limit_call(c, config->timeout_ms);
  if (!start_call(c))
    start_call_timer(c, on_bad_call, 0);
  /* The caller's texts were needed only for writing the request. */
  c->config.method = c->config.url = c->config.headers = NULL;
  c->config.body = NULL;
  c->url.authority = c->url.target = NULL;
  return c;
}
