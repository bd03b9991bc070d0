/* SPDX-License-Identifier: MIT
 * See room.h. */
#include "http/room.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/fd_shares.h"
#include "base/queue.h"
#include "http/conn.h"
#include "http/lane.h"
#include "http/request_internal.h"
#include "http/server_internal.h"
#include "http/write.h"

enum {
  PATIENCE_MS = 1000,  /* without taking anything: a client that stalls */
  RESERVE_MS = 250,    /* work in the reserve that is not short; but clients
                          that wait have less patience: LAB_HTTP_PRESS_MS */
  SECOND_CHANCES = 16, /* connections that are passed over, at most */
  PROBES_MAX = 16,     /* descriptors opened to count the free ones */
  GRACE_MS = 50,       /* in which a request may be on its way */
  GRACED = 8,          /* connections that have this grace, */
  GRACED_SHARE = 4,    /* or this part of all, if that is more */
};

/* What its client has let it keep; or, while a request is in work, what isn't a
 * scenario's of what it holds for that. */
static size_t count_kept_bytes(const lab_http_conn *c, lab_http_turn turn) {
  if (turn >= LAB_HTTP_BUSY)
    return (c->in.counted ? 0 : c->in.cap) + lab_http_request_own_bytes(c->req);
  size_t n = c->in.cap;
  n += uv_stream_get_write_queue_size((const uv_stream_t *)&c->tcp);
  if (c->req && c->state <= LAB_HTTP_BODY)
    n += lab_http_request_own_bytes(c->req) + c->req->body.cap +
         (c->req->text.counted ? c->req->text.cap : 0);
  return n;
}

static size_t *find_kept_sum(lab_http_server *server, unsigned turn) {
  return turn >= LAB_HTTP_BUSY ? &server->held : &server->kept;
}

/* From now on it keeps KEPT bytes, and is in the list of TURN. */
static void account_bytes(lab_http_conn *c, unsigned turn, size_t kept) {
  lab_http_server *server = c->server;
  *find_kept_sum(server, c->turn) -= c->kept;
  *find_kept_sum(server, turn) += kept;
  server->asked -= c->turn == LAB_HTTP_ASKING ? c->kept : 0;
  server->asked += turn == LAB_HTTP_ASKING ? kept : 0;
  c->kept = kept;
}

/* A new connection is ASKING too, although it is in state IDLE. */
static lab_http_turn find_turn(const lab_http_conn *c) {
  if (c->state >= LAB_HTTP_FLUSH || lab_http_blocked(c))
    return LAB_HTTP_TAKING;
  if (c->state == LAB_HTTP_IDLE)
    return LAB_HTTP_PARKED;
  if (c->state <= LAB_HTTP_BODY)
    return LAB_HTTP_ASKING;
  return c->reserved ? LAB_HTTP_SPARE : LAB_HTTP_BUSY;
}

static void set_turn(lab_http_conn *c, lab_http_turn turn) {
  c->turn = (uint8_t)turn;
  c->since = uv_now(c->server->loop);
  lab_list_remove(&c->link);
  lab_list_push_back(&c->server->turns[turn], &c->link);
}

/* For a client that may be silent, but not for ever. */
static void set_idle_deadline(lab_http_conn *c) {
  uint64_t ms = c->server->config.idle_timeout_ms;
  c->deadline = ms > 0 ? uv_now(c->server->loop) + ms : 0;
}

void lab_http_enlist(lab_http_conn *c) {
  lab_http_turn turn = find_turn(c);
  account_bytes(c, turn, count_kept_bytes(c, turn));
  if (c->turn == turn)
    return;
  if (turn == LAB_HTTP_PARKED)
    set_idle_deadline(c);
  set_turn(c, turn);
}

void lab_http_await_request(lab_http_conn *c) {
  set_idle_deadline(c);
  set_turn(c, LAB_HTTP_ASKING);
  c->server->listed++;
}

void lab_http_delist(lab_http_conn *c) {
  account_bytes(c, c->turn, 0);
  if (!lab_list_empty(&c->link))
    c->server->listed--;
  c->server->high -= c->high;
  lab_list_remove(&c->link);
}

/* The connection that is longest in a list, or NULL. */
static lab_http_conn *find_first(lab_http_server *server, lab_http_turn turn) {
  lab_list *list = &server->turns[turn];
  return lab_list_empty(list) ? NULL
                              : LAB_CONTAINER(list->next, lab_http_conn, link);
}

static uint64_t measure_wait(const lab_http_conn *c) {
  return uv_now(c->server->loop) - c->since;
}

