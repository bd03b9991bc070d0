/* SPDX-License-Identifier: MIT
 * Who may use a thread of libuv's pool now. The pool has four, or more
 * (app/pool.h), for everything: /status, children of scenarios, profiles, name
 * servers, the disk. Work that takes its time, or waits for something outside
 * of this process, has a turn: three of these are there at a time, however many
 * want one. So one thread is left for what is short and can't wait.
 *
 *   lab_turn_take(&turn, LAB_TURN_ANY, begin);   ... BEGIN is called
 *   lab_turn_end(&turn);                         the next one may begin
 *
 * Nothing here knows libuv; work.h has turns for its work.
 *
 * Threads: the loop's; all loops with turns must have the same. */
#ifndef LAB_LOOP_TURN_H
#define LAB_LOOP_TURN_H

#include <stdbool.h>

#include "base/queue.h"

enum { LAB_TURNS_MOST = 3 };

/* The lines, in the order in which they come. A line whose work can wait for
 * others has one turn at a time: then LAB_TURN_ANY has a thread in any case. */
typedef enum lab_turn_line {
  LAB_TURN_SOON,   /* few at a time: the next thread that gets free */
  LAB_TURN_LOOKUP, /* one at a time: a name server may not answer */
  LAB_TURN_PAGE,   /* one at a time: browsers come in crowds */
  LAB_TURN_ANY,
  LAB_TURN_LINES
} lab_turn_line;

/* All zeros: it has no turn, and doesn't wait. */
typedef struct lab_turn {
  /* Private. */
  lab_list link; /* in its line */
  lab_turn_line line;
  enum { LAB_TURN_NONE, LAB_TURN_WAITS, LAB_TURN_HAS } state;
  void (*begin)(struct lab_turn *turn);
} lab_turn;

/* Calls BEGIN when TURN's turn has come, perhaps at once. */
void lab_turn_take(lab_turn *turn, lab_turn_line line,
                   void (*begin)(lab_turn *turn));
/* Its work is done, or isn't wanted any more before its turn has come. Nothing
 * happens to one that neither has a turn nor waits. */
void lab_turn_end(lab_turn *turn);
bool lab_turn_waits(const lab_turn *turn);

#endif
