/* SPDX-License-Identifier: MIT
 * CPU profiles that USR2 asks for, in temporary files. */
#ifndef LAB_APP_PROFILE_H
#define LAB_APP_PROFILE_H

#include "diaglab/diaglab.h"

/* Begins a CPU profile; logs the file's path when it is complete. */
void lab_app_profile_cpu(lab_app *app);
/* Ends all such profiles early; their files have what was sampled so far. */
void lab_app_end_profiles(lab_app *app);

#endif
