/* SPDX-License-Identifier: MIT
 * The profiles that an execution trace tells, for a student who has taken a
 * trace instead of them:
 *
 *   wall       where tasks spent their time, with the label `state`
 *   block      the waits for locks, channels and other tasks that have ended
 *   goroutine  the tasks that began in the trace, and hadn't ended at its end
 *
 * They say less than the lab's own: where a task ran a trace doesn't tell, so
 * that time has only the task's function. Of tasks that waited from before the
 * beginning until after the end nothing else is known, either. Go's format has
 * one word for all that waits for a lock, so such a sample has the label
 * `state` once for each of the lab's words that it may be. Waits for a worker
 * are "syscall", also while the worker computes.
 *
 * Pure functions: any thread; slow. */
#ifndef LAB_DIAGNOSIS_TRACE_PROFILES_H
#define LAB_DIAGNOSIS_TRACE_PROFILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

typedef struct lab_trace_profiles {
  lab_buf wall, block, goroutine; /* profile.proto, not packed */
} lab_trace_profiles;

/* What a trace says of itself. If a visit begins in it (LAB_TRACE_VISIT), its
 * profiles and the last three are of what came after that. */
typedef struct lab_trace_facts {
  uint64_t attempt; /* prof/attempt.h; 0: none is told */
  uint64_t ns;      /* from its first event to its last */
  uint64_t busy_ns; /* of these, with a request under way */
  double requests;  /* of the application: the mean of those that began, and
                       those that ended */
} lab_trace_facts;

/* Do the bytes begin as a trace? */
bool lab_trace_is_one(const void *bytes, size_t len);

/* Reads a whole trace of the lab, in the format "go 1.19 trace"; it may be
 * anything. PROFILES, unless NULL: the caller's, to be freed; 0, or a negative
 * errno and ERR, and there are none: -EFBIG if it would take more than a second
 * of CPU time. Memory: about three times LEN for a trace of the lab's, some 20
 * times LEN at most. */
int lab_trace_profiles_read(const void *bytes, size_t len,
                            lab_trace_facts *facts,
                            lab_trace_profiles *profiles, lab_err *err);
void lab_trace_profiles_free(lab_trace_profiles *profiles);

#endif
