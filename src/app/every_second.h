/* SPDX-License-Identifier: MIT
 * What is looked at once a second. */
#ifndef LAB_APP_EVERY_SECOND_H
#define LAB_APP_EVERY_SECOND_H

#include "diaglab/diaglab.h"

/* Looks from now on, until the lab stops. */
void lab_app_start_seconds(lab_app *app);

#endif
