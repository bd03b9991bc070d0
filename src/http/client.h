/* SPDX-License-Identifier: MIT
 * Sends one request to an HTTP/1.1 server, on a connection of its own: look up
 * the host, connect, send, read, close. There is no TLS and there are no
 * proxies. A redirect is an answer like any other; it is not followed.
 *
 *   call = lab_http_call_begin(loop, &config);   ... config.done is called
 *   lab_http_call_cancel(call);                  ends the call before that
 *
 * Threads: everything here runs on the thread of the loop. */
#ifndef LAB_HTTP_CLIENT_H
#define LAB_HTTP_CLIENT_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"

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
  uint64_t timeout_ms; /* for the whole call; 0: none */
  size_t max_body;     /* a longer answer is an error */
  /* Opened: the socket FD was opened. Returns 0, or negative errno to refuse
     * it: then the call fails. Closing: FD will be closed next. Either may be
   * NULL. */
  int (*opened)(void *arg, int fd);
  void (*closing)(void *arg, int fd);
  /* The call has ended. Never called from begin. The call may not be used
   * afterwards. DONE may take the buffers of RESULT if it empties them. */
  void (*done)(void *arg, lab_http_result *result);
  void *arg;
} lab_http_call_config;

/* Begins a call. Strings and body are copied. Errors are reported by done. */
lab_http_call *lab_http_call_begin(uv_loop_t *loop,
                                   const lab_http_call_config *config);
/* Ends the call: closes the socket at once, and done is not called. May not be
 * called once done has been called. */
void lab_http_call_cancel(lab_http_call *call);

#endif
