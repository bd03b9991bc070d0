/* SPDX-License-Identifier: MIT
 * The server: its beginning and end, and time-outs.
 *
 * One timer, the sweep, serves all time-outs. The list of parked connections
 * begins with the one that is idle for longest, so a sweep looks only at those
 * whose time is over. */
#include "http/server.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "http/admit.h"
#include "http/conn.h"
#include "http/lane.h"
#include "http/request_internal.h"
#include "http/room.h"
#include "http/server_internal.h"
#include "http/write.h"

#define TIMEOUTS_MAX 256 /* connections that one sweep ends */
#define SWEEP_MAX_MS 500
#define SWEEP_MIN_MS 10
#define SWEEP_SOON_MS 2

static void on_server_sweep(uv_timer_t *timer);

void lab_http_config_init(lab_http_config *config) {
  *config = (lab_http_config){
      .max_header_bytes = 8192,
      .max_uri_bytes = 8192,
      .max_body_bytes = 65536,
      .header_timeout_ms = 10000,
      .body_timeout_ms = 60000,
      .idle_timeout_ms = 120000,
      .write_timeout_ms = 120000,
      .max_kept_bytes = 128 << 20,
      .max_connections = 20000,
      .reserve = LAB_HTTP_RESERVE,
  };
}

int lab_http_serve_fd(lab_http_server *server, int fd) {
  return lab_http_conn_new(server, fd, true);
}

/* ---- time-outs ----------------------------------------------------------- */

/* True if the client has taken nothing of its answer for too long. */
static bool is_stalled(lab_http_conn *c, uint64_t now) {
  size_t queued = uv_stream_get_write_queue_size((uv_stream_t *)&c->tcp);
  bool moved = c->queued == 0 || queued < c->queued;
  c->queued = queued;
  if (queued > 0 && moved)
    c->write_deadline = now + c->server->config.write_timeout_ms;
  return queued > 0 && !moved && now >= c->write_deadline;
}

/* The client has closed its half. The server doesn't read that if the client
 * has sent much ahead. */
static bool is_half_closed(const lab_http_conn *c) {
  struct pollfd p = {.events = POLLRDHUP};
  if (c->eof || c->reading || uv_fileno((const uv_handle_t *)&c->tcp, &p.fd))
    return c->eof;
  return poll(&p, 1, 0) > 0 && p.revents & (POLLRDHUP | POLLHUP | POLLERR);
}

/* Before the handler began to watch for that, or unseen. */
static bool has_left_unseen(const lab_http_conn *c) {
  return c->req && c->req->gone && is_half_closed(c);
}

/* How many connections this sweep may still end. */
typedef struct sweep_quota {
  uint64_t now;
  int left;
} sweep_quota;

static bool is_late(const lab_http_conn *c, uint64_t now) {
  return c->deadline != 0 && now >= c->deadline;
}

/* The same, but for a client whose request the server lets wait: that has a
 * turn now, and if it has sent still more, another one at the next sweep. Its
 * length has a limit, so it will end. */
static bool is_late_after_turn(lab_http_conn *c, uint64_t now) {
  bool may_wait = c->state <= LAB_HTTP_BODY && lab_http_lane_has(c);
  if (may_wait)
    lab_http_conn_take_turn(c);
  return c->state != LAB_HTTP_CLOSED && is_late(c, now) &&
         !(may_wait && lab_http_lane_has(c));
}

static void check_conn(lab_list *link, void *arg) {
  lab_http_conn *c = LAB_CONTAINER(link, lab_http_conn, link);
  sweep_quota *s = arg;
  bool lost = c->broken || is_stalled(c, s->now) || has_left_unseen(c);
  if ((!lost && !is_late(c, s->now)) || s->left <= 0)
    return;
  s->left--;
  if (lost)
    lab_http_conn_lost(c);
  else if (is_late_after_turn(c, s->now))
    lab_http_conn_timeout(c);
}

/* The list is in the order of its deadlines, or none of it has one. */
static void check_parked_conns(lab_http_server *server, sweep_quota *s) {
  lab_list *parked = &server->turns[LAB_HTTP_PARKED];
  while (!lab_list_empty(parked) && s->left > 0) {
    lab_http_conn *c = LAB_CONTAINER(parked->next, lab_http_conn, link);
    if (!is_late(c, s->now))
      return;
    s->left--;
    lab_http_conn_timeout(c);
  }
}

static void on_server_sweep(uv_timer_t *timer) {
  lab_http_server *server = LAB_CONTAINER(timer, lab_http_server, sweep);
  sweep_quota s = {uv_now(server->loop), TIMEOUTS_MAX};
  check_parked_conns(server, &s);
  for (int turn = LAB_HTTP_ASKING; turn < LAB_HTTP_TURNS; turn++)
    lab_list_visit_each(&server->turns[turn], check_conn, &s);
  lab_http_trim_memory(server);
  lab_http_recount_crowd(server);
  lab_http_refill_reserve(server);
  if (!server->closing)
    lab_http_set_accepting(server, true);
  /* Many at once: others get their turn in between. */
  if (s.left == 0 && !uv_is_closing((uv_handle_t *)timer))
    uv_timer_start(timer, on_server_sweep, SWEEP_SOON_MS,
                   uv_timer_get_repeat(timer));
}

void lab_http_server_hasten_sweep(lab_http_server *server, uint64_t ms) {
  uv_timer_t *sweep = &server->sweep;
  if (!server->closing && uv_timer_get_due_in(sweep) > ms)
    uv_timer_start(sweep, on_server_sweep, ms, uv_timer_get_repeat(sweep));
}

