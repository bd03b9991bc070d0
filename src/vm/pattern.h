/* SPDX-License-Identifier: MIT
 * Lua's patterns, matched so that a match can be interrupted.
 *
 * Written from the reference manual, chapter 6.4.1; results and messages are
 * those of Lua's own library (tests/unit/test_vm_pattern.c compares them). That
 * one recurses and can't be stopped: a pattern of 40 characters may keep it for
 * years. This one keeps its choices in an explicit stack. It looks every few
 * thousand steps whether its task was cancelled (lab_lua_look_around), and can
 * pause, to be continued later.
 *
 * Threads: that of the state. */
#ifndef LAB_VM_PATTERN_H
#define LAB_VM_PATTERN_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

enum { LAB_PATTERN_DEPTH = 199, LAB_PATTERN_CAPTURES = 32 };
/* A capture's length: not closed yet; or it is a position, (). */
enum { LAB_CAPTURE_OPEN = -1, LAB_CAPTURE_POSITION = -2 };

typedef const unsigned char *lab_pattern_text;

typedef enum lab_pattern_result {
  LAB_PATTERN_FAILED,
  LAB_PATTERN_MATCHED,
  LAB_PATTERN_PAUSED, /* its task's time slice is over: search again later */
} lab_pattern_result;

/* What to undo, or to try next, when the match fails further on. */
typedef struct lab_pattern_choice {
  lab_pattern_text s, p, ep; /* place in the subject; item and its end */
  ptrdiff_t i;
  int kind;
} lab_pattern_choice;

typedef struct lab_pattern {
  lua_State *L;
  lab_pattern_text begin, end; /* the subject */
  lab_pattern_text p, pend;    /* the pattern, without its '^' */
  bool anchored;               /* it had one */
  bool may_pause;              /* where its task can make way */
  /* After a match it lies between from and s. */
  lab_pattern_text from, s;
  lab_pattern_text at; /* in the pattern */
  int height, level;   /* of choices, captures */
  ptrdiff_t steps;     /* since the last look around */
  struct {
    lab_pattern_text at;
    ptrdiff_t len;
  } captures[LAB_PATTERN_CAPTURES];
  lab_pattern_choice choices[LAB_PATTERN_DEPTH];
} lab_pattern;

/* Before the others: what the classes of patterns are. Any thread. */
void lab_pattern_init(void);
/* The strings must exist for as long as M is used. SPECIAL_ANCHOR: a '^' at the
 * beginning anchors the pattern (not so in gmatch). */
void lab_pattern_begin(lab_pattern *m, lua_State *L, lab_pattern_text s,
                       size_t ls, lab_pattern_text p, size_t lp,
                       bool special_anchor);
/* The next search begins at S. */
void lab_pattern_restart(lab_pattern *m, lab_pattern_text s);
/* Searches the first match from there on, or goes on after a pause. Raises if
 * the pattern is malformed, and if the task was cancelled. */
lab_pattern_result lab_pattern_search(lab_pattern *m);
/* False: P has no character that means anything but itself. */
bool lab_pattern_is_special(lab_pattern_text p, size_t len);

#endif
