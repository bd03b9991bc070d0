/* SPDX-License-Identifier: MIT
 * Who may connect now. To open a socket and connect it takes some microseconds,
 * and a millisecond where the server's queue is full; which may be this very
 * loop's, because it has ten thousand to connect. So they wait in a line, and a
 * round of the loop connects a few, in the order in which they came.
 *
 *   lab_http_dial_wait(&dial, loop, turn);   ... TURN is called
 *   lab_http_dial_leave(&dial);              it isn't, any more
 *
 * The turn never comes at once: what was closed before is closed by then.
 *
 * Threads: the loop's; all loops with such a line must have the same. */
#ifndef LAB_HTTP_DIAL_H
#define LAB_HTTP_DIAL_H

#include <uv.h>

#include "base/queue.h"

/* Fewer than a server accepts in a round: so the queue of a server of the same
 * loop doesn't fill. */
enum { LAB_HTTP_DIALS_MOST = 32 };

/* Link must be initialized (lab_list_init). */
typedef struct lab_http_dial {
  lab_list link; /* in the line */
  /* Private. */
  void (*turn)(struct lab_http_dial *dial);
} lab_http_dial;

/* DIAL doesn't wait yet. */
void lab_http_dial_wait(lab_http_dial *dial, uv_loop_t *loop,
                        void (*turn)(lab_http_dial *dial));
/* Nothing happens to one that doesn't wait. */
void lab_http_dial_leave(lab_http_dial *dial);

#endif
