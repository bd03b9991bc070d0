/* SPDX-License-Identifier: MIT
 * Asks the VM for what the flight recorder has, and for what tasks do now: all
 * that a trace of the last seconds is made of (trace/replay.h). And has it give
 * back what is too old, while nothing happens that would do so.
 *
 * Threads: the control thread, but for free. */
#ifndef LAB_INSPECT_FLIGHT_H
#define LAB_INSPECT_FLIGHT_H

#include <stdatomic.h>
#include <stdbool.h>

#include "task/sched.h"
#include "trace/replay.h"
#include "vm/inbox.h"

typedef struct lab_flight_question {
  lab_call call; /* the caller sets answered and user */
  lab_replay_input input;
  bool taken;
  const char *why; /* why it isn't taken */
} lab_flight_question;

/* Q, zeroed but for the call, is answered between two tasks. */
void lab_flight_ask(lab_vm *vm, lab_flight_question *q);
/* Gives back what Q has, but not Q. Any thread. */
void lab_flight_question_free(lab_flight_question *q);

/* All zeros at first. It must outlive the VM. */
typedef struct lab_flight_trimmer {
  /* Private. */
  lab_post letter;
  atomic_bool under_way; /* it is on its way */
} lab_flight_trimmer;

/* Once a second. Wakes the VM only if there is something to give back. */
void lab_flight_tick(lab_flight_trimmer *t, lab_vm *vm);

#endif
