/* SPDX-License-Identifier: MIT
 * The goroutine profile: all tasks, as they are at one moment.
 *
 * Threads: the control thread. */
#ifndef LAB_INSPECT_GOROUTINE_PROFILE_H
#define LAB_INSPECT_GOROUTINE_PROFILE_H

#include "prof/registry.h"

typedef struct lab_vm lab_vm;

/* Enters the kind into the table of profiles (prof/registry.h). */
void lab_goroutine_profile_register(void);
/* Takes a snapshot of all tasks, as they are when the VM gets to it: R's
 * snapshot will be a lab_goroutines (prof/goroutine.h). It waits for as long as
 * the VM sits in C code. Not once the lab is stopping. */
void lab_goroutine_profile_take(lab_vm *vm, lab_profile_request *r);

#endif
