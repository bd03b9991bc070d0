/* SPDX-License-Identifier: MIT
 * Names of the frames in a trace. */
#ifndef LAB_INSPECT_TRACE_NAMES_H
#define LAB_INSPECT_TRACE_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "trace/trace.h"

/* The frames of STACK, leaf first, into OUT, which has room for LAB_TRACE_DEPTH
 * of them; of more, one frame in the middle says
 * how many are left out. Returns how many OUT has. For lab_trace_tables. Slow:
 * it looks symbols up. Any thread but the control thread. */
size_t lab_trace_name(uint32_t stack, lab_trace_frame *out);

#endif
