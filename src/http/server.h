/* SPDX-License-Identifier: MIT
 * The HTTP/1.1 server: connections, limits, shutdown.
 *
 *   lab_http_config config;
 *   lab_http_config_init(&config);
 *   config.on_request = answer;
 *   lab_http_server_new(&server, loop, &config);
 *   lab_http_listen(server, address, &port, &err);    (listen.h)
 *   ... uv_run(loop) ...
 *   lab_http_server_close(server, closed, arg);
 *
 * on_request, the handler, gets each request once it has been read completely.
 * See request.h for what is in it and response.h for how to answer it, at once
 * or later. Input that never becomes a request is answered by the server
 * itself: 400 (not HTTP), 408 (too slow), 413, 414, 417, 431 (too big), 501
 * (unknown method or transfer coding), 505. Those answers end the connection,
 * as Go's do.
 *
 * An idle connection costs less than a kilobyte: buffers belong to the server,
 * which lends them to a connection while it works.
 *
 * When descriptors or connections run out, the connection gives way whose
 * client has let the server wait for longest: it is idle between two requests,
 * has not sent a whole request, or takes nothing of its answer. A request in
 * work never gives way. If all are in work, new connections come out of a
 * reserve, and are closed after one answer, so that the lab can be diagnosed
 * then too. The handler should use them for nothing else
 * (lab_http_is_reserved). A request in the reserve gives way, too, after a
 * moment, or at once if clients have waited for one already: unless keeps_place
 * says that it may stay, or, without that function, its handler has not called
 * lab_http_on_gone; or the handler has committed it (lab_http_commit). It is
 * answered 503. When all that doesn't help, clients
 * wait until a descriptor is free.
 *
 * Long requests are read in turns, a millisecond of them in a round of the
 * loop: new clients and short requests come before that.
 *
 * Memory: what a client sends ahead, while its request is in work, is kept as
 * far as config.max_kept_bytes, or the scenario's limit, allows. Otherwise it
 * is thrown away, and the connection closes after the answer, so the client
 * asks again. A head for which there is no memory is answered by 503, and a
 * client for whom there is none at all is closed. The process doesn't end.
 *
 * Threads: everything here runs on the thread of LOOP. SIGPIPE is set to be
 * ignored if it had its default action, as every server needs. */
#ifndef LAB_HTTP_SERVER_H
#define LAB_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

typedef struct lab_http_server lab_http_server;
typedef struct lab_http_request lab_http_request;

typedef struct lab_http_config {
  size_t max_header_bytes; /* names and values of all headers; else 431 */
  size_t max_uri_bytes;    /* the request's target; else 414 */
  size_t max_body_bytes;   /* the request's body; else 413 */
  /* Another limit for some requests, whose body has not come yet: bytes, or 0
   * for max_body_bytes. May be NULL. */
  size_t (*body_limit)(const lab_http_request *req, void *arg);
  /* Whether the lab keeps a request, whose body has not come yet, for a
   * scenario: its head, its body and what its client sends ahead are that
   * one's memory (base/buf.h), and 503 if there is no more. NULL: none is. */
  bool (*is_counted)(const lab_http_request *req, void *arg);
  bool counts_all;            /* each request is, from its first byte */
  uint64_t header_timeout_ms; /* from a request's first byte to its last header;
                                 then 408 */
  uint64_t body_timeout_ms;   /* from there to the end of its body; then 408 */
  uint64_t idle_timeout_ms;   /* without any request; then 408. 0: no limit */
  uint64_t write_timeout_ms;  /* a client that takes nothing of its answer for
                                 so long is cut off */
  size_t max_kept_bytes;    /* of requests that are not complete, and of answers
                               that are not taken; above that the oldest go. And
                               half as much of requests in work that don't
                               count: see below */
  unsigned max_connections; /* more than that, and their clients give way */
  unsigned reserve; /* descriptors, and connections above the maximum, kept for
                       when there are no others: 0 to 4 */
  void (*on_request)(lab_http_request *req, void *arg);
  /* Whether REQ, which is in work in the reserve, is answered soon, so that
   * other clients wait for that. May be NULL. */
  bool (*keeps_place)(const lab_http_request *req, void *arg);
  /* For an owner that counts descriptors; NULL otherwise (all three). May_open
   * asks whether there may be one more connection: 0, or -EMFILE, and then the
   * client waits as if the process had no descriptor left. Opened: there is one
   * more, with the descriptor FD. Closing: FD will be closed next; FD is -1 if
   * there was no client after all. */
  int (*may_open)(void *arg);
  void (*opened)(void *arg, int fd);
  void (*closing)(void *arg, int fd);
  void *arg;
} lab_http_config;

/* Fills in the defaults: 8 KiB, 8 KiB, 64 KiB; 10, 60, 120, 120 s; 128 MiB;
 * 20,000 connections; 4 in reserve. on_request must be set by the caller. */
void lab_http_config_init(lab_http_config *config);

/* CONFIG is copied. 0 or negative errno. Free it with lab_http_server_close. */
int lab_http_server_new(lab_http_server **out, uv_loop_t *loop,
                        const lab_http_config *config);

/* Serves the socket FD, which is connected already and is not counted by the
 * owner. Takes FD, even on failure. 0 or negative errno. */
int lab_http_serve_fd(lab_http_server *server, int fd);

/* Stops listening and closes idle connections; requests that have begun are
 * still answered. When the last connection is closed, CLOSED(ARG) is called
 * (from the loop, never from here), and the server no longer exists. CLOSED may
 * be NULL. */
void lab_http_server_close(lab_http_server *server, void (*closed)(void *arg),
                           void *arg);

/* Accepts nobody any more, and closes up to MOST connections, as abort. True if
 * there are no more: others get their turn in between, and then it's closed. */
bool lab_http_server_drain(lab_http_server *server, unsigned most);

/* Closes every connection now; the handlers of requests in work are told that
 * their clients are gone. May be called before or after lab_http_server_close,
 * but not once the server no longer exists. */
void lab_http_server_abort(lab_http_server *server);

/* The socket of the address that was added last; there must be one. */
int lab_http_listener_fd(const lab_http_server *server);

/* Control thread. Whether REQ is out of the reserve (lab_http_is_reserved), and
 * others have waited for its place: what takes its time would only be given up
 * for them. */
bool lab_http_is_pressed(const lab_http_request *req);

/* Open connections. */
unsigned lab_http_connections(const lab_http_server *server);

#endif