static uint64_t choose_sweep_period(const lab_http_config *config) {
  uint64_t least = SWEEP_MAX_MS * 4;
  const uint64_t limits[] = {config->header_timeout_ms, config->body_timeout_ms,
                             config->idle_timeout_ms, config->write_timeout_ms};
  for (int i = 0; i < 4; i++)
    least = limits[i] > 0 && limits[i] < least ? limits[i] : least;
  return least / 4 < SWEEP_MIN_MS ? SWEEP_MIN_MS : least / 4;
}

/* ---- beginning and end --------------------------------------------------- */

static void ignore_sigpipe(void) {
  struct sigaction action;
  if (sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL) {
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
  }
}

/* NULL without memory for its buffer. */
static lab_http_server *create_server(uv_loop_t *loop,
                                      const lab_http_config *config) {
  lab_http_server *server = lab_xcalloc(1, sizeof *server);
  server->read_buffer = lab_try_malloc(LAB_HTTP_READ_SIZE);
  if (!server->read_buffer) {
    lab_xfree(server);
    return NULL;
  }
  server->loop = loop;
  server->config = *config;
  server->accepting = true;
  for (int i = 0; i < LAB_HTTP_TURNS; i++)
    lab_list_init(&server->turns[i]);
  for (int i = 0; i < LAB_HTTP_RESERVE; i++)
    server->reserve[i] = -1;
  server->handles = 1; /* the sweep */
  return server;
}

int lab_http_server_new(lab_http_server **out, uv_loop_t *loop,
                        const lab_http_config *config) {
  LAB_ASSERT(config->on_request && config->reserve <= LAB_HTTP_RESERVE);
  lab_http_server *server = create_server(loop, config);
  if (!server)
    return -ENOMEM;
  int rc = uv_timer_init(loop, &server->sweep);
  if (rc < 0) {
    lab_http_server_handle_closed(server);
    return rc;
  }
  lab_http_lane_open(server);
  server->handles++;
  uint64_t period = choose_sweep_period(config);
  rc = uv_timer_start(&server->sweep, on_server_sweep, period, period);
  if (rc < 0) {
    lab_http_server_close(server, NULL, NULL);
    return rc;
  }
  lab_http_refill_reserve(server);
  ignore_sigpipe();
  *out = server;
  return 0;
}

void lab_http_server_handle_closed(lab_http_server *server) {
  if (--server->handles > 0)
    return;
  void (*closed)(void *) = server->closed;
  void *arg = server->closed_arg;
  lab_http_free_reserve(server);
  lab_http_request_free_spares(server);
  lab_buf_free(&server->spare);
  lab_xfree(server->read_buffer);
  lab_xfree(server);
  if (closed)
    closed(arg);
}

static void on_sweep_closed(uv_handle_t *handle) {
  lab_http_server_handle_closed(
      LAB_CONTAINER((uv_timer_t *)handle, lab_http_server, sweep));
}

static void on_lane_closed(uv_handle_t *handle) {
  lab_http_server_handle_closed(
      LAB_CONTAINER((uv_idle_t *)handle, lab_http_server, lane_idle));
}

/* The sweep goes on as long as there are connections that it may have to
 * close. */
static void end_sweep(lab_http_server *server) {
  uv_handle_t *sweep = (uv_handle_t *)&server->sweep;
  if (server->closing && server->connections == 0 && !uv_is_closing(sweep)) {
    uv_close(sweep, on_sweep_closed);
    lab_http_lane_close(server, on_lane_closed);
  }
}

void lab_http_server_conn_closed(lab_http_server *server) {
  server->connections--;
  lab_http_refill_reserve(server);
  if (!server->closing)
    lab_http_set_accepting(server, true);
  end_sweep(server);
  lab_http_server_handle_closed(server);
}

void lab_http_server_conn_answered(lab_http_server *server) {
  if (!server->closing)
    lab_http_set_accepting(server, true);
}

/* A connection without a request, so no handler is told. */
static void close_unused_conn(lab_list *link, void *arg) {
  lab_http_conn *c = LAB_CONTAINER(link, lab_http_conn, link);
  (void)arg;
  if (c->state == LAB_HTTP_IDLE)
    lab_http_conn_lost(c);
}

void lab_http_server_close(lab_http_server *server, void (*closed)(void *arg),
                           void *arg) {
  LAB_ASSERT(!server->closing);
  server->closing = true;
  lab_http_set_accepting(server, false);
  server->closed = closed;
  server->closed_arg = arg;
  lab_http_close_listeners(server);
  lab_list_visit_each(&server->turns[LAB_HTTP_PARKED], close_unused_conn, NULL);
  lab_list_visit_each(&server->turns[LAB_HTTP_ASKING], close_unused_conn, NULL);
  end_sweep(server);
}

/* Up to MOST. True if there are no more. */
static bool lose_conns(lab_http_server *server, unsigned most) {
  for (int i = 0; i < LAB_HTTP_TURNS; i++) {
    lab_list *list = &server->turns[i];
    for (; !lab_list_empty(list); most--) {
      if (most == 0)
        return false;
      lab_http_conn_lost(LAB_CONTAINER(list->next, lab_http_conn, link));
    }
  }
  return true;
}

bool lab_http_server_drain(lab_http_server *server, unsigned most) {
  server->draining = true;
  lab_http_set_accepting(server, false);
  return lose_conns(server, most);
}

void lab_http_server_abort(lab_http_server *server) {
  lose_conns(server, UINT_MAX);
}

int lab_http_listener_fd(const lab_http_server *server) {
  return server->listeners->fd;
}

unsigned lab_http_connections(const lab_http_server *server) {
  return server->connections;
}
