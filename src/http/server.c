/* SPDX-License-Identifier: MIT
 * The server: accepting, time-outs, shutdown.
 *
 * The server polls its listening sockets and calls accept itself, instead of
 * using uv_listen. The reason is a lesson of this lab in which the process runs
 * out of file descriptors: libuv would then accept and close every client. This
 * server does three things instead. It closes connections that wait for their
 * clients. It uses descriptors kept in reserve, so that students can still look
 * at the leak. When there is nothing left it stops polling, so that it neither
 * spins nor turns clients away.
 *
 * What gives way when there is too little is said in server.h; room.c does it.
 *
 * One timer, the sweep, serves all time-outs. The list of parked connections
 * begins with the one that is idle for longest, so a sweep looks only at those
 * whose time is over. */
#include "http/server.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"
#include "http/conn.h"
#include "http/lane.h"
#include "http/request_internal.h"
#include "http/room.h"
#include "http/server_internal.h"
#include "http/write.h"

#define ACCEPT_MS 4      /* in which clients are accepted, before others */
#define TIMEOUTS_MAX 256 /* connections that one sweep ends */
#define SWEEP_MAX_MS 500
#define SWEEP_MIN_MS 10
#define SWEEP_SOON_MS 2
#define RETRY_MS 100

static void set_accepting(lab_http_server *server, bool want);
static void on_server_sweep(uv_timer_t *timer);
static void free_closed_server(lab_http_server *server);

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

/* ---- file descriptors ---------------------------------------------------- */

