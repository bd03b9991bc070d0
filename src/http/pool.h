/* SPDX-License-Identifier: MIT
 * Connections to servers that are kept between two calls (client.h), so that
 * the next one needn't connect. A pool doesn't say how many calls there may be
 * at a time; its owner does. A call takes the connection to its server that was
 * used last, or opens one.
 *
 * What ends a connection that is kept: the time config.idle_ms, its server, or
 * the pool's end.
 *
 * Threads: everything here runs on the thread of the loop. */
#ifndef LAB_HTTP_POOL_H
#define LAB_HTTP_POOL_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

typedef struct lab_http_pool lab_http_pool;

typedef struct lab_http_pool_config {
  uint64_t idle_ms; /* for which a connection is kept; 0: no limit */
  /* Of a descriptor that was opened for one of its calls: FD will be closed
   * next. May be NULL. */
  void (*closing)(void *arg, int fd);
  void *arg;
} lab_http_pool_config;

/* How much memory a pool takes. */
size_t lab_http_pool_size(void);
/* MEMORY, of that size, is the scenario's and belongs to the pool from now on:
 * lab_counted_free. CONFIG is copied. */
lab_http_pool *lab_http_pool_new(void *memory, uv_loop_t *loop,
                                 const lab_http_pool_config *config);
/* Closes up to MOST of its connections, and ends calls that use them. True if
 * there are no more: others get their turn in between, and then it's closed. */
bool lab_http_pool_drain(lab_http_pool *pool, unsigned most);
/* Closes all its connections. Calls that use it fail with -ECANCELED. */
void lab_http_pool_close(lab_http_pool *pool);

#endif
