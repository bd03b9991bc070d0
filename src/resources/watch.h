/* SPDX-License-Identifier: MIT
 * Descriptors for which tasks wait, without a thread that waits for each: what
 * Go calls its network poller.
 *
 * The VM's thread itself reads and writes sockets, which never block; only
 * where a call would have to wait is the task parked until the kernel says that
 * the descriptor is ready, and then it tries again. (The control thread could
 * read and write, as it does for requests. But each call would take two trips
 * between the threads, there would have to be buffers with limits, and profiles
 * and strace would show the system calls where nobody asked for them. Here what
 * a peer sends stays in the kernel until the scenario reads it.)
 *
 * Two epoll sets, one in the other, say what is ready:
 *
 *   descriptors -> inner set -> outer set -> the control thread's loop
 *
 * A descriptor is reported once for each time that a task begins to wait for it
 * (EPOLLONESHOT), and so is the inner set: then the control thread rings, which
 * is a letter to the VM; the VM takes from the inner set what is ready, makes
 * those tasks ready, and arms the inner set's report again. So there is one
 * letter at most, however much comes in, and only the VM's thread knows the
 * descriptors: none can be closed while another thread looks at it. Both sets
 * exist from the first wait of a step until the step is left.
 *
 * Each side of a descriptor serves one task at a time, in the order in which
 * they came. A call is:
 *
 *   lab_watch_begin(w, side);
 *   try:                                   also the continuation
 *     lab_watch_check(w, side);            raises if the task was cancelled
 *     rc = lab_watch_may_try(w, side);
 *     if (rc == 0)
 *       rc = recv...
 *     if (rc == -EAGAIN && (rc = lab_watch_wait(L, w, side, deadline)) == 0)
 *       return lua_yieldk(..., try);
 *   lab_watch_end(w, side);
 *
 * Threads: the VM's, but for lab_watch_ring. */
#ifndef LAB_RESOURCES_WATCH_H
#define LAB_RESOURCES_WATCH_H

#include <lua.h>
#include <stdint.h>

#include "base/queue.h"
#include "resources/errand.h"

typedef struct lab_vm lab_vm;
typedef struct lab_poller lab_poller;

enum { LAB_WATCH_IN, LAB_WATCH_OUT, LAB_WATCH_SIDES };

typedef struct lab_watch_side {
  uint64_t turn;    /* id of the task that it serves, or 0 */
  lab_list waiting; /* tasks, by lab_task.link: first the one that is served, if
                       it waits; then those whose turn comes */
} lab_watch_side;

/* A descriptor. Embedded in its owner's object. */
typedef struct lab_watch {
  lab_vm *vm;
  int fd; /* -1: closed */
  /* Private. */
  lab_poller *poller; /* NULL: no task has waited yet */
  lab_list link;      /* among the poller's, once the inner set has it */
  uint32_t armed;     /* what the kernel will report: EPOLLIN, EPOLLOUT */
  lab_watch_side sides[LAB_WATCH_SIDES];
} lab_watch;

#define LAB_WATCH_FOREVER UINT64_MAX

/* W has no descriptor yet (or -1): the owner sets w->fd, of one that doesn't
 * block and was opened as fds.h says. */
void lab_watch_init(lab_vm *vm, lab_watch *w);
/* Closes the descriptor, if there is one, and gives it back. Tasks that wait
 * go on, and find it closed. */
void lab_watch_close(lab_watch *w);

/* For the running task. Begin: it has the turn at SIDE if nobody else has.
 * Check: raises, and gives its turn away, if it was cancelled. May_try: 0,
 * -EAGAIN (it isn't its turn) or -EBADF (the descriptor is closed). End: the
 * next one's turn; nothing happens if it had none. */
void lab_watch_begin(lab_watch *w, int side);
void lab_watch_check(lua_State *L, lab_watch *w, int side);
int lab_watch_may_try(const lab_watch *w, int side);
void lab_watch_end(lab_watch *w, int side);
/* Parks the running task until it should try again: 0, and the caller yields.
 * -ETIME: it is DEADLINE (mono ns) or later. Or another negative errno. */
int lab_watch_wait(lua_State *L, lab_watch *w, int side, uint64_t deadline);

/* The bell's descriptor is readable. Control thread. */
void lab_watch_ring(lab_bell *bell);

#endif
