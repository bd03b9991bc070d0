/* SPDX-License-Identifier: MIT
 * See turn.h. */
#include "loop/turn.h"

#define EMPTY(line)                                                            \
  { &lines[line], &lines[line] }

static const unsigned most[LAB_TURN_LINES] = {LAB_TURNS_MOST, 1, 1,
                                              LAB_TURNS_MOST};

static lab_list lines[LAB_TURN_LINES] = {
    EMPTY(LAB_TURN_SOON), EMPTY(LAB_TURN_LOOKUP), EMPTY(LAB_TURN_PAGE),
    EMPTY(LAB_TURN_ANY)};
static unsigned taken[LAB_TURN_LINES], all_taken;

/* The one whose turn it is now, or NULL. */
static lab_turn *find_next_turn(void) {
  if (all_taken == LAB_TURNS_MOST)
    return NULL;
  for (int i = 0; i < LAB_TURN_LINES; i++)
    if (taken[i] < most[i] && !lab_list_empty(&lines[i]))
      return LAB_CONTAINER(lines[i].next, lab_turn, link);
  return NULL;
}

static void begin_turns(void) {
  for (lab_turn *turn; (turn = find_next_turn());) {
    lab_list_remove(&turn->link);
    turn->state = LAB_TURN_HAS;
    taken[turn->line]++;
    all_taken++;
    turn->begin(turn);
  }
}

void lab_turn_take(lab_turn *turn, lab_turn_line line,
                   void (*begin)(lab_turn *turn)) {
  turn->line = line;
  turn->begin = begin;
  turn->state = LAB_TURN_WAITS;
  lab_list_push_back(&lines[line], &turn->link);
  begin_turns();
}

void lab_turn_end(lab_turn *turn) {
  if (turn->state == LAB_TURN_WAITS)
    lab_list_remove(&turn->link);
  bool had = turn->state == LAB_TURN_HAS;
  turn->state = LAB_TURN_NONE;
  if (!had)
    return;
  taken[turn->line]--;
  all_taken--;
  begin_turns();
}

bool lab_turn_waits(const lab_turn *turn) {
  return turn->state == LAB_TURN_WAITS;
}
