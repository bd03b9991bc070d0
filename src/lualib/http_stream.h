/* SPDX-License-Identifier: MIT
 * A request of a client (http_client.h), and the answer that is read from it as
 * a stream.
 *
 * It is a userdata, an exchange, from the moment when the request begins. That
 * of a stream is anchored (vm/anchors.h) for as long as it has a connection:
 * a script that loses it doesn't give the connection back, as in Go.
 *
 * Threads: the VM's. */
#ifndef LAB_LUALIB_HTTP_STREAM_H
#define LAB_LUALIB_HTTP_STREAM_H

#include <lua.h>
#include <stdbool.h>

#include "lualib/ticket.h"
#include "task/pool.h"

enum { /* user values */
       LAB_EXCHANGE_HEADERS = 1,
       LAB_EXCHANGE_POOL,   /* the userdata in which POOL is */
       LAB_EXCHANGE_CLIENT, /* that of the client */
       LAB_EXCHANGE_VALUES = LAB_EXCHANGE_CLIENT
};

typedef struct lab_exchange {
  lab_ticket ticket;
  lab_list link; /* of its client, until it has ended */
  lab_vm *vm;
  lab_pool *pool;
  lab_pool_place place; /* in the pool: it has a connection, or waits */
  uint64_t began;       /* mono ns at which it began to wait */
  bool stream;
  bool at_end; /* all of the stream was read */
  int status;
} lab_exchange;

/* Pushes a zeroed exchange, which is in no list. May raise. */
lab_exchange *lab_exchange_new(lua_State *L);
/* The one at INDEX is kept until lab_exchange_leave. May raise. */
void lab_exchange_anchor(lua_State *L, int index);
/* Gives the connection back, or waits no longer for one. */
void lab_exchange_leave(lab_exchange *x);
/* The same, and ends what is under way. */
void lab_exchange_end(lab_exchange *x);
/* For lab_ticket_send. */
void lab_exchange_reclaim(lab_owned *o);
/* The answer of the one at INDEX has come: its status and headers. Raises if
 * there is no memory for them; then it has ended. */
void lab_exchange_open_stream(lua_State *L, int index);

/* Makes the class. May raise. */
void lab_lib_http_stream(lua_State *L);

#endif
