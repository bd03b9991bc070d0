/* SPDX-License-Identifier: MIT
 * The stacks of all tasks in the log. */
#ifndef LAB_APP_STACKS_H
#define LAB_APP_STACKS_H

#include <stdbool.h>
#include <uv.h>

#include "diaglab/diaglab.h"
#include "loop/work.h"
#include "prof/goroutine.h"
#include "prof/registry.h"
#include "stack/stack.h"

/* Private to stacks.c. */
typedef struct lab_app_dump {
  lab_profile_request request;
  lab_stack_hold stacks; /* for the tasks: */
  lab_goroutines *tasks;
  lab_work work;
  uv_timer_t patience;
  unsigned wanted;   /* signals that have no answer yet */
  bool busy;         /* a dump is under way, */
  bool asks;         /* and the VM has not answered yet */
  bool abort;        /* ABRT came */
  bool before_abort; /* the dump under way is the one for ABRT */
} lab_app_dump;

/* USR1: logs the stacks, now or after the dump that is under way. */
void lab_app_log_stacks(lab_app *app);
/* ABRT: logs the stacks, then ends the process with a core. */
void lab_app_abort(lab_app *app);

#endif
