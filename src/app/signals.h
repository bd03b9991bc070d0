/* SPDX-License-Identifier: MIT
 * The signals that the lab answers: TERM, INT, HUP, QUIT, XCPU, USR1, USR2,
 * RTMIN, ABRT. HUP stays ignored if it was: so nohup works. */
#ifndef LAB_APP_SIGNALS_H
#define LAB_APP_SIGNALS_H

#include "diaglab/diaglab.h"

enum { LAB_APP_SIGNALS = 9 };

/* Signals are answered from now on, if the configuration says so. Returns 0 or
 * a negative errno. */
int lab_app_watch_signals(lab_app *app);
/* From now on signals have no effect: the loop is closed, so they come too
 * late. */
void lab_app_mute_signals(void);
/* Puts back what was there before. */
void lab_app_unwatch_signals(lab_app *app);
/* For a handler: signal NUMBER came, and the control thread shall answer it.
 * Async-signal-safe. */
void lab_app_note_signal(int number);

#endif
