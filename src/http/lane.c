/* SPDX-License-Identifier: MIT
 * See lane.h. */
#include "http/lane.h"

#include "base/clock.h"
#include "http/conn.h"
#include "http/server_internal.h"

enum { LANE_MS = 1 }; /* in a round of the loop, without a rush */

/* The first of the lane takes its turn, and is the last one then. */
static void serve_first(lab_list *lane) {
  lab_http_conn *c = LAB_CONTAINER(lane->next, lab_http_conn, lane);
  lab_list_remove(&c->lane);
  lab_list_push_back(lane, &c->lane);
  lab_http_conn_take_turn(c);
}

/* In a round that did something the loop must not sleep: what it did may have
 * left work for the end of the round. So the handle stops in the next one. */
static void serve_lane(uv_idle_t *idle) {
  lab_http_server *server = LAB_CONTAINER(idle, lab_http_server, lane_idle);
  lab_list *lane = &server->lane;
  uint64_t now = lab_clock_mono();
  uint64_t end = server->rush ? now : now + LANE_MS * LAB_MILLISECOND;
  server->rush = false;
  if (lab_list_empty(lane))
    uv_idle_stop(idle);
  while (!lab_list_empty(lane)) {
    serve_first(lane);
    if (lab_clock_mono() >= end)
      break;
  }
}

void lab_http_lane_open(lab_http_server *server) {
  lab_list_init(&server->lane);
  uv_idle_init(server->loop, &server->lane_idle); /* it can't fail */
}

void lab_http_lane_close(lab_http_server *server,
                         void (*closed)(uv_handle_t *handle)) {
  uv_close((uv_handle_t *)&server->lane_idle, closed);
}

void lab_http_lane_join(lab_http_conn *c) {
  if (lab_http_lane_has(c))
    return;
  if (lab_list_empty(&c->server->lane)) /* it may be active still */
    uv_idle_start(&c->server->lane_idle, serve_lane);
  lab_list_push_back(&c->server->lane, &c->lane);
}

void lab_http_lane_leave(lab_http_conn *c) {
  lab_list_remove(&c->lane);
}

bool lab_http_lane_has(const lab_http_conn *c) {
  return !lab_list_empty(&c->lane);
}
