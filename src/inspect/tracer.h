/* SPDX-License-Identifier: MIT
 * Records what tasks, requests and workers do in an execution trace
 * (trace/trace.h). There is one trace at a time, and one VM per process. */
#ifndef LAB_INSPECT_TRACER_H
#define LAB_INSPECT_TRACER_H

#include <stdint.h>

typedef struct lab_vm lab_vm;

/* The VM's thread calls these when it begins and when it ends. Detach ends the
 * trace that is under way; no lab_tracer_begin or _end may come any more. */
void lab_tracer_attach(lab_vm *vm);
void lab_tracer_detach(void);

/* Begins a trace of at most MAX_EVENTS events (0: the default), which begins
 * now. The VM makes a snapshot of all tasks before anything changes, but what
 * runs may keep it from that for long; then lab_trace_started is true. 0 or a
 * negative errno; -EBUSY while there is another trace, or while the VM hasn't
 * yet begun with the last one. Control thread. */
int lab_tracer_begin(lab_vm *vm, uint64_t max_events);
/* Ends the trace now: seals it, and tells the VM. The caller then reads it and
 * calls lab_trace_close. Control thread. */
void lab_tracer_end(lab_vm *vm);

#endif
