/* SPDX-License-Identifier: MIT
 * What calls (client.c) do with a pool. */
#ifndef LAB_HTTP_POOL_INTERNAL_H
#define LAB_HTTP_POOL_INTERNAL_H

#include "http/pool.h"
#include "http/wire.h"

/* A call that uses the pool: it is told when the pool is closed. */
typedef struct lab_http_pool_guest {
  lab_list link;
  void (*evicted)(struct lab_http_pool_guest *guest);
} lab_http_pool_guest;

/* GUEST uses POOL until it is removed by lab_list_remove(&guest->link). */
void lab_http_pool_enter(lab_http_pool *pool, lab_http_pool_guest *guest);
/* A connection to PLACE that nobody uses, or NULL. It is the caller's. */
lab_http_wire *lab_http_pool_take(lab_http_pool *pool, const char *place);
/* Nobody uses W any more, and it is in order: POOL keeps it. */
void lab_http_pool_keep(lab_http_pool *pool, lab_http_wire *w);
/* Tells the pool's owner that a wire closes. */
void lab_http_pool_watch(lab_http_pool *pool, lab_http_fd_watch *watch);

#endif
