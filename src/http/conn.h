/* SPDX-License-Identifier: MIT
 * Inside of the server: connection, request and server as they lie in memory,
 * and what the files of this folder call of each other.
 *
 *   listen.c  sockets that listen
 *   server.c  accepting, time-outs, shutdown
 *   conn.c    one connection: the state machine
 *   parse.c   bytes -> request, by llhttp
 *   write.c   output of a connection
 *   request.c, query.c    what the layer above reads of a request
 *   response.c, stream.c  how it answers
 *
 * One request at a time is in work on a connection; bytes that come in
 * meanwhile are kept, up to a bound, and reading goes on, because that is how
 * one learns that the client went away. */
#ifndef LAB_HTTP_CONN_H
#define LAB_HTTP_CONN_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <llhttp/llhttp.h>
#include <uv.h>

#include "base/buf.h"
#include "base/queue.h"
#include "http/request.h"
#include "http/server.h"

/*  IDLE -> HEAD -> BODY -> HANDLER (-> STREAM) -> IDLE
 *  any of the first three -> FLUSH when something is wrong with the request;
 *  HANDLER, STREAM -> FLUSH when this was the connection's last answer. */
typedef enum lab_http_state {
  LAB_HTTP_IDLE,    /* no byte of a request yet */
  LAB_HTTP_HEAD,    /* reading the request line and headers */
  LAB_HTTP_BODY,    /* reading the body */
  LAB_HTTP_HANDLER, /* the layer above has the request */
  LAB_HTTP_STREAM,  /* it has begun to answer */
  LAB_HTTP_FLUSH,   /* the last answer is on its way out */
  LAB_HTTP_LINGER,  /* and out: waiting for the client to close, so that the
                       bytes it still sends don't make the kernel drop it */
  LAB_HTTP_CLOSED
} lab_http_state;

typedef struct lab_http_conn {
  uv_tcp_t tcp;
  llhttp_t parser;
  lab_list link; /* in server->idle if parked, else in server->busy */
  lab_http_server *server;
  lab_http_request *req; /* in states HEAD to STREAM */
  lab_buf in;            /* came in while a request was in work */
  lab_buf out;           /* goes out together; borrowed while corked */
  unsigned corks;
  uint64_t deadline;       /* loop time in ms; 0: none */
  uint64_t write_deadline; /* when a client that takes nothing is cut off */
  int fd;                  /* if its owner counts it, else -1 */
  size_t queued;           /* write queue at the last sweep */
  const char *fault;       /* what a parser callback found, or NULL */
  uint16_t error;          /* and the status it asks for */
  uint8_t state;
  bool parked;
  bool reading;
  bool keep_alive;    /* after the current request */
  bool eof;           /* the client closed its half */
  bool unread;        /* we end it without having read all it sends */
  bool want_continue; /* the client waits for 100 Continue */
  bool loopback;
  bool broken; /* a write failed; see lab_http_flush */
} lab_http_conn;

typedef struct lab_http_span {
  uint32_t at, len; /* into text */
} lab_http_span;

typedef struct lab_http_field {
  lab_http_span name, value;
} lab_http_field;

struct lab_http_request {
  lab_mpsc_node node;
  void *user;
  lab_http_server *server; /* NULL once it may be gone */
  lab_http_conn *conn;     /* NULL once gone or ended */
  unsigned refs;
  bool ended;     /* answered, or never to be */
  bool dropped;   /* the client went away, and the layer above was told */
  bool chunked;   /* a stream in chunks */
  bool bodiless;  /* by its status */
  bool in_header; /* parser: between a name and the end of its value */
  bool in_value;
  bool keep_alive;
  bool loopback;
  uint8_t method;
  uint8_t minor;
  lab_buf text; /* target, then names and values, each followed by a 0 */
  lab_http_span target, path, query, authority;
  lab_http_field *fields;
  size_t field_count, field_cap;
  lab_buf body;
  void (*gone)(lab_http_request *req, void *arg);
  void *gone_arg;
  void (*drain)(lab_http_request *req, void *arg);
  void *drain_arg;
  lab_http_request *next_free;
};

