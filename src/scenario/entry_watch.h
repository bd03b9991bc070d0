/* SPDX-License-Identifier: MIT
 * Watches a step that is being entered. Its `enter` may take as long as it
 * needs, and its scenario.lua may take long by mistake, while a student waits
 * for the step. So the log and /status say that it is being entered, and what
 * it does.
 *
 * Once a second the control thread sends a message that looks at the task. If
 * the last one has not been delivered yet, the VM is in C code, and only the
 * name of the C function can be told. */
#ifndef LAB_SCENARIO_ENTRY_WATCH_H
#define LAB_SCENARIO_ENTRY_WATCH_H

#include <stdatomic.h>

#include "task/sched.h"

typedef struct lab_vm lab_vm;

typedef struct lab_entry_watch {
  lab_post look;
  atomic_bool looking; /* it is on its way */
} lab_entry_watch;

/* From now on WHAT of step NUMBER runs: a literal, "enter". VM's thread. */
void lab_entry_watch_begin(lab_vm *vm, int number, const char *slug,
                           const char *what);
/* The step has been entered, or won't be. VM's thread. */
void lab_entry_watch_end(lab_vm *vm);
/* Once a second: looks at the step that is being entered, if there is one, and
 * logs where it is when that takes long. Control thread. */
void lab_entry_watch_tick(lab_vm *vm);

#endif
