/* SPDX-License-Identifier: MIT
 * A request as it lies in memory, for the files of this folder. */
#ifndef LAB_HTTP_REQUEST_INTERNAL_H
#define LAB_HTTP_REQUEST_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/buf.h"
#include "http/request.h"

struct lab_http_conn;

typedef struct lab_http_span {
  uint32_t at, len; /* into the request's text */
} lab_http_span;

typedef struct lab_http_field {
  lab_http_span name, value;
} lab_http_field;

/* What becomes of a request in the reserve. */
enum { LAB_HTTP_UNDECIDED, LAB_HTTP_COMMITTED, LAB_HTTP_REFUSED };

struct lab_http_request {
  lab_http_server *server;    /* NULL once the server may be gone */
  struct lab_http_conn *conn; /* NULL once the client is gone, or the request
                                 has ended */
  unsigned refs;
  bool ended;     /* answered, or will never be */
  bool dropped;   /* the client went away, and the handler was told */
  bool chunked;   /* the answer is a stream in chunks */
  bool bodiless;  /* the answer's status allows no body */
  bool in_header; /* parser: between a name and the end of its value */
  bool in_value;  /* parser: the value has begun */
  bool keep_alive;
  bool loopback;
  atomic_bool left; /* see lab_http_has_left */
  atomic_uchar fate;
  lab_address peer;
  uint8_t method; /* llhttp's number */
  uint8_t minor;  /* 1 for HTTP/1.1, 0 for HTTP/1.0 */
  lab_buf text;   /* target, then names and values, each followed by a 0 */
  lab_http_span target, path, query, authority;
  lab_http_span host; /* the value of that header */
  lab_http_field *fields;
  size_t field_count, field_cap;
  bool fields_counted; /* their memory is a scenario's, as that of a buffer */
  lab_buf body;        /* followed by a 0, which is counted in len; or empty */
  size_t max_body;     /* bytes; known when the head is complete */
  bool counted;        /* it is kept for a scenario; likewise */
  const char *always;  /* headers of whatever answer it gets, or NULL */
  void (*gone)(lab_http_request *req, void *arg);
  void *gone_arg;
  void (*drain)(lab_http_request *req, void *arg);
  void *drain_arg;
  lab_http_request *next_free;
};

/* A request with one reference: the exchange's. NULL without memory. */
lab_http_request *lab_http_request_new(lab_http_server *server);
/* The request has been answered, or never became complete: gives up the
 * exchange's reference. */
void lab_http_request_end(lab_http_request *req);
/* The client is gone: calls req->gone, then gives up the exchange's
 * reference. */
void lab_http_request_drop(lab_http_request *req);
/* It is to be answered 503, so that another client has its place. False: it is
 * committed (request.h), and must not be. */
bool lab_http_request_try_refuse(lab_http_request *req);
/* Room for N more bytes of text; for one more field. COUNTED: they are kept for
 * a scenario, so if a request doesn't have so much anyway it is that one's
 * memory. False if there is none. */
bool lab_http_request_reserve_text(lab_http_request *req, size_t n,
                                   bool counted);
bool lab_http_request_reserve_field(lab_http_request *req, bool counted);
/* The head is complete, and is kept for a scenario. False as above. */
bool lab_http_request_count_head(lab_http_request *req);
/* Whether its head has no more memory than each request has that is kept for
 * use again. */
bool lab_http_request_is_usual(const lab_http_request *req);
/* Bytes of the head that are no scenario's. */
size_t lab_http_request_own_bytes(const lab_http_request *req);
/* Frees the requests that SERVER keeps for use again. */
void lab_http_request_free_spares(lab_http_server *server);

#endif
