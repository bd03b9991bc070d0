/* SPDX-License-Identifier: MIT
 * The end of the process with a core: after a crash, or because of ABRT. */
#ifndef LAB_APP_CRASH_H
#define LAB_APP_CRASH_H

#include "diaglab/diaglab.h"

enum { LAB_APP_FATAL = 5 };

/* Installs the handlers; puts back what was there before. */
void lab_app_watch_crashes(lab_app *app);
void lab_app_unwatch_crashes(lab_app *app);
/* Ends the process by ABRT, at once. */
void lab_app_die(void);

#endif
