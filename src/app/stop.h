/* SPDX-License-Identifier: MIT
 * The end of the lab. */
#ifndef LAB_APP_STOP_H
#define LAB_APP_STOP_H

#include "diaglab/diaglab.h"

/* Begins to take everything down; the loop ends by itself then. Once more does
 * nothing. */
void lab_app_stop(lab_app *app);

#endif
