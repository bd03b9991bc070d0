/* SPDX-License-Identifier: MIT
 * Reads back what was recorded, record by record, for the recording's JSON
 * form. Internal to src/trace. Threads: one at a time per decoder. */
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

/* Begins to read N BYTES, which are whole pieces of lab_trace_take; the file's
 * header is skipped. */
void lab_trace_decode_begin(lab_trace_decoder *d, const void *bytes, size_t n);
/* Reads the next event; batches are not shown. False at the end (d->at is
 * d->end then), or where the bytes make no sense. */
bool lab_trace_decode(lab_trace_decoder *d, lab_trace_record *out);

#endif