/* Whether the sweep has seen the client take something within a second. */
static bool has_taken_lately(const lab_http_conn *c) {
  uint64_t moved = c->write_deadline - c->server->config.write_timeout_ms;
  return c->write_deadline > 0 && lab_http_blocked(c) &&
         uv_now(c->server->loop) - moved < PATIENCE_MS;
}

/* The connection that takes nothing of its answer for longest. Those that took
 * something lately go to the end of the list; there are not always others. */
static lab_http_conn *find_stalled(lab_http_server *server) {
  lab_http_conn *c = find_first(server, LAB_HTTP_TAKING);
  for (int i = 0; i < SECOND_CHANCES && c && has_taken_lately(c); i++) {
    set_turn(c, LAB_HTTP_TAKING);
    c = find_first(server, LAB_HTTP_TAKING);
  }
  return c;
}

/* The first connection of TURN whose request isn't just there: in a rush, more
 * clients come in one turn of the loop than there are places. */
static lab_http_conn *find_quiet(lab_http_server *server, lab_http_turn turn) {
  lab_list *list = &server->turns[turn], *l = list->next;
  for (int i = 0; i < SECOND_CHANCES && l != list; i++, l = l->next) {
    lab_http_conn *c = LAB_CONTAINER(l, lab_http_conn, link);
    if (!lab_http_is_fresh(c) || !lab_http_has_unread_bytes(c))
      return c;
  }
  return find_first(server, turn);
}

/* Whether no more connections wait for their request than may have a moment to
 * send it. A client that a busy machine stops between connect and send needs
 * it most where the others come fast. */
static bool may_have_grace(lab_http_server *server) {
  lab_list *list = &server->turns[LAB_HTTP_ASKING], *l = list->next;
  size_t most = server->listed / GRACED_SHARE;
  for (size_t i = 0; i < (most > GRACED ? most : GRACED) && l != list; i++)
    l = l->next;
  return l == list;
}

/* The connection that waits for its request for longest. The newest have their
 * moment even if they are the only ones that could give way. */
static lab_http_conn *find_silent(lab_http_server *server,
                                  lab_http_pressure pressure) {
  lab_http_conn *c = find_quiet(server, LAB_HTTP_ASKING);
  bool is_new = c && measure_wait(c) < GRACE_MS;
  bool patient = pressure < LAB_HTTP_PRESSED_ALL && may_have_grace(server);
  return is_new && patient ? NULL : c;
}

static lab_http_conn *choose_older(lab_http_conn *a, lab_http_conn *b) {
  if (!a || !b)
    return a ? a : b;
  return b->since < a->since ? b : a;
}

bool lab_http_make_room(lab_http_server *server, lab_http_pressure pressure) {
  lab_http_conn *c = choose_older(find_quiet(server, LAB_HTTP_PARKED),
                                  find_silent(server, pressure));
  c = choose_older(c, find_stalled(server));
  if (c)
    lab_http_conn_lost(c);
  return c != NULL;
}

/* Whether the work on C's request may be given up for another client. */
static bool may_give_way(const lab_http_conn *c) {
  const lab_http_config *config = &c->server->config;
  return config->keeps_place ? !config->keeps_place(c->req, config->arg)
                             : c->req->gone != NULL;
}

bool lab_http_make_reserve(lab_http_server *server,
                           lab_http_pressure pressure) {
  lab_list *list = &server->turns[LAB_HTTP_SPARE];
  for (lab_list *l = list->next; l != list;) {
    lab_http_conn *c = LAB_CONTAINER(l, lab_http_conn, link);
    l = l->next;
    if (pressure == LAB_HTTP_PATIENT && measure_wait(c) < RESERVE_MS)
      return false;
    if (!may_give_way(c) || !lab_http_request_try_refuse(c->req))
      continue;
    lab_http_conn_refuse(c, "there are too many connections");
    if (c->state == LAB_HTTP_CLOSED)
      return true;
    l = list->next; /* it still waits for its client, and has left the list */
  }
  return false;
}

bool lab_http_may_hold(const lab_http_server *server, size_t n) {
  return server->held + n <= server->config.max_kept_bytes / 2;
}

/* The client that is the reason for too much memory. New ones have sent
 * nothing, or little: to close them would be no use if the memory is others'
 * answers. */
static lab_http_conn *find_keeper(lab_http_server *server) {
  lab_http_conn *stalled = find_stalled(server), *asking = NULL;
  if (stalled && measure_wait(stalled) < PATIENCE_MS)
    stalled = NULL;
  if (server->asked > server->config.max_kept_bytes / 2)
    asking = find_first(server, LAB_HTTP_ASKING);
  return choose_older(asking, stalled);
}

