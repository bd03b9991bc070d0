/* SPDX-License-Identifier: MIT
 * Work on libuv's pool. All of the lab's goes through here, so that it is known
 * what the pool's threads do (turn.h).
 *
 * Threads: the loop's; RUN is called on the pool. */
#ifndef LAB_LOOP_WORK_H
#define LAB_LOOP_WORK_H

#include <uv.h>

#include "loop/turn.h"

/* A part of what its functions work on: LAB_CONTAINER gives that back. All
 * zeros: there is no work. */
typedef struct lab_work {
  /* Private. */
  uv_work_t uv;
  lab_turn turn;
  uv_loop_t *loop;
  void (*run)(struct lab_work *work);
  void (*done)(struct lab_work *work);
} lab_work;

/* Calls RUN on a thread of the pool when WORK's turn in LINE has come, then
 * DONE on the loop, which may begin it anew or free it. */
void lab_work_begin(lab_work *work, uv_loop_t *loop, lab_turn_line line,
                    void (*run)(lab_work *work), void (*done)(lab_work *work));
/* The same without a turn. Only for what takes milliseconds, waits for nothing,
 * and comes one at a time, or as often as clients ask for /status. */
void lab_work_at_once(lab_work *work, uv_loop_t *loop,
                      void (*run)(lab_work *work),
                      void (*done)(lab_work *work));
/* True: it has waited for its turn, and doesn't any more: neither RUN nor DONE
 * is called. */
bool lab_work_withdraw(lab_work *work);

#endif
