/* SPDX-License-Identifier: MIT
 * What the lab does once a second: it gives idle memory back (src/mem; at first
 * also what only the start has used) and what the flight recorder has kept long
 * enough, logs that a step takes long to enter, and counts lines of the log
 * that came too often. */
#ifndef LAB_APP_EVERY_SECOND_H
#define LAB_APP_EVERY_SECOND_H

#include "diaglab/diaglab.h"

/* From now on, until the lab stops. */
void lab_app_start_seconds(lab_app *app);

#endif
