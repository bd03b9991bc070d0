/* SPDX-License-Identifier: MIT
 * See lane.h. */
#include "http/lane.h"

#include "base/clock.h"
#include "http/conn.h"
#include "http/server_internal.h"

/* The lane's time in a round of the loop, and in one in which clients came. */
static const uint64_t LANE_NS = LAB_MILLISECOND, RUSH_NS = LAB_MILLISECOND / 4;

enum { FRESH_MAX = 4096 }; /* bytes of a request */

static bool is_lane_empty(const lab_http_server *server) {
  return lab_list_empty(&server->lane) && lab_list_empty(&server->fresh);
}

/* The lane and the fresh ones by turns; one of them may be empty. */
static lab_list *choose_lane(lab_http_server *server) {
  lab_list *first = server->lane_is_next ? &server->lane : &server->fresh;
  lab_list *second = server->lane_is_next ? &server->fresh : &server->lane;
  server->lane_is_next = !server->lane_is_next;
  return lab_list_empty(first) ? second : first;
}

/* The next one takes its turn, and is the last one of the lane then. */
static void serve_first(lab_http_server *server) {
  lab_list *lane = choose_lane(server);
  lab_http_conn *c = LAB_CONTAINER(lane->next, lab_http_conn, lane);
  lab_list_remove(&c->lane);
  lab_list_push_back(&server->lane, &c->lane);
  lab_http_conn_take_turn(c);
}

/* In a round that did something the loop must not sleep: what it did may have
 * left work for the end of the round. So the handle stops in the next one. */
static void serve_lane(uv_idle_t *idle) {
  lab_http_server *server = LAB_CONTAINER(idle, lab_http_server, lane_idle);
  uint64_t patience = server->rush ? RUSH_NS : LANE_NS;
  uint64_t end = lab_clock_mono() + patience;
  server->rush = false;
  if (is_lane_empty(server))
    uv_idle_stop(idle);
  while (!is_lane_empty(server)) {
    serve_first(server);
    if (lab_clock_mono() >= end)
      break;
  }
}

void lab_http_lane_open(lab_http_server *server) {
  lab_list_init(&server->lane);
  lab_list_init(&server->fresh);
  uv_idle_init(server->loop, &server->lane_idle); /* it can't fail */
}

void lab_http_lane_close(lab_http_server *server,
                         void (*closed)(uv_handle_t *handle)) {
  uv_close((uv_handle_t *)&server->lane_idle, closed);
}

void lab_http_lane_join(lab_http_conn *c) {
  lab_http_server *server = c->server;
  if (lab_http_lane_has(c))
    return;
  if (is_lane_empty(server)) /* it may be active still */
    uv_idle_start(&server->lane_idle, serve_lane);
  lab_list_push_back(lab_http_is_fresh(c) ? &server->fresh : &server->lane,
                     &c->lane);
}

void lab_http_lane_leave(lab_http_conn *c) {
  lab_list_remove(&c->lane);
}

bool lab_http_lane_has(const lab_http_conn *c) {
  return !lab_list_empty(&c->lane);
}

bool lab_http_is_fresh(const lab_http_conn *c) {
  return c->state <= LAB_HTTP_HEAD && c->fed < FRESH_MAX;
}
