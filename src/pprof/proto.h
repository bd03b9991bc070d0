/* SPDX-License-Identifier: MIT
 * Writes protocol buffers (proto3): varints, fields, nested messages. It knows
 * nothing about profiles.
 *
 *   size_t m = lab_proto_begin(b, FIELD_SAMPLE_TYPE);
 *   lab_proto_int(b, FIELD_TYPE, 1);
 *   lab_proto_end(b, m);
 *
 * Everything is appended to a lab_buf, so nothing here can fail. A field whose
 * value is 0 isn't written: proto3 demands that, and for readers a missing
 * field is 0. Elements of repeated fields are always written. Field numbers are
 * those of the .proto file, 1 to 2^29-1.
 *
 * Threads: one at a time per buffer. Signal handlers: never. */
#ifndef LAB_PPROF_PROTO_H
#define LAB_PPROF_PROTO_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* A varint (base/varint.h) without a field number: an element of a packed
 * field. */
void lab_proto_varint(lab_buf *b, uint64_t value);

/* A field of type uint64 or bool; a field of type int64, whose negative values
 * take ten bytes, as the format demands. Nothing if VALUE is 0. */
void lab_proto_uint(lab_buf *b, uint32_t field, uint64_t value);
void lab_proto_int(lab_buf *b, uint32_t field, int64_t value);

/* An element of a repeated string or bytes field, which may be empty. */
void lab_proto_bytes(lab_buf *b, uint32_t field, const void *bytes, size_t n);

/* Everything appended between the two calls is the content of FIELD: a message,
 * or the varints of a packed field. Pairs of calls may nest. PLACE is what
 * begin returned. */
size_t lab_proto_begin(lab_buf *b, uint32_t field);
void lab_proto_end(lab_buf *b, size_t place);

#endif
