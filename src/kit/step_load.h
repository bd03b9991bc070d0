/* SPDX-License-Identifier: MIT
 * The load that a step's lesson asks for, as a running lab tells it.
 *
 * Threads: the only one. */
#ifndef LAB_KIT_STEP_LOAD_H
#define LAB_KIT_STEP_LOAD_H

#include "base/err.h"
#include "load/plan.h"

typedef struct lab_step_load lab_step_load;

/* Asks the lab at URL, "http://host:port", for the load of STEP, which must be
 * its present step. NULL, and a message for the user, if there is none. */
lab_step_load *lab_step_load_ask(const char *url, int step, lab_err *err);
/* What to send; the caller may change how much. */
lab_load_plan *lab_step_load_plan(lab_step_load *load);
/* Lines that say what the step's symptom is, and what is sent. */
const char *lab_step_load_about(const lab_step_load *load);
/* NULL is accepted. Afterwards the plan's texts are gone. */
void lab_step_load_free(lab_step_load *load);

#endif
