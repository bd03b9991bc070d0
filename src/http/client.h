/* SPDX-License-Identifier: MIT
 * Sends one request to an HTTP/1.1 server. Without a pool (pool.h) each call
 * has a connection of its own: look up the host, connect, send, read, close.
 * With one it takes a connection that an earlier call has left, and leaves it
 * when the whole answer was taken and the server keeps it open, too. There is
 * no TLS and there are no proxies. A redirect is an answer like any other; it
 * is not followed.
 *
 *   call = lab_http_call_begin(loop, &config);   ... config.done is called
 *   lab_http_call_cancel(call);                  ends the call before that
 *
 * A server may close a connection at the moment when it is used again. Then
 * GET, HEAD, OPTIONS and TRACE are sent once more, on a new one, as Go does.
 *
 * An answer can be taken in parts: with config.head the call stops when status
 * and headers have come, and reads no more from the server than it is asked
 * for.
 *
 *   config.head is called
 *   lab_http_call_read(call, n);                 ... config.part is called
 *   lab_http_call_read(call, n);                 ... config.done is called
 *
 * Threads: everything here runs on the thread of the loop. */
#ifndef LAB_HTTP_CLIENT_H
#define LAB_HTTP_CLIENT_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "http/pool.h"

typedef struct lab_http_call lab_http_call;

typedef struct lab_http_result {
  int error;         /* 0, or negative errno */
  char message[256]; /* what went wrong, in Go's words, without the URL */
  int status;        /* of the answer; 0 if there was none */
  lab_buf headers;   /* "name: value\n" each, names in lower case */
  lab_buf body;
} lab_http_result;

typedef struct lab_http_call_config {
  const char *method; /* "GET" */
  const char *url;    /* "http://host[:port]/path?query" */
  /* Further headers, "Name: value\r\n" each; "" for none. The caller must get
   * their syntax right. The client adds Host, Connection and Content-Length. */
  const char *headers;
  const void *body;
  size_t body_len;
  uint64_t timeout_ms;      /* for the whole call, or until head; 0: none */
  uint64_t part_timeout_ms; /* for each read; 0: none */
  size_t max_body;          /* a longer answer, or part of one, is an error */
  lab_http_pool *pool;      /* or NULL */
  /* Opened: the socket FD was opened. Returns 0, or negative errno to refuse
   * it: then the call fails. Closing: FD will be closed next; with a pool it is
   * the pool's that is called instead. Either may be NULL. */
  int (*opened)(void *arg, int fd);
  void (*closing)(void *arg, int fd);
  /* NULL, or the answer is taken in parts. Head: status and headers are in
   * RESULT, and the body is to be read. Not called for an answer without a
   * body, which is done. Part: RESULT's body is what read has asked for, and
   * there may be more. Both may take the buffers, as done. */
  void (*head)(void *arg, lab_http_result *result);
  void (*part)(void *arg, lab_http_result *result);
  /* The call has ended. Never called from begin. The call may not be used
   * afterwards. DONE may take the buffers of RESULT if it empties them. The
   * body is the whole one; or, taken in parts, its last part, which may be
   * empty. */
  void (*done)(void *arg, lab_http_result *result);
  void *arg;
} lab_http_call_config;

/* Begins a call. Strings and body are copied. Errors are reported by done. */
lab_http_call *lab_http_call_begin(uv_loop_t *loop,
                                   const lab_http_call_config *config);
/* After head or part: asks for the next N bytes (at least 1; SIZE_MAX: all that
 * follow). Part is called when there are so many, or done when it is fewer;
 * perhaps at once. */
void lab_http_call_read(lab_http_call *call, size_t n);
/* Ends the call: closes the socket at once, and done is not called. May not be
 * called once done has been called. */
void lab_http_call_cancel(lab_http_call *call);

#endif
