/* SPDX-License-Identifier: MIT
 * Temporary files on disk. Every visit of a step has a folder of its own within
 * the process's folder, $TMPDIR/diaglab-PID-RANDOM. It is made for the first
 * file in it, and removed with everything in it when the step is left.
 *
 *   lab_temp *temp = lab_temp_use(vm);     VM's thread
 *   lab_temp_make(temp), mkstemp...        a worker
 *   lab_temp_unuse(temp);                  VM's thread, in any case
 * What can't be removed is told in the log, and tried again at the end.
 *
 * Jobs that are under way when the step is left still find the folder: it is
 * removed after the last of them. */
#ifndef LAB_RESOURCES_TEMP_H
#define LAB_RESOURCES_TEMP_H

#include <stdbool.h>
#include <stdint.h>

typedef struct lab_vm lab_vm;
typedef struct lab_temp lab_temp;

typedef struct lab_temps {
  lab_temp *first; /* folders of the steps' visits */
  char *root;      /* the folder they are in; made with the first of them */
} lab_temps;

void lab_temps_init(lab_vm *vm);
/* Removes the process's folder, which is empty but for what could not be
 * removed. VM's thread. */
void lab_temps_close(lab_vm *vm);
/* Removes it with everything in it. Control thread. */
void lab_temps_abandon(lab_vm *vm);
void lab_temps_free(lab_vm *vm);

/* The folder of the running task's step, which stays until unuse. */
lab_temp *lab_temp_use(lab_vm *vm);
void lab_temp_unuse(lab_temp *temp);
/* Makes the folder if it isn't there yet: 0 or negative errno. On a worker. */
int lab_temp_make(lab_temp *temp);
/* Valid until unuse. */
const char *lab_temp_path(const lab_temp *temp);

/* The disk under FOLDER, a resolved path in TEMP, is slow: LATENCY ns for each
 * call that waits for it. False: there is no memory to note that. VM's thread.
 */
bool lab_temp_slow_down(lab_temp *temp, const char *folder, uint64_t latency);
/* The latency at the resolved PATH, or 0. Any thread that uses TEMP. */
uint64_t lab_temp_latency(const lab_temp *temp, const char *path);

#endif
