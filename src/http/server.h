/* SPDX-License-Identifier: MIT
 * The HTTP/1.1 server: listening, connections, limits, shutdown.
 *
 *   lab_http_config config;
 *   lab_http_config_init(&config);
 *   config.on_request = answer;
 *   lab_http_server_new(&server, loop, &config);
 *   lab_http_listen(server, address, &port, &err);
 *   ... uv_run(loop) ...
 *   lab_http_server_close(server, closed, arg);
 *
 * on_request gets each request once it has been read completely; see
 * request.h for what is in it and response.h for how to answer, at once or
 * later. The server itself answers what never becomes a request: 400 (not
 * HTTP), 408 (too slow), 413, 414, 417, 431 (too big), 501 (unknown method or
 * transfer coding), 505. Those answers end the connection, as Go's do.
 *
 * An idle connection costs less than a kilobyte: buffers belong to the server
 * and are lent to a connection only while it works.
 *
 * Threads: everything here runs on the thread of LOOP. SIGPIPE is set to be
 * ignored if it had its default action, as every server needs. */
#ifndef LAB_HTTP_SERVER_H
#define LAB_HTTP_SERVER_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"

typedef struct lab_http_server lab_http_server;
typedef struct lab_http_request lab_http_request;

typedef struct lab_http_config {
  size_t max_header_bytes;    /* names and values of all headers; 431 */
  size_t max_uri_bytes;       /* the request's target; 414 */
  size_t max_body_bytes;      /* a request's body; 413 */
  uint64_t header_timeout_ms; /* from a request's first byte to its last header;
                                 then 408 */
  uint64_t body_timeout_ms;   /* from there to the end of its body; then 408 */
  uint64_t idle_timeout_ms;   /* without any request; then 408 */
  uint64_t write_timeout_ms;  /* a client that takes nothing of its answer is
                                 cut off */
  /* At so many connections the one that is idle for longest after a request is
   * closed to make room; if there is none, new ones wait in the kernel's queue.
   */
  unsigned max_connections;
  unsigned reserve; /* descriptors kept for when there are no others: 0 to 4 */
  void (*on_request)(lab_http_request *req, void *arg);
  /* For an owner who counts descriptors; else NULL. May_open: may there be one
   * more connection? 0, or -EMFILE: then the client waits as if the process
   * had no descriptor left. Opened: it has FD. Closing: FD is about to be
   * closed; -1: there was no client after all. */
  int (*may_open)(void *arg);
  void (*opened)(void *arg, int fd);
  void (*closing)(void *arg, int fd);
  void *arg;
} lab_http_config;

/* Fills in the defaults: 8 KiB, 8 KiB, 64 KiB; 10, 60, 120, 120 s; 20,000
 * connections; 4 in reserve. on_request must be set by the caller. */
void lab_http_config_init(lab_http_config *config);

/* CONFIG is copied. 0 or negative errno. Free it with lab_http_server_close. */
int lab_http_server_new(lab_http_server **out, uv_loop_t *loop,
                        const lab_http_config *config);

/* Listens on one more address (AF_INET or AF_INET6, port 0: any free one). The
 * IPv6 wildcard takes IPv4 too, as Go's ":6060" does. PORT_OUT may be NULL.
 * Errors name the address: "127.0.0.1:6060: address already in use".
 *
 * When the process is out of file descriptors, new connections are served from
 * a few descriptors kept in reserve, so that the lab can be diagnosed then too;
 * after those they wait until one is free. */
int lab_http_listen(lab_http_server *server, const struct sockaddr *address,
                    int *port_out, lab_err *err);

/* Serves one socket that is connected already, and that the owner doesn't
 * count. Takes FD, even on failure; 0 or negative errno. */
int lab_http_serve_fd(lab_http_server *server, int fd);

/* Stops listening, closes idle connections and lets requests that have begun
 * finish. When the last connection is closed, CLOSED(ARG) is called (from the
 * loop, never from here) and the server no longer exists. CLOSED may be NULL.
 */
void lab_http_server_close(lab_http_server *server, void (*closed)(void *arg),
                           void *arg);

/* Closes every connection now; requests being answered are gone. May be called
 * before or after lab_http_server_close, not once it has ended. */
void lab_http_server_abort(lab_http_server *server);

/* The socket of the address that was added last. */
int lab_http_listener_fd(const lab_http_server *server);

/* Open connections. */
unsigned lab_http_connections(const lab_http_server *server);

#endif
