/* SPDX-License-Identifier: MIT
 * What the files of this folder share: a load has groups (the plan, and what
 * runs beside it), a group has clients, and a client has a link at a time. */
#ifndef LAB_LOAD_LOAD_INTERNAL_H
#define LAB_LOAD_LOAD_INTERNAL_H

#include <llhttp.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

#include "base/buf.h"
#include "http/url.h"
#include "load/load.h"

enum { LOAD_ADDRESSES = 8, LOAD_INPUT = 65536 };

typedef struct load_client load_client;

/* A connection. It lives until it is closed, which may be after its client has
 * given it up. */
typedef struct load_link {
  uv_tcp_t tcp;
  uv_connect_t connect;
  uv_write_t write;
  llhttp_t parser;
  lab_load *load;
  load_client *client; /* NULL: given up */
  unsigned address;    /* of the load's */
  bool is_open;        /* connected */
  bool is_writing;     /* libuv has the rest of a request */
  bool has_served;     /* an answer before the present one */
  bool has_bytes;      /* of the present answer */
  bool is_complete;    /* the present answer */
  bool is_kept;        /* the server takes another request */
  int status;          /* of the present answer */
} load_link;

struct load_client {
  struct load_group *group;
  load_link *link;      /* or NULL */
  uint64_t due_ns;      /* when its request was due */
  uint64_t sent_ns;     /* and when it was sent, */
  uint64_t pause_until; /* or when it may try again */
  bool is_busy;         /* has a request */
  bool has_retried;     /* its request */
  lab_buf text;         /* of a numbered request */
};

typedef struct load_group {
  lab_load *load;
  lab_load_plan plan; /* complete */
  lab_load_result seen;
  lab_hdr *latency;
  lab_buf text; /* of all requests, if they aren't numbered */
  load_client *clients;
  load_client **idle; /* a stack */
  unsigned nidle;
  uint64_t begin_ns,
      end_ns;   /* end: no more are sent; UINT64_MAX: not by time */
  int timer_fd; /* tells when the next request is due; -1: none */
  uv_poll_t timer;
  bool has_timer;
  bool is_over; /* sends no more */
  bool is_stopped;
} load_group;

struct lab_load {
  uv_loop_t *loop;
  lab_load_config config;
  lab_http_url url;
  struct sockaddr_storage addresses[LOAD_ADDRESSES];
  unsigned naddresses, good_address;
  bool has_connected;   /* ever */
  load_group groups[2]; /* the plan or its `first`, and what is beside it */
  unsigned ngroups;
  bool is_first;   /* `first` is running */
  bool is_ending;  /* the present phase is */
  bool is_closing; /* the load is */
  bool is_cancelled;
  char error[512]; /* what no group knows */
  unsigned users;  /* open handles, and a lookup under way */
  uv_getaddrinfo_t lookup;
  uv_timer_t ticker, progress;
  char input[LOAD_INPUT]; /* bytes are looked at as soon as they are read */
};

#endif
