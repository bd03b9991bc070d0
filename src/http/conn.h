/* SPDX-License-Identifier: MIT
 * One connection as it lies in memory, and what can happen to it. For the files
 * of this folder.
 *
 * A connection works on one request at a time. Bytes that come in meanwhile are
 * kept, up to a limit and as far as there is memory: see server.h. The server
 * goes on reading because only so it learns that the client went away. */
#ifndef LAB_HTTP_CONN_H
#define LAB_HTTP_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <llhttp.h>
#include <uv.h>

#include "base/address.h"
#include "base/buf.h"
#include "base/queue.h"
#include "http/request.h"

/*  IDLE -> HEAD -> BODY -> HANDLER (-> STREAM) -> IDLE
 *  IDLE, HEAD, BODY -> FLUSH if something is wrong with the request;
 *  HANDLER, STREAM -> FLUSH if this was the connection's last answer. */
typedef enum lab_http_state {
  LAB_HTTP_IDLE,    /* no byte of a request yet */
  LAB_HTTP_HEAD,    /* reading the request line and headers */
  LAB_HTTP_BODY,    /* reading the body */
  LAB_HTTP_HANDLER, /* the handler has the request */
  LAB_HTTP_STREAM,  /* the handler has begun to answer in parts */
  LAB_HTTP_FLUSH,   /* the last answer is being sent */
  LAB_HTTP_LINGER,  /* it is sent; the server waits for the client to close. If
                       the server closed while the client still sends, the
                       kernel would throw the answer away. */
  LAB_HTTP_CLOSED
} lab_http_state;

typedef struct lab_http_conn {
  uv_tcp_t tcp;
  llhttp_t parser;
  lab_list link; /* in a list of server->turns: see room.h */
  lab_list lane; /* in server->lane, or in no list: see lane.h */
  lab_http_server *server;
  lab_http_request *req; /* in states HEAD to STREAM */
  lab_buf in;            /* came in during the work on a request */
  lab_buf out;           /* goes out together; borrowed while corked */
  unsigned corks;
  uint64_t deadline;       /* loop time in ms; 0: none */
  uint64_t write_deadline; /* when a client that takes nothing is cut off */
  int fd;                  /* if the server's owner counts it, else -1 */
  lab_address peer;        /* the client's address */
  uint64_t since;          /* loop time when it came into its list */
  size_t queued;           /* length of the write queue at the last sweep */
  size_t kept;             /* its part of server->kept, or of held */
  size_t fed;              /* bytes of the request that is not complete */
  size_t extras;           /* of these, in chunk extensions and trailers */
  size_t chunks;           /* of its body */
  const char *fault;       /* what a parser callback found, or NULL */
  const char *input;       /* what is being parsed begins here */
  char last_solid;         /* the last byte before that which is no blank */
  uint16_t error;          /* the status to answer then, or 0 */
  uint8_t state;
  uint8_t turn;  /* lab_http_turn: which list it is in */
  bool reserved; /* out of the reserve: for the lab's own requests only */
  bool high;     /* its descriptor is counted in server->high */
  bool reading;
  bool keep_alive;    /* after the current request */
  bool eof;           /* the client closed its half */
  bool unread;        /* the server ends it without having read everything */
  bool want_continue; /* the client waits for "100 Continue" */
  bool loopback;
  bool broken; /* a write failed; see lab_http_flush */
} lab_http_conn;

/* Serves the connected socket FD and takes it, even on failure. The owner is
 * not told of it. 0 or negative errno. */
int lab_http_conn_new(lab_http_server *server, int fd, bool loopback);

typedef struct lab_http_conn_kind {
  lab_address peer;
  bool loopback;
  bool reserved; /* closed after one answer */
  bool high;
} lab_http_conn_kind;

/* The same for a client that was just accepted, and reads what it has sent
 * already. The owner is told, if it counts. */
void lab_http_conn_accepted(lab_http_server *server, int fd,
                            const lab_http_conn_kind *kind);

/* Reads once: see lane.h. */
void lab_http_conn_take_turn(lab_http_conn *c);

/* Does everything that can be done now: parses waiting bytes, writes, closes.
 */
void lab_http_conn_advance(lab_http_conn *c);

/* Closes the connection: the client is gone, or has to go. The memory of C
 * stays until the loop's next turn. */
void lab_http_conn_lost(lab_http_conn *c);

/* Whether something came from the client that the loop hasn't read yet. */
bool lab_http_has_unread_bytes(const lab_http_conn *c);
/* The request in work is given up: its client is told 503 and REASON, if it has
 * no part of the answer yet. Then the connection closes. */
void lab_http_conn_refuse(lab_http_conn *c, const char *reason);

/* A deadline has passed. */
void lab_http_conn_timeout(lab_http_conn *c);

/* The current request has its answer. */
void lab_http_conn_answered(lab_http_conn *c);

/* A pending write has ended with STATUS: 0 or libuv's error. */
void lab_http_conn_written(lab_http_conn *c, int status);

#endif
