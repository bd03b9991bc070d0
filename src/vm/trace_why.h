/* SPDX-License-Identifier: MIT
 * What a trace says of a task that waits: Go's format has fewer reasons than
 * there are. Threads: any. */
#ifndef LAB_VM_TRACE_WHY_H
#define LAB_VM_TRACE_WHY_H

#include "task/task.h"
#include "trace/go.h"

lab_trace_why lab_trace_map_wait(lab_wait why);

#endif
