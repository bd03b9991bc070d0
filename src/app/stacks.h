/* SPDX-License-Identifier: MIT
 * The stacks of all tasks in the log. */
#ifndef LAB_APP_STACKS_H
#define LAB_APP_STACKS_H

#include <stdbool.h>
#include <uv.h>

#include "diaglab/diaglab.h"
#include "prof/goroutine.h"
#include "prof/registry.h"

/* Private to stacks.c, except for `abort`. */
typedef struct lab_app_dump {
  lab_profile_request request;
  lab_goroutines *tasks;
  uv_work_t work;
  uv_timer_t patience;
  unsigned wanted;   /* signals that have no answer yet */
  bool busy;         /* a dump is under way, */
  bool asks;         /* and the VM has not answered yet */
  bool abort;        /* ABRT came: crash.c sets it */
  bool before_abort; /* the dump under way is the one for ABRT */
} lab_app_dump;

/* Logs the stacks, now or after the dump that is under way. */
void lab_app_log_stacks(lab_app *app);

#endif
