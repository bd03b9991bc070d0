/* SPDX-License-Identifier: MIT
 * Workers in a trace: each has a P and a goroutine of its own, which runs while
 * the worker has a job.
 *
 * Calls while nothing is recorded do nothing. NOW is mono ns, 0: the present.
 * Threads: any, never a signal handler. */
#ifndef LAB_TRACE_JOB_H
#define LAB_TRACE_JOB_H

#include <stdint.h>

/* Worker INDEX (0...) has a job from now on; LABEL: what it is called, which is
 * copied. STACK: where the task is that waits for the job. */
void lab_trace_job_begin(unsigned index, const char *label, uint32_t stack,
                         uint64_t now);
void lab_trace_job_end(unsigned index, uint64_t now);

/* ---- inside src/trace, under the recording's lock ------------------------ */

/* Jobs that run end now, as far as the trace can tell. */
void lab_trace_end_jobs(uint64_t now);

#endif