static void refill_reserve(lab_http_server *server) {
  for (unsigned i = 0; i < server->config.reserve; i++) {
    if (server->reserve[i] < 0)
      server->reserve[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (server->reserve[i] < 0)
      return;
  }
}

static bool release_reserve(lab_http_server *server) {
  for (int i = LAB_HTTP_RESERVE - 1; i >= 0; i--) {
    if (server->reserve[i] >= 0) {
      close(server->reserve[i]);
      server->reserve[i] = -1;
      return true;
    }
  }
  return false;
}

/* Needed because accept4 fails without a free descriptor whether or not a
 * client waits. */
static bool is_client_waiting(int fd) {
  struct pollfd p = {fd, POLLIN, 0};
  return poll(&p, 1, 0) == 1;
}

/* ---- who waits ----------------------------------------------------------- */

/* The listener whose clients wait for longest, or L if none do. */
static lab_http_listener *find_first_in_line(lab_http_listener *l) {
  lab_http_listener *first = l;
  for (lab_http_listener *o = l->server->listeners; o; o = o->next)
    if (o->waited_since > 0 &&
        (first->waited_since == 0 || o->waited_since < first->waited_since))
      first = o;
  return first;
}

/* A sweep comes in MS or sooner. One that is due already isn't put off, however
 * often clients find no place meanwhile. */
static void hasten_sweep(lab_http_server *server, uint64_t ms) {
  uv_timer_t *sweep = &server->sweep;
  if (!server->closing && uv_timer_get_due_in(sweep) > ms)
    uv_timer_start(sweep, on_server_sweep, ms, uv_timer_get_repeat(sweep));
}

/* A sweep tries again when the patience of L's clients is over, and after that
 * from time to time. */
static void keep_waiting(lab_http_listener *l) {
  uint64_t now = uv_now(l->server->loop);
  if (l->waited_since == 0)
    l->waited_since = now;
  uint64_t end = l->waited_since + LAB_HTTP_PRESS_MS;
  hasten_sweep(l->server, now < end ? end - now : RETRY_MS);
}

/* Clients have to wait, L's and all others: they need the same places. */
static void stop_accepting(lab_http_listener *l) {
  set_accepting(l->server, false);
  for (lab_http_listener *o = l->server->listeners; o; o = o->next)
    if (o == l || is_client_waiting(o->fd))
      keep_waiting(o);
}

/* ---- accepting ----------------------------------------------------------- */

/* Accepts a client if the server's owner allows one more. */
static int accept_if_allowed(const lab_http_config *config, int fd,
                             lab_address *peer) {
  socklen_t len = sizeof *peer;
  int rc = config->may_open ? config->may_open(config->arg) : 0;
  if (rc < 0)
    return rc;
  int client = accept4(fd, &peer->any, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
  rc = client < 0 ? -errno : client;
  if (rc < 0 && config->may_open)
    config->closing(config->arg, -1);
  return rc;
}

/* The socket of a client, or negative errno. KIND's `reserved` is set if its
 * descriptor comes out of the reserve, and its `peer`. */
static int accept_client(lab_http_listener *l, bool pressed,
                         lab_http_conn_kind *kind) {
  lab_http_server *server = l->server;
  for (;;) {
    int client = accept_if_allowed(&server->config, l->fd, &kind->peer);
    if (client != -EMFILE && client != -ENFILE)
      return client;
    if (!is_client_waiting(l->fd))
      return -EAGAIN;
    if (lab_http_make_room(server, pressed))
      continue;
    if (!release_reserve(server) && !lab_http_make_reserve(server, pressed))
      return -EMFILE;
    kind->reserved = true;
  }
}

static void begin_client(lab_http_listener *l, int fd, bool pressed,
                         lab_http_conn_kind *kind) {
  kind->high = lab_http_count_crowd(l->server, fd, pressed, &kind->reserved);
  lab_http_conn_accepted(l->server, fd, kind);
}

/* Accepts the next client of L: 0, or negative errno. */
static int admit_client(lab_http_listener *l, bool pressed) {
  lab_http_conn_kind kind = {.loopback = l->loopback};
  if (!lab_http_find_place(l->server, pressed, &kind.reserved))
    return -EMFILE;
  int fd = accept_client(l, pressed, &kind);
  l->server->rush |= fd >= 0;
  if (fd >= 0)
    begin_client(l, fd, pressed, &kind);
  return fd < 0 ? fd : 0;
}

/* The same, and others give way at once if that's the only way, and the clients
 * of L have waited for it. -EAGAIN: nobody waits. */
static int admit_or_press(lab_http_listener *l) {
  if (lab_http_is_crowded(l->server) && !is_client_waiting(l->fd))
    return -EAGAIN;
  int rc = admit_client(l, false);
  return rc == -EMFILE && lab_http_listener_is_pressed(l)
             ? admit_client(l, true)
             : rc;
}

static void accept_clients(lab_http_listener *l) {
  lab_http_server *server = l->server;
  int rc = 0;
  uint64_t end = lab_clock_mono() + ACCEPT_MS * LAB_MILLISECOND;
  while (server->accepting && rc != -EAGAIN && lab_clock_mono() < end) {
    rc = admit_or_press(l);
    if (rc < 0 && rc != -EAGAIN && rc != -ECONNABORTED && rc != -EINTR)
      stop_accepting(l); /* out of descriptors or memory */
  }
  if (rc == -EAGAIN || (rc == 0 && !is_client_waiting(l->fd)))
    l->waited_since = 0;
}

/* Whoever has waited for longest is first. */
static void on_listener_readable(uv_poll_t *poll, int status, int events) {
  lab_http_listener *l = LAB_CONTAINER(poll, lab_http_listener, poll);
  lab_http_listener *first = find_first_in_line(l);
  (void)status;
  (void)events;
  accept_clients(first);
  if (first != l)
    accept_clients(l);
}

/* If polling fails, the next sweep tries again. */
static void set_accepting(lab_http_server *server, bool want) {
  want = want && !server->draining;
  if (server->accepting == want)
    return;
  server->accepting = want;
  for (lab_http_listener *l = server->listeners; l; l = l->next) {
    if (!want)
      uv_poll_stop(&l->poll);
    else if (uv_poll_start(&l->poll, UV_READABLE, on_listener_readable) < 0)
      server->accepting = false;
  }
}

static void on_listener_closed(uv_handle_t *handle) {
  lab_http_listener *l = LAB_CONTAINER(handle, lab_http_listener, poll);
  lab_http_server *server = l->server;
  close(l->fd);
  lab_xfree(l);
  free_closed_server(server);
}

int lab_http_server_add_listener(lab_http_server *server, int fd,
                                 bool loopback) {
  lab_http_listener *l = lab_xcalloc(1, sizeof *l);
  int rc = uv_poll_init(server->loop, &l->poll, fd);
  if (rc < 0) {
    close(fd);
    lab_xfree(l);
    return rc;
  }
  l->server = server;
  l->fd = fd;
  l->loopback = loopback;
  server->handles++;
  if (server->accepting)
    rc = uv_poll_start(&l->poll, UV_READABLE, on_listener_readable);
  if (rc < 0) {
    uv_close((uv_handle_t *)&l->poll, on_listener_closed);
    return rc;
  }
  l->next = server->listeners;
  server->listeners = l;
  return 0;
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

static void check_conn(lab_list *link, void *arg) {
  lab_http_conn *c = LAB_CONTAINER(link, lab_http_conn, link);
  sweep_quota *s = arg;
  bool lost = c->broken || is_stalled(c, s->now) || has_left_unseen(c);
  bool late = c->deadline != 0 && s->now >= c->deadline;
  if ((!lost && !late) || s->left <= 0)
    return;
  s->left--;
  if (lost)
    lab_http_conn_lost(c);
  else
    lab_http_conn_timeout(c);
}

/* The list is in the order of its deadlines, or none of it has one. */
static void check_parked_conns(lab_http_server *server, sweep_quota *s) {
  lab_list *parked = &server->turns[LAB_HTTP_PARKED];
  while (!lab_list_empty(parked) && s->left > 0) {
    lab_http_conn *c = LAB_CONTAINER(parked->next, lab_http_conn, link);
    if (c->deadline == 0 || s->now < c->deadline)
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
  refill_reserve(server);
  if (!server->closing)
    set_accepting(server, true);
  /* Many at once: others get their turn in between. */
  if (s.left == 0 && !uv_is_closing((uv_handle_t *)timer))
    uv_timer_start(timer, on_server_sweep, SWEEP_SOON_MS,
                   uv_timer_get_repeat(timer));
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
    free_closed_server(server);
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
  refill_reserve(server);
  ignore_sigpipe();
  *out = server;
  return 0;
}

/* Called for each handle that is closed; the last one frees the server. */
static void free_closed_server(lab_http_server *server) {
  if (--server->handles > 0)
    return;
  void (*closed)(void *) = server->closed;
  void *arg = server->closed_arg;
  while (release_reserve(server))
    ;
  lab_http_request_free_spares(server);
  lab_buf_free(&server->spare);
  lab_xfree(server->read_buffer);
  lab_xfree(server);
  if (closed)
    closed(arg);
}

static void on_sweep_closed(uv_handle_t *handle) {
  free_closed_server(
      LAB_CONTAINER((uv_timer_t *)handle, lab_http_server, sweep));
}

static void on_lane_closed(uv_handle_t *handle) {
  free_closed_server(
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
  refill_reserve(server);
  if (!server->closing)
    set_accepting(server, true);
  end_sweep(server);
  free_closed_server(server);
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
  set_accepting(server, false);
  server->closed = closed;
  server->closed_arg = arg;
  while (server->listeners) {
    lab_http_listener *l = server->listeners;
    server->listeners = l->next;
    uv_close((uv_handle_t *)&l->poll, on_listener_closed);
  }
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
  set_accepting(server, false);
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