void lab_http_trim_memory(lab_http_server *server) {
  while (server->kept > server->config.max_kept_bytes) {
    lab_http_conn *c = find_keeper(server);
    if (!c)
      return;
    lab_http_conn_lost(c);
  }
}

/* ---- patience ------------------------------------------------------------ */

static bool has_passed(const lab_http_listener *l, uint64_t since) {
  return uv_now(l->server->loop) - since >= LAB_HTTP_PRESS_MS;
}

lab_http_pressure lab_http_find_pressure(const lab_http_listener *l) {
  if (l->waited_since == 0 || !has_passed(l, l->waited_since))
    return LAB_HTTP_PATIENT;
  return has_passed(l, l->placed_at) ? LAB_HTTP_PRESSED_ALL
                                     : LAB_HTTP_PRESSED_RESERVE;
}

bool lab_http_is_pressed(const lab_http_request *req) {
  if (!lab_http_is_reserved(req))
    return false;
  const lab_http_listener *l = req->conn->server->listeners;
  while (l && lab_http_find_pressure(l) == LAB_HTTP_PATIENT)
    l = l->next;
  return l != NULL;
}

/* ---- descriptors --------------------------------------------------------- */

/* An owner that counts descriptors has bounds of its own. */
static lab_fd_shares find_fd_shares(const lab_http_server *server) {
  return server->config.may_open ? lab_fd_shares_of(RLIM_INFINITY)
                                 : lab_fd_shares_now();
}

static bool is_server_full(const lab_http_server *server) {
  return server->listed >= server->config.max_connections;
}

bool lab_http_is_crowded(const lab_http_server *server) {
  return is_server_full(server) ||
         (server->crowd > 0 && server->listed >= server->crowd);
}

/* A descriptor that is a copy of a listener's, to see which number it gets. */
static int open_probe(const lab_http_server *server) {
  return server->listeners ? fcntl(server->listeners->fd, F_DUPFD_CLOEXEC, 0)
                           : -1;
}

/* The number that the next client's descriptor will have. */
static rlim_t find_next_fd(const lab_http_server *server) {
  int fd = open_probe(server);
  if (fd < 0)
    return 0; /* accept finds that out, too, and uses the reserve */
  close(fd);
  return (rlim_t)fd;
}

/* How many places of the reserve are taken, if the next client's descriptor is
 * NEXT; -1: it needs none of them. */
static long count_reserve_taken(const lab_http_server *server, rlim_t next) {
  rlim_t most = find_fd_shares(server).requests;
  long by_number = next >= most ? (long)(next - most) : -1;
  long by_count = (long)server->listed - (long)server->config.max_connections;
  long taken = by_number > by_count ? by_number : by_count;
  return taken < 0 ? -1 : taken;
}

bool lab_http_find_place(lab_http_server *server, lab_http_pressure pressure,
                         bool *reserved) {
  while (lab_http_is_crowded(server) && lab_http_make_room(server, pressure))
    ;
  rlim_t next = lab_http_is_crowded(server) ? find_next_fd(server) : 0;
  long taken = count_reserve_taken(server, next);
  *reserved = taken >= 0;
  return taken < (long)server->config.reserve ||
         lab_http_make_reserve(server, pressure);
}

/* The kernel gives the lowest free number, so one above the wanted ones tells
 * that all below are taken: the connections with such numbers are the ones too
 * many. */
bool lab_http_count_crowd(lab_http_server *server, int fd,
                          lab_http_pressure pressure, bool *reserved) {
  lab_fd_shares shares = find_fd_shares(server);
  if ((rlim_t)fd < shares.clients)
    return false;
  server->high++;
  server->crowd =
      server->listed >= server->high ? server->listed - server->high + 1 : 1;
  if ((rlim_t)fd >= shares.requests && !lab_http_make_room(server, pressure))
    *reserved = true;
  return true;
}

/* Closes the descriptors that were opened only to see their numbers. */
static void close_probes(const int *fds, int count) {
  while (count > 0)
    close(fds[--count]);
}

void lab_http_recount_crowd(lab_http_server *server) {
  int probes[PROBES_MAX], n = 0, fd = -1;
  lab_fd_shares shares = find_fd_shares(server);
  if (server->crowd == 0 || !server->listeners)
    return;
  while (n < PROBES_MAX) {
    fd = open_probe(server);
    if (fd < 0)
      break;
    probes[n++] = fd;
    if ((rlim_t)fd >= shares.clients)
      break;
  }
  close_probes(probes, n);
  bool many = n == PROBES_MAX && (rlim_t)fd < shares.clients;
  unsigned room = server->listed + (unsigned)n;
  server->crowd = room > server->high ? room - server->high : 1;
  if (many)
    server->crowd = 0;
}
