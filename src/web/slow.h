/* SPDX-License-Identifier: MIT
 * Requests that take their time: work on libuv's pool, pauses on a timer, and a
 * client that may go away in either.
 *
 * Work waits for its turn (loop/turn.h), so that one thread of the pool is left
 * for what can't wait: /status and children of scenarios don't come after
 * 20,000 clients that want /metrics.
 *
 * Threads: the control thread. */
#ifndef LAB_WEB_SLOW_H
#define LAB_WEB_SLOW_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/queue.h"
#include "http/request.h"
#include "loop/work.h"
#include "web/web.h"

/* The first member of a handler's own object, which was allocated by
 * lab_xcalloc.
 *
 * The request is held. If its client goes away, a request that pauses ends: at
 * once in a pause; in the midst of work, when that work is done, unless that is
 * late. A request that only works is answered in any case, unless it is the
 * page's: a client may close its side of the connection after asking.
 *
 * Handlers read `web` and `req`; the rest is private to slow.c. */
typedef struct lab_slow {
  lab_web *web;
  lab_http_request *req;
  lab_list link, late;
  lab_work work;
  uv_timer_t timer;
  size_t body; /* bytes */
  bool working, is_page, is_late, paused, gone;
  void (*run)(struct lab_slow *s);
  void (*next)(struct lab_slow *s);
  void (*cleanup)(struct lab_slow *s);
} lab_slow;

/* Bodies of requests that wait or are at work have 64 MiB together. False: with
 * that of REQ they would have more, so it is to be refused (503). A body of up
 * to 64 KiB always has room. */
bool lab_slow_has_room(const lab_web *web, const lab_http_request *req);
/* CLEANUP gives back all that the object has, but not its own memory. */
void lab_slow_begin(lab_slow *s, lab_web *web, lab_http_request *req,
                    void (*cleanup)(lab_slow *s));
/* Calls RUN on a thread of libuv's pool, then NEXT on the loop. */
void lab_slow_work(lab_slow *s, void (*run)(lab_slow *s),
                   void (*next)(lab_slow *s));
/* The same, in a line of its own of which one is at work at a time: what a
 * crowd of browsers asks for leaves threads of the pool to everybody else. If
 * the client goes away, or closes its half, the request ends: at once if its
 * turn has not come, else when RUN has returned. S may be gone on return. */
void lab_slow_work_for_page(lab_slow *s, void (*run)(lab_slow *s),
                            void (*next)(lab_slow *s));
/* The same, before all others, and beside them: as lab_work_at_once. */
void lab_slow_work_at_once(lab_slow *s, void (*run)(lab_slow *s),
                           void (*next)(lab_slow *s));
/* The same, for a request that has its answer: RUN makes what the lab itself
 * wants of it, and NEXT takes that and ends S. From here on it is no matter
 * where the client is. */
void lab_slow_work_late(lab_slow *s, void (*run)(lab_slow *s),
                        void (*next)(lab_slow *s));
/* Calls NEXT when there is no late work under way, but after MS milliseconds at
 * most. S may be gone on return. */
void lab_slow_wait_late(lab_slow *s, uint64_t ms, void (*next)(lab_slow *s));
/* Calls NEXT after MS milliseconds, or as soon as the lab stops. S may be gone
 * on return. */
void lab_slow_pause(lab_slow *s, uint64_t ms, void (*next)(lab_slow *s));
/* Ends a pause now. Nothing happens if there is none. */
void lab_slow_wake(lab_slow *s);
/* Ends the pauses of all requests, and refuses those of the page whose turn has
 * not come: the lab stops. */
void lab_slow_wake_all(lab_web *web);
/* The answer was given: cleans up and frees the object. */
void lab_slow_end(lab_slow *s);

#endif
