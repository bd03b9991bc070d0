/* SPDX-License-Identifier: MIT
 * A connection to a server, and who uses it: a call (client.c), or nobody while
 * a pool keeps it (pool.c). For the files of this folder. Threads: the loop's.
 */
#ifndef LAB_HTTP_WIRE_H
#define LAB_HTTP_WIRE_H

#include <stdbool.h>
#include <uv.h>

#include "base/buf.h"
#include "base/queue.h"
#include "http/url.h"

/* What its user is told; ARG is the user. None of it comes from within a call
 * of the functions below. */
typedef struct lab_http_wire_events {
  void (*connected)(void *arg, int status);
  void (*written)(void *arg, int status);
  /* N BYTES came, which go with this call; or N < 0: the end (UV_EOF), or
   * libuv's error. */
  void (*came)(void *arg, const char *bytes, ssize_t n);
  /* It was closed while it was the user's: nothing follows. */
  void (*closed)(void *arg);
} lab_http_wire_events;

/* For owners that count descriptors; either may be NULL. Opened: the socket FD
 * was opened; 0, or negative errno to refuse it. Closing: FD, which was not
 * refused, will be closed next. */
typedef struct lab_http_fd_watch {
  int (*opened)(void *arg, int fd);
  void *opened_arg;
  void (*closing)(void *arg, int fd);
  void *closing_arg;
} lab_http_fd_watch;

typedef struct lab_http_wire {
  uv_tcp_t tcp;
  uv_connect_t connect;
  uv_write_t write;
  const lab_http_wire_events *events; /* NULL: nobody uses it */
  void *user;
  void (*closing)(void *arg, int fd);
  void *closing_arg;
  int fd;       /* -1: its owner doesn't know it */
  bool closed;  /* or being closed */
  bool reading; /* what comes is told, or ends it if nobody uses it */
  bool writing;
  lab_list link;  /* in its pool */
  uint64_t since; /* in its pool: loop time in ms */
  char place[LAB_HTTP_URL_PLACE];
} lab_http_wire;

/* Opens a socket and connects it to ADDRESS. 0 and the wire in *OUT, or libuv's
 * error. *STEP says which of the two failed, for a message. */
int lab_http_wire_open(lab_http_wire **out, uv_loop_t *loop,
                       const struct sockaddr *address,
                       const lab_http_fd_watch *watch, const char **step);
/* USER uses it from now on; NULL: nobody. */
void lab_http_wire_use(lab_http_wire *w, const lab_http_wire_events *events,
                       void *user);
/* Sends the bytes of OUT, which must stay until they are written. One such call
 * at a time. 0 or libuv's error. */
int lab_http_wire_send(lab_http_wire *w, const lab_buf *out);
/* Whether it is read from. 0 or libuv's error. */
int lab_http_wire_read(lab_http_wire *w, bool wanted);
/* Closes it, and its socket at once. Its memory goes when `closed` was told. */
void lab_http_wire_close(lab_http_wire *w);

#endif
