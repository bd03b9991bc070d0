/* SPDX-License-Identifier: MIT
 * A server as it lies in memory, for the files of this folder. */
#ifndef LAB_HTTP_SERVER_INTERNAL_H
#define LAB_HTTP_SERVER_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include <uv.h>

#include "base/buf.h"
#include "base/queue.h"
#include "http/room.h"
#include "http/server.h"

typedef struct lab_http_listener {
  uv_poll_t poll;
  lab_http_server *server;
  struct lab_http_listener *next;
  uint64_t waited_since; /* loop time since which clients wait, or 0 */
  uint64_t placed_at;    /* when one got an ordinary place without pressing */
  uint64_t admitted_at;  /* when one came in */
  uint64_t admission;    /* which one of the server's that was */
  int fd;
  bool loopback;
} lab_http_listener;

#define LAB_HTTP_RESERVE 4       /* descriptors kept for the worst case */
#define LAB_HTTP_PRESS_MS 40     /* for which clients wait with patience */
#define LAB_HTTP_READ_SIZE 65536 /* the read buffer, one for all */
#define LAB_HTTP_DATE_LEN 37     /* "Date: Sun, 22 Nov 2026 15:22:03 GMT\r\n" */

struct lab_http_server {
  uv_loop_t *loop;
  lab_http_config config;
  uv_timer_t sweep;
  lab_http_listener *listeners;
  lab_list turns[LAB_HTTP_TURNS]; /* the connections: see room.h */
  lab_list lane, fresh;           /* those that are read in turns: lane.c */
  uv_idle_t lane_idle;            /* active while there are such, and for one
                                     round more */
  uint64_t admissions;            /* clients that came in, ever */
  unsigned connections;           /* not closed yet */
  unsigned listed;                /* in TURNS */
  unsigned high;                  /* those of them with a high descriptor */
  unsigned crowd; /* so many are enough, as their descriptors tell; 0: not known
                   */
  size_t kept;    /* bytes that connections keep for their clients */
  size_t asked;   /* of these, in requests that are not complete */
  size_t held;    /* and those whose requests are in work; these don't count */
  unsigned handles; /* uv handles not closed yet */
  int reserve[LAB_HTTP_RESERVE];
  bool accepting, closing;
  bool rush;         /* clients have come since the lane was served */
  bool lane_is_next; /* of lane and fresh, if neither is empty */
  bool draining;     /* it accepts nobody any more */
  void (*closed)(void *arg);
  void *closed_arg;
  lab_buf spare; /* the output buffer that a corked connection borrows */
  lab_http_request *free_requests;
  unsigned free_count;
  time_t date_second; /* when DATE was written */
  char date[LAB_HTTP_DATE_LEN + 1];
  char *read_buffer; /* LAB_HTTP_READ_SIZE bytes */
};

/* The sweep comes in MS or sooner: one that is due already isn't put off,
 * however often clients find no place meanwhile. */
void lab_http_server_hasten_sweep(lab_http_server *server, uint64_t ms);

/* A connection's request is answered: it may give way to a client that waits.
 */
void lab_http_server_conn_answered(lab_http_server *server);

/* Called for each handle that is closed; the last one frees SERVER. */
void lab_http_server_handle_closed(lab_http_server *server);

/* A connection's handle is closed, so its descriptor is free again. May free
 * the server. */
void lab_http_server_conn_closed(lab_http_server *server);

#endif
