/* SPDX-License-Identifier: MIT
 * What a program says of itself in a trace: user tasks, regions and log lines;
 * and the samples of a CPU profile.
 *
 * Calls while nothing is recorded do nothing. NOW is mono ns, 0: the present.
 * Names and texts are copied, with U+FFFD for what isn't valid UTF-8. Threads:
 * any, never a signal handler. */
#ifndef LAB_TRACE_USER_H
#define LAB_TRACE_USER_H

#include <stddef.h>
#include <stdint.h>

#include "trace/go.h"

/* A user task begins or ends, in the goroutine that runs. Where none runs, one
 * of the lab's own begins it, which is called by STACK. TASK: a number that no
 * other has in this recording. PARENT: another, or 0. */
void lab_trace_task_begin(uint64_t task, uint64_t parent, const char *name,
                          uint32_t stack, uint64_t now);
void lab_trace_task_end(uint64_t task, uint32_t stack, uint64_t now);
/* The request whose user task TASK has just begun came NS before that. Readers
 * want a trace in the order of its times, so it can't begin then: a line of the
 * log says it. */
void lab_trace_queued(uint64_t task, uint64_t ns);
/* A region of the goroutine that runs, in its task. They nest: the end of one
 * ends those within. */
void lab_trace_region_begin(const char *name, uint32_t stack, uint64_t now);
void lab_trace_region_end(const char *name, uint32_t stack, uint64_t now);
/* A line of the log, of the user task TASK or of none (0). */
void lab_trace_log(uint64_t task, const char *key, const char *text, size_t len,
                   uint32_t stack);

/* A sample that was taken at WHEN (mono ns). PROC: 0 the VM's, 1... the
 * workers', -1 none. One from before the recording is left out. */
void lab_trace_sample(uint64_t when, int proc, uint32_t stack);

/* ---- inside src/trace, under the recording's lock ------------------------ */

/* Writes a log line of TASK, or of none (0). */
void lab_trace_put_log(uint64_t now, uint64_t task, const char *key,
                       const char *text, size_t len, uint32_t stack);
/* G ends: its open regions are given up. */
void lab_trace_drop_regions(lab_trace_g *g);

#endif
