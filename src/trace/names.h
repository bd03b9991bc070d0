/* SPDX-License-Identifier: MIT
 * How the frames of a trace's stacks get their names: a trace knows stacks by
 * the caller's numbers only, and asks for the names when it is written. */
#ifndef LAB_TRACE_NAMES_H
#define LAB_TRACE_NAMES_H

#include <stddef.h>
#include <stdint.h>

/* Lines of a stack that are shown, with that which says what is left out. Go
 * has no more in its own traces: the profiles that Go 1.23 and some later
 * versions make of a trace have room for exactly so many, and end in a panic
 * beyond. */
enum { LAB_TRACE_DEPTH = 128 };

/* What a stack's frame is called. */
typedef struct lab_trace_frame {
  const char *function, *file;
  int line;
} lab_trace_frame;

/* Writes at most LAB_TRACE_DEPTH frames of STACK, leaf first; returns how many,
 * at least 1. The strings must stay until lab_trace_close. */
typedef size_t lab_trace_namer(uint32_t stack,
                               lab_trace_frame out[LAB_TRACE_DEPTH]);

#endif
