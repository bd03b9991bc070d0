/* SPDX-License-Identifier: MIT
 * See proto.h.
 *
 * A nested message starts with its length, which is known only at its end. Most
 * messages here are shorter than 128 bytes, so their length takes one byte:
 * begin leaves one byte free, and end fills it in. Only longer messages are
 * moved to make room. */
#include "pprof/proto.h"

#include <string.h>

#include "base/varint.h"

enum {
  WIRE_VARINT = 0, /* a number */
  WIRE_LENGTH = 2, /* a length and that many bytes */
};

void lab_proto_varint(lab_buf *b, uint64_t value) {
  uint8_t *at = (uint8_t *)lab_buf_reserve(b, LAB_VARINT_MAX);
  b->len += (size_t)(lab_varint_put(at, value) - at);
}

static void write_tag(lab_buf *b, uint32_t field, unsigned wire) {
  lab_proto_varint(b, (uint64_t)field << 3 | wire);
}

void lab_proto_uint(lab_buf *b, uint32_t field, uint64_t value) {
  if (value == 0)
    return;
  write_tag(b, field, WIRE_VARINT);
  lab_proto_varint(b, value);
}

void lab_proto_int(lab_buf *b, uint32_t field, int64_t value) {
  lab_proto_uint(b, field, (uint64_t)value);
}

void lab_proto_bytes(lab_buf *b, uint32_t field, const void *bytes, size_t n) {
  write_tag(b, field, WIRE_LENGTH);
  lab_proto_varint(b, n);
  lab_buf_append(b, bytes, n);
}

size_t lab_proto_begin(lab_buf *b, uint32_t field) {
  write_tag(b, field, WIRE_LENGTH);
  lab_buf_putc(b, 0);
  return b->len;
}

void lab_proto_end(lab_buf *b, size_t place) {
  size_t n = b->len - place;
  uint8_t length[LAB_VARINT_MAX];
  size_t size = (size_t)(lab_varint_put(length, n) - length);
  if (size > 1) {
    lab_buf_reserve(b, size - 1);
    memmove(b->data + place + size - 1, b->data + place, n);
    b->len += size - 1;
  }
  memcpy(b->data + place - 1, length, size);
}
