/* SPDX-License-Identifier: MIT
 * Connections that send much are read in turns. For the files of this folder.
 *
 * The loop reads from each connection that has something, in every one of its
 * rounds. With a crowd whose requests have no end, a round would last for a
 * second, and new clients would wait for that. So who sends a long request, or
 * more than one read takes, gets into the lane of its server, and so does what
 * is read only to be thrown away. The lane has a millisecond in a round, or a
 * quarter of that if new clients have come meanwhile. A turn is one read. Every
 * other turn is for a fresh request: a browser's head is longer than one read,
 * but not much. */
#ifndef LAB_HTTP_LANE_H
#define LAB_HTTP_LANE_H

#include <stdbool.h>
#include <uv.h>

#include "http/server.h"

struct lab_http_conn;

/* The beginning and the end of SERVER's lane. CLOSED is called from the loop,
 * with the handle server->lane_idle. */
void lab_http_lane_open(lab_http_server *server);
void lab_http_lane_close(lab_http_server *server,
                         void (*closed)(uv_handle_t *handle));

/* From now on lab_http_conn_take_turn is called for each turn of C's, until it
 * leaves. Nothing happens if it is in the lane. */
void lab_http_lane_join(struct lab_http_conn *c);
/* Nothing happens if it isn't in the lane. */
void lab_http_lane_leave(struct lab_http_conn *c);
bool lab_http_lane_has(const struct lab_http_conn *c);
/* Whether the server has read no more of its request than a usual head. */
bool lab_http_is_fresh(const struct lab_http_conn *c);

#endif
