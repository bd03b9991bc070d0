/* SPDX-License-Identifier: MIT
 * Reads back what was recorded, record by record. The bytes may be anything:
 * nothing behind their end is read.
 *
 * Threads: one at a time per decoder. */
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
  int type, proc; /* wire.h */
  uint64_t ts;
  unsigned nargs; /* without the time */
  uint64_t args[LAB_TRACE_ARGS];
  /* Of a log line, and of a String: the text, not 0-terminated. Of a Stack:
   * its numbers, which lab_trace_decode_stack reads. */
  const char *text;
  size_t len;
} lab_trace_record;

/* A frame of a stack; function and file are numbers of Strings, or 0. */
typedef struct lab_trace_record_frame {
  uint64_t pc, function, file, line;
} lab_trace_record_frame;

/* Begins to read N BYTES, which are whole pieces of lab_trace_take; the file's
 * header is skipped. */
void lab_trace_decode_begin(lab_trace_decoder *d, const void *bytes, size_t n);
/* Reads the next event; batches are not shown. False at the end (d->at is
 * d->end then), or where the bytes make no sense. */
bool lab_trace_decode(lab_trace_decoder *d, lab_trace_record *out);

/* The frames of a Stack record, the leaf first: at most MAX. Returns how many;
 * 0 if its bytes make no sense. *ID: the stack's number. */
size_t lab_trace_decode_stack(const lab_trace_record *e, uint64_t *id,
                              lab_trace_record_frame *out, size_t max);
/* The lab_trace_why of an event by which a goroutine begins to wait; -1: it is
 * another one. */
int lab_trace_decode_why(int type);

#endif
