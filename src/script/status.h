/* SPDX-License-Identifier: MIT
 * What the VM is doing, for /status and /metrics: the step, queues, tasks.
 *
 * Threads: any; it never waits for Lua. */
#ifndef LAB_SCRIPT_STATUS_H
#define LAB_SCRIPT_STATUS_H

#include <stddef.h>

#include "scenario/shown.h"
#include "task/sched.h"
#include "task/worker.h"

typedef struct lab_vm_status {
  lab_shown_step step;
  lab_entry entry;     /* the step that is being entered; what: NULL if none */
  size_t memory_limit; /* bytes that the step may have */
  unsigned fd_limit;   /* descriptors likewise; 0 = the process's limit */
  unsigned fds;        /* that scenarios have */
  size_t queued;       /* requests that the VM has not looked at yet */
  size_t tasks;        /* all; those that ... */
  size_t running, runnable, waiting[LAB_WAIT_KINDS];
  lab_workers_load workers;
} lab_vm_status;

/* Fills in OUT, for lab_vm_status_free. */
void lab_vm_read_status(lab_vm *vm, lab_vm_status *out);
void lab_vm_status_free(lab_vm_status *s);

#endif
