/* SPDX-License-Identifier: MIT
 * A recording as Chrome's trace events, in JSON, for ui.perfetto.dev and
 * speedscope: made from the same bytes as the file for Go.
 *
 *   process "tasks"     a row for the VM and each worker: what ran when,
 *                       and, as an instant at the end, what it did then
 *   process "requests"  user tasks, as many rows as there are at a time
 *   process "regions"   a row for each task that has any
 *   counters            the heap, and where the collector begins
 *
 * Threads: one at a time; any but the control thread (NAMER is slow). */
#ifndef LAB_TRACE_JSON_H
#define LAB_TRACE_JSON_H

#include "trace/trace.h"

typedef struct lab_trace_json lab_trace_json;

lab_trace_json *lab_trace_json_new(lab_trace_namer *namer);
/* Accepts NULL. */
void lab_trace_json_free(lab_trace_json *j);
/* Appends the JSON of N bytes, which are whole pieces of lab_trace_take, to
 * OUT. */
void lab_trace_json_add(lab_trace_json *j, const void *bytes, size_t n,
                        lab_buf *out);
/* Appends the end of the text. What still runs ended with the recording. */
void lab_trace_json_end(lab_trace_json *j, lab_buf *out);

#endif
