/* SPDX-License-Identifier: MIT
 * Writing protocol buffers (proto3): varints, fields, nested messages. Knows
 * nothing of profiles.
 *
 *   size_t m = lab_proto_begin(b, FIELD_SAMPLE_TYPE);
 *   lab_proto_int(b, FIELD_TYPE, 1);
 *   lab_proto_end(b, m);
 *
 * Everything is appended to a lab_buf, so nothing here can fail. As proto3
 * wants it, a field whose value is 0 isn't written: readers take an absent
 * field for 0. Elements of repeated fields are written whatever they hold.
 * Field numbers are those of the .proto file, 1 to 2^29-1.
 * Threads: one at a time per buffer. */
#ifndef LAB_PPROF_PROTO_H
#define LAB_PPROF_PROTO_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* A bare varint of 1 to 10 bytes: an element of a packed field. */
void lab_proto_varint(lab_buf *b, uint64_t value);

/* A field of type uint64 or bool; of type int64 (negative values take ten
 * bytes, as the format prescribes). Nothing when VALUE is 0. */
void lab_proto_uint(lab_buf *b, uint32_t field, uint64_t value);
void lab_proto_int(lab_buf *b, uint32_t field, int64_t value);

/* An element of a repeated string or bytes field; written when empty too. */
void lab_proto_bytes(lab_buf *b, uint32_t field, const void *bytes, size_t n);

/* Everything appended between the two is the content of FIELD: a message, or
 * the varints of a packed field. Pairs may nest. begin returns the place that
 * end has to be given. */
size_t lab_proto_begin(lab_buf *b, uint32_t field);
void lab_proto_end(lab_buf *b, size_t place);

#endif
