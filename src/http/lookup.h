/* SPDX-License-Identifier: MIT
 * Finds the addresses of a host. A name server may not answer, and then a
 * lookup keeps a thread of libuv's pool for many seconds. So lookups wait for
 * each other (loop/turn.h); addresses in numbers need none.
 *
 * Threads: the loop's. */
#ifndef LAB_HTTP_LOOKUP_H
#define LAB_HTTP_LOOKUP_H

#include <netdb.h>
#include <stdbool.h>
#include <uv.h>

#include "http/url.h"
#include "loop/turn.h"

/* All zeros: there is none. */
typedef struct lab_http_lookup {
  /* Private. */
  lab_turn turn;
  uv_getaddrinfo_t uv;
  uv_loop_t *loop;
  const lab_http_url *url;
  void (*found)(struct lab_http_lookup *lookup, int status,
                struct addrinfo *addresses);
} lab_http_lookup;

/* The address of URL's host, if it is one in numbers; else NULL. The caller
 * frees it with uv_freeaddrinfo. */
struct addrinfo *lab_http_lookup_number(const lab_http_url *url);
/* Calls FOUND with the addresses, which are its to free, or with libuv's error;
 * an error perhaps at once. URL must stay until then. */
void lab_http_lookup_begin(lab_http_lookup *lookup, uv_loop_t *loop,
                           const lab_http_url *url,
                           void (*found)(lab_http_lookup *lookup, int status,
                                         struct addrinfo *addresses));
/* True: FOUND isn't called any more. False: it will be, or there is no lookup
 * under way. */
bool lab_http_lookup_cancel(lab_http_lookup *lookup);

#endif
