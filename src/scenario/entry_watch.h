/* SPDX-License-Identifier: MIT
 * A look at a step that is being entered. Its `enter` may take as long as it
 * likes, and the student who asked for the step waits meanwhile: so the log and
 * /status say that it is under way, and where it is. Its scenario.lua may take
 * long by mistake.
 *
 * Once a second the control thread sends a call that looks at the task. If the
 * last one has not been delivered yet, the VM is in C code, and the name of the
 * function is all that can be said. */
#ifndef LAB_SCENARIO_ENTRY_WATCH_H
#define LAB_SCENARIO_ENTRY_WATCH_H

#include <stdatomic.h>

#include "task/sched.h"

typedef struct lab_vm lab_vm;

typedef struct lab_entry_watch {
  lab_post look;
  atomic_bool looking; /* it is on its way */
} lab_entry_watch;

/* WHAT of step NUMBER, a literal ("enter"), runs from now on. VM's thread. */
void lab_entry_watch_begin(lab_vm *vm, int number, const char *slug,
                           const char *what);
/* The step is entered, or will not be. VM's thread. */
void lab_entry_watch_end(lab_vm *vm);
/* Once a second: looks at the step that is being entered, if there is one, and
 * logs where it is when that takes long. Control thread. */
void lab_entry_watch_tick(lab_vm *vm);

#endif
