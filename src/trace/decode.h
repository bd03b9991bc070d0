/* SPDX-License-Identifier: MIT
 * Reading back what was recorded, record by record. Internal to src/trace. */
#ifndef LAB_TRACE_DECODE_H
#define LAB_TRACE_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LAB_TRACE_ARGS = 5 };

typedef struct lab_trace_decoder {
  const uint8_t *at, *end;
  int proc;    /* of the batch */
  uint64_t ts; /* of the last record */
} lab_trace_decoder;

typedef struct lab_trace_record {
  int type, proc;
  uint64_t ts;
  unsigned nargs; /* without the time */
  uint64_t args[LAB_TRACE_ARGS];
  const char *text; /* of a log line, not 0-terminated */
  size_t len;
} lab_trace_record;

/* D->at and end are whole pieces of lab_trace_take; a header is skipped. */
void lab_trace_decode_begin(lab_trace_decoder *d, const void *bytes, size_t n);
/* The next event (batches are not shown). False at the end, or where the bytes
 * make no sense. */
bool lab_trace_decode(lab_trace_decoder *d, lab_trace_record *out);

#endif
