/* SPDX-License-Identifier: MIT
 * What other threads may read about the step: its number, parameters and
 * routes, and the step that is being entered. The VM's thread writes it
 * whenever it changes, so a reader never waits for Lua code. */
#ifndef LAB_SCENARIO_SHOWN_H
#define LAB_SCENARIO_SHOWN_H

#include <lua.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

typedef struct lab_vm lab_vm;

enum { LAB_ROUTES = 32, LAB_ROUTE_LEN = 64, LAB_SLUG_LEN = 64 };

/* The step that is served. */
typedef struct lab_shown_step {
  int number;
  char slug[LAB_SLUG_LEN];
  uint64_t since; /* when it was entered, ns since 1970; and by lab_clock_mono,
                     for its age: */
  uint64_t since_mono;
  uint64_t entered; /* the same, of a step with a generation; else 0 */
  bool is_other;    /* another program of the folder than scenario.lua runs */
  lab_buf title;    /* may be empty */
  /* JSON objects: what self.params holds, and what it held before `enter` */
  lab_buf params, given;
} lab_shown_step;

/* A step that is being entered: entry_watch.c. */
typedef struct lab_entry {
  const char *what; /* what of it runs, a literal; NULL: there is none */
  int number;
  char slug[LAB_SLUG_LEN];
  uint64_t since, since_mono; /* as a step's */
  unsigned tell; /* the next line in the log, in seconds after `since` */
  lab_buf where; /* what it does; then, from a second on, its stack as Lua
                    writes it. May be empty */
} lab_entry;

typedef struct lab_shown {
  pthread_mutex_t lock; /* of all but number */
  lab_shown_step step;
  lab_entry entry;
  char routes[LAB_ROUTES][LAB_ROUTE_LEN];
  size_t nroutes;
  atomic_int number; /* of the step */
} lab_shown;

void lab_shown_init(lab_vm *vm);
void lab_shown_free(lab_vm *vm);

/* Shows vm->scenario->step, whose table is at SCENARIO on L's stack, as the
 * step that is served. IS_OTHER: as in lab_shown_step. VM's thread. May raise,
 * but only before anything is changed. */
void lab_shown_set_step(lab_vm *vm, lua_State *L, int scenario, bool is_other);

/* Any thread. Read: copies, which are given to lab_shown_give_back. */
void lab_shown_read(lab_vm *vm, lab_shown_step *step, lab_entry *entry);
/* Frees what they have. Each may be NULL. */
void lab_shown_give_back(lab_shown_step *step, lab_entry *entry);
int lab_shown_number(lab_vm *vm);
/* Returns the number, too. */
int lab_shown_slug(lab_vm *vm, char slug[LAB_SLUG_LEN]);
/* The same, and when it was entered (lab_shown_step.entered). */
int lab_shown_visit(lab_vm *vm, uint64_t *entered);
/* True if the present step serves PATH besides "/". */
bool lab_shown_has_route(lab_vm *vm, const char *path, size_t len);

#endif