typedef struct lab_http_listener {
  uv_poll_t poll;
  lab_http_server *server;
  struct lab_http_listener *next;
  int fd;
  bool loopback;
} lab_http_listener;

#define LAB_HTTP_RESERVE 4       /* descriptors kept for the worst case */
#define LAB_HTTP_READ_SIZE 65536 /* the read buffer, one for all */
#define LAB_HTTP_AHEAD_MAX 32768 /* bytes kept of requests not yet begun */
#define LAB_HTTP_BATCH_MAX 65536 /* answers collected for one write */
#define LAB_HTTP_LINGER_MS 1000  /* as long as a connection lingers */
#define LAB_HTTP_DATE_LEN 37     /* "Date: Sun, 22 Nov 2026 15:22:03 GMT\r\n" */

struct lab_http_server {
  uv_loop_t *loop;
  lab_http_config config;
  uv_timer_t sweep;
  lab_http_listener *listeners;
  lab_list idle; /* connections between two requests, longest idle first */
  lab_list busy;
  unsigned connections;
  unsigned handles; /* uv handles not closed yet */
  int reserve[LAB_HTTP_RESERVE];
  bool accepting, closing;
  void (*closed)(void *arg);
  void *closed_arg;
  lab_buf spare; /* the output buffer that a corked connection borrows */
  lab_http_request *free_requests;
  unsigned free_count;
  time_t date_second;
  char date[LAB_HTTP_DATE_LEN + 1];
  char read_buffer[LAB_HTTP_READ_SIZE];
};

/* server.c */
/* Takes the listening socket FD. */
void lab_http_server_add_listener(lab_http_server *server, int fd,
                                  bool loopback);
void lab_http_server_conn_closed(lab_http_server *server);

/* conn.c */
/* COUNTED: the config's opened and closing are called. */
int lab_http_conn_new(lab_http_server *server, int fd, bool loopback,
                      bool keep_alive, bool counted);
/* Goes on with what can be done now: parse what waits, write, close. */
void lab_http_conn_advance(lab_http_conn *c);
/* The client is gone, or has to go. */
void lab_http_conn_lost(lab_http_conn *c);
/* Answers STATUS on behalf of a request that could not be read; then closes. */
void lab_http_conn_fail(lab_http_conn *c, int status, const char *reason);
/* A deadline has passed. */
void lab_http_conn_timeout(lab_http_conn *c);
/* The current request has its answer. */
void lab_http_conn_answered(lab_http_conn *c);
void lab_http_conn_unpark(lab_http_conn *c);

/* parse.c */
void lab_http_parser_init(lab_http_conn *c);
/* The status for an error of llhttp in bytes that end at END. */
int lab_http_parser_status(const lab_http_conn *c, const char *end);

/* write.c: between cork and uncork output is only collected. Uncork may close
 * the connection, but its memory stays until the loop's next turn. */
void lab_http_cork(lab_http_conn *c);
void lab_http_uncork(lab_http_conn *c);
/* Output collected so far, then BODY, whose memory it takes (may be NULL). If
 * the client is gone this only sets c->broken: it is called by the layer above
 * in the middle of an answer, who must not be told so from inside. */
void lab_http_flush(lab_http_conn *c, lab_buf *body);
static inline bool lab_http_blocked(const lab_http_conn *c) {
  return uv_stream_get_write_queue_size((const uv_stream_t *)&c->tcp) > 0;
}

/* request.c */
lab_http_request *lab_http_request_new(lab_http_server *server);
/* The exchange is over: lets go of it. */
void lab_http_request_end(lab_http_request *req);
/* The client is gone: tells the layer above, then lets go of it. */
void lab_http_request_drop(lab_http_request *req);
void lab_http_request_free(lab_http_request *req);

/* response.c */
bool lab_http_has_body(int status);
#define LAB_HTTP_NO_LENGTH SIZE_MAX
void lab_http_write_head(lab_http_request *req, int status,
                         const char *content_type, const char *extra_headers,
                         size_t length);

/* status.c: the server's Date line of this second. */
const char *lab_http_date(lab_http_server *server);

#endif
