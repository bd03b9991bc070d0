/* SPDX-License-Identifier: MIT
 * See admit.h. */
#include "http/admit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "http/conn.h"
#include "http/room.h"
#include "http/server_internal.h"

enum {
  ACCEPT_MS = 4,    /* in which clients are accepted, before others */
  ACCEPT_SHARE = 4, /* the part of all places that changes hands then */
  RETRY_MS = 100    /* to the next try, when clients have lost patience */
};

/* ---- descriptors in reserve ---------------------------------------------- */

void lab_http_refill_reserve(lab_http_server *server) {
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

void lab_http_free_reserve(lab_http_server *server) {
  while (release_reserve(server))
    ;
}

/* Needed because accept4 fails without a free descriptor whether or not a
 * client waits. */
static bool is_client_waiting(int fd) {
  struct pollfd p = {fd, POLLIN, 0};
  return poll(&p, 1, 0) == 1;
}

/* ---- who waits ----------------------------------------------------------- */

/* Its first client has waited since then, or came later. */
static uint64_t find_line_begin(const lab_http_listener *l) {
  return l->admitted_at > l->waited_since ? l->admitted_at : l->waited_since;
}

/* Whether A's clients come before B's. */
static bool comes_before(const lab_http_listener *a,
                         const lab_http_listener *b) {
  uint64_t since = find_line_begin(a), other = find_line_begin(b);
  return since != other ? since < other : a->admission < b->admission;
}

/* The listener whose first client waits for longest, or L if none do. */
static lab_http_listener *find_first_in_line(lab_http_listener *l) {
  lab_http_listener *first = l;
  for (lab_http_listener *o = l->server->listeners; o; o = o->next)
    if (o->waited_since > 0 &&
        (first->waited_since == 0 || comes_before(o, first)))
      first = o;
  return first;
}

/* A sweep tries again when the patience of L's clients is over, and after that
 * from time to time. */
static void keep_waiting(lab_http_listener *l) {
  uint64_t now = uv_now(l->server->loop);
  if (l->waited_since == 0)
    l->waited_since = now;
  uint64_t end = l->waited_since + LAB_HTTP_PRESS_MS;
  lab_http_server_hasten_sweep(l->server, now < end ? end - now : RETRY_MS);
}

/* Clients have to wait, L's and all others: they need the same places. */
static void stop_accepting(lab_http_listener *l) {
  lab_http_set_accepting(l->server, false);
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
static int accept_client(lab_http_listener *l, lab_http_pressure pressure,
                         lab_http_conn_kind *kind) {
  lab_http_server *server = l->server;
  for (;;) {
    int client = accept_if_allowed(&server->config, l->fd, &kind->peer);
    if (client != -EMFILE && client != -ENFILE)
      return client;
    if (!is_client_waiting(l->fd))
      return -EAGAIN;
    if (lab_http_make_room(server, pressure))
      continue;
    if (!release_reserve(server) && !lab_http_make_reserve(server, pressure))
      return -EMFILE;
    kind->reserved = true;
  }
}

static void begin_client(lab_http_listener *l, int fd,
                         lab_http_pressure pressure, lab_http_conn_kind *kind) {
  l->admitted_at = uv_now(l->server->loop);
  if (!kind->reserved && pressure < LAB_HTTP_PRESSED_ALL)
    l->placed_at = l->admitted_at;
  l->admission = ++l->server->admissions;
  kind->high = lab_http_count_crowd(l->server, fd, pressure, &kind->reserved);
  lab_http_conn_accepted(l->server, fd, kind);
}

/* Accepts the next client of L: 0, or negative errno. */
static int admit_client(lab_http_listener *l, lab_http_pressure pressure) {
  lab_http_conn_kind kind = {.loopback = l->loopback};
  if (!lab_http_find_place(l->server, pressure, &kind.reserved))
    return -EMFILE;
  int fd = accept_client(l, pressure, &kind);
  if (fd < 0)
    return fd;
  l->server->rush = true;
  begin_client(l, fd, pressure, &kind);
  return 0;
}

/* The same, and others give way at once if that's the only way, and the clients
 * of L have waited for it. -EAGAIN: nobody waits. */
static int admit_or_press(lab_http_listener *l) {
  if (lab_http_is_crowded(l->server) && !is_client_waiting(l->fd))
    return -EAGAIN;
  int rc = admit_client(l, LAB_HTTP_PATIENT);
  lab_http_pressure pressure = lab_http_find_pressure(l);
  return rc == -EMFILE && pressure > LAB_HTTP_PATIENT
             ? admit_client(l, pressure)
             : rc;
}

/* Whether N clients are enough for now. Where they take places from each other,
 * one that has just come must be heard before as many come again. */
static bool has_accepted_enough(const lab_http_server *server, unsigned n,
                                uint64_t end) {
  return (n > server->listed / ACCEPT_SHARE && lab_http_is_crowded(server)) ||
         lab_clock_mono() >= end;
}

static void accept_clients(lab_http_listener *l, uint64_t end) {
  lab_http_server *server = l->server;
  int rc = 0;
  for (unsigned n = 0; server->accepting && rc != -EAGAIN; n++) {
    if (has_accepted_enough(server, n, end))
      break;
    rc = admit_or_press(l);
    if (rc < 0 && rc != -EAGAIN && rc != -ECONNABORTED && rc != -EINTR)
      stop_accepting(l); /* out of descriptors or memory */
  }
  if (rc == -EAGAIN || (rc == 0 && !is_client_waiting(l->fd)))
    l->waited_since = 0;
}

/* Whoever has waited for longest is first. On an error libuv has stopped the
 * poll: the next sweep begins it again. */
static void on_listener_readable(uv_poll_t *poll, int status, int events) {
  lab_http_listener *l = LAB_CONTAINER(poll, lab_http_listener, poll);
  lab_http_listener *first = find_first_in_line(l);
  uint64_t end = lab_clock_mono() + ACCEPT_MS * LAB_MILLISECOND;
  (void)events;
  if (status < 0) {
    stop_accepting(l);
    return;
  }
  accept_clients(first, end);
  if (first != l)
    accept_clients(l, end);
}

static void stop_polls(lab_http_server *server) {
  for (lab_http_listener *l = server->listeners; l; l = l->next)
    uv_poll_stop(&l->poll);
  server->accepting = false;
}

/* If polling fails, the next sweep tries again. */
void lab_http_set_accepting(lab_http_server *server, bool want) {
  want = want && !server->draining;
  if (server->accepting == want)
    return;
  server->accepting = true;
  for (lab_http_listener *l = server->listeners; want && l; l = l->next)
    want = uv_poll_start(&l->poll, UV_READABLE, on_listener_readable) >= 0;
  if (!want)
    stop_polls(server);
}

static void on_listener_closed(uv_handle_t *handle) {
  lab_http_listener *l = LAB_CONTAINER(handle, lab_http_listener, poll);
  lab_http_server *server = l->server;
  close(l->fd);
  lab_xfree(l);
  lab_http_server_handle_closed(server);
}

void lab_http_close_listeners(lab_http_server *server) {
  while (server->listeners) {
    lab_http_listener *l = server->listeners;
    server->listeners = l->next;
    uv_close((uv_handle_t *)&l->poll, on_listener_closed);
  }
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
