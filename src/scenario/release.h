/* SPDX-License-Identifier: MIT
 * What a step leaves behind as idle memory goes back to the system when the
 * step is left, so that the next one's RSS is its own.
 *
 * A worker does it, because the kernel takes its time for gigabytes, and a
 * switch waits for nothing that it doesn't need.
 *
 * Threads: the VM's. */
#ifndef LAB_SCENARIO_RELEASE_H
#define LAB_SCENARIO_RELEASE_H

#include <stdbool.h>

#include "task/worker.h"

typedef struct lab_vm lab_vm;

/* Private. */
typedef struct lab_release {
  lab_job job;
  lab_vm *vm;
  bool under_way, again;
} lab_release;

/* Begins to give all idle memory back, and returns at once. Call it after a
 * collection. If this is under way already, it is done once more afterwards. */
void lab_release_begin(lab_vm *vm);

#endif
