/* SPDX-License-Identifier: MIT
 * RTMIN: a trace of what has just happened, as the flight recorder has it, in a
 * file. Threads: the control thread. */
#ifndef LAB_APP_PAST_H
#define LAB_APP_PAST_H

typedef struct lab_app lab_app;

/* The log names the file when it is complete, or says why there is none. */
void lab_app_write_past(lab_app *app);

#endif
