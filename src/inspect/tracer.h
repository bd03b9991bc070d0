/* SPDX-License-Identifier: MIT
 * What the VM tells an execution trace (trace/trace.h). There is one trace at a
 * time, and one VM per process. */
#ifndef LAB_INSPECT_TRACER_H
#define LAB_INSPECT_TRACER_H

#include <stdint.h>

typedef struct lab_vm lab_vm;

/* VM's thread: at its beginning and at its end. Detach ends the recording that
 * is under way; no call may be on its way any more. */
void lab_tracer_attach(lab_vm *vm);
void lab_tracer_detach(void);

/* Begins a trace of at most MAX_EVENTS (0: the default). It starts once
 * lab_trace_started, when the VM has time for a look at all tasks. -EBUSY while
 * there is one, or the VM hasn't yet heard of the last one's beginning. Control
 * thread. */
int lab_tracer_begin(lab_vm *vm, uint64_t max_events);
/* Seals it, now, and tells the VM. lab_trace_close is the caller's. Control
 * thread. */
void lab_tracer_end(lab_vm *vm);

#endif
