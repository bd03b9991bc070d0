/* SPDX-License-Identifier: MIT
 * Protobuf messages from a short notation, for tests that read them:
 *
 *   2=7        field 2, the number 7         2[1 2 3]   field 2, packed numbers
 *   6'cpu'     field 6, a text               4{1=1}     field 4, a message
 *   9!8        field 9, 8 bytes of a fixed number       9!4   4 bytes
 *   ~ff        the byte ff, as it is
 *
 * Blanks separate. Numbers may be negative. */
#ifndef TEST_PPROF_MESSAGE_H
#define TEST_PPROF_MESSAGE_H

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/varint.h"

static inline void message_varint(lab_buf *out, uint64_t n) {
  char *room = lab_buf_reserve(out, LAB_VARINT_MAX);
  out->len += (size_t)(lab_varint_put((uint8_t *)room, n) - (uint8_t *)room);
}

static inline void message_bytes(lab_buf *out, uint64_t field, const void *data,
                                 size_t n) {
  message_varint(out, field << 3 | 2);
  message_varint(out, n);
  lab_buf_append(out, data, n);
}

static inline void message_write(lab_buf *out, const char **at);

/* What stands between brackets, as the bytes of FIELD. */
static inline void message_nested(lab_buf *out, uint64_t field,
                                  const char **at) {
  lab_buf inner = LAB_BUF_INIT;
  bool is_packed = *(*at)++ == '[';
  while (is_packed && **at != ']') {
    char *end;
    message_varint(&inner, (uint64_t)strtoull(*at, &end, 0));
    *at = end + strspn(end, " ");
  }
  if (!is_packed)
    message_write(&inner, at);
  ++*at; /* the closing bracket */
  message_bytes(out, field, inner.data ? inner.data : "", inner.len);
  lab_buf_free(&inner);
}

static inline void message_field(lab_buf *out, const char **at) {
  char *end;
  uint64_t field = strtoull(*at, &end, 0);
  *at = end;
  if (*end == '=') {
    message_varint(out, field << 3);
    message_varint(out, (uint64_t)strtoull(end + 1, &end, 0));
    *at = end;
  } else if (*end == '!') {
    message_varint(out, field << 3 | (end[1] == '8' ? 1 : 5));
    lab_buf_append(out, "\1\2\3\4\5\6\7\10", (size_t)(end[1] - '0'));
    *at = end + 2;
  } else if (*end == '\'') {
    size_t n = strcspn(end + 1, "'");
    message_bytes(out, field, end + 1, n);
    *at = end + 1 + n + 1;
  } else {
    message_nested(out, field, at);
  }
}

/* Appends what stands at *AT up to a closing bracket or the end. */
static inline void message_write(lab_buf *out, const char **at) {
  for (;;) {
    *at += strspn(*at, " \n");
    if (**at == '\0' || **at == '}')
      return;
    if (**at == '~') {
      char hex[] = {(*at)[1], (*at)[2], 0};
      lab_buf_putc(out, (char)strtol(hex, NULL, 16));
      *at += 3;
    } else {
      message_field(out, at);
    }
  }
}

static inline lab_buf message_make(const char *text) {
  lab_buf out = LAB_BUF_INIT;
  message_write(&out, &text);
  return out;
}

#endif
