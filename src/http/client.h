/* SPDX-License-Identifier: MIT
 * One request to some HTTP/1.1 server, on a connection of its own: look up,
 * connect, send, read, close. No TLS, no proxies; redirects are answers like
 * any other.
 *
 *   call = lab_http_call_begin(loop, &config);   ... config.done is called
 *   lab_http_call_cancel(call);                  before that, if one must
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
  char message[256]; /* then: in Go's words, without the URL */
  int status;
  lab_buf headers; /* "name: value\n" each, names in lower case */
  lab_buf body;
} lab_http_result;

typedef struct lab_http_call_config {
  const char *method; /* "GET" */
  const char *url;    /* "http://host[:port]/path?query" */
  /* Further ones, "Name: value\r\n" each; the caller vouches for them. Host,
   * Connection and Content-Length are the client's. */
  const char *headers;
  const void *body;
  size_t body_len;
  uint64_t timeout_ms; /* for everything; 0: none */
  size_t max_body;     /* bytes of an answer; beyond it is an error */
  /* A socket was opened: 0, or negative errno to do without it (the call fails
   * then). And: it is about to be closed. */
  int (*opened)(void *arg, int fd);
  void (*closing)(void *arg, int fd);
  /* The end, never called from begin; the call is gone afterwards. The buffers
   * may be taken (and emptied) by the receiver. */
  void (*done)(void *arg, lab_http_result *result);
  void *arg;
} lab_http_call_config;

/* Strings and body are copied. */
lab_http_call *lab_http_call_begin(uv_loop_t *loop,
                                   const lab_http_call_config *config);
/* Not after done. Closes the socket at once; done is not called. */
void lab_http_call_cancel(lab_http_call *call);

#endif
