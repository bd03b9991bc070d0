/* SPDX-License-Identifier: MIT
 * Reads the fields of a protobuf message, one after the other. It knows nothing
 * about profiles. proto.h is the way back.
 *
 * Pure functions: any thread. The input may be anything. */
#ifndef LAB_PPROF_WIRE_H
#define LAB_PPROF_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/varint.h"

typedef enum lab_wire_type {
  LAB_WIRE_VARINT = 0,
  LAB_WIRE_FIXED64 = 1,
  LAB_WIRE_BYTES = 2,
  LAB_WIRE_FIXED32 = 5,
} lab_wire_type;

typedef struct lab_wire_field {
  uint64_t number;
  unsigned type;        /* a lab_wire_type */
  uint64_t value;       /* only of LAB_WIRE_VARINT */
  const uint8_t *bytes; /* only of LAB_WIRE_BYTES: N bytes of the input */
  size_t n;
} lab_wire_field;

static inline const uint8_t *lab_wire_skip(const uint8_t *at,
                                           const uint8_t *end, size_t n,
                                           const char **wrong) {
  *wrong = "a number is cut short";
  return (size_t)(end - at) < n ? NULL : at + n;
}

/* Reads the field at AT. Returns the place behind it; or NULL, and *WRONG is
 * what is wrong with it. */
static inline const uint8_t *lab_wire_next(const uint8_t *at,
                                           const uint8_t *end,
                                           lab_wire_field *f,
                                           const char **wrong) {
  static const char bad_varint[] = "a number is cut short or too long";
  uint64_t tag;
  *wrong = bad_varint;
  *f = (lab_wire_field){0};
  if (!(at = lab_varint_get(at, end, &tag)))
    return NULL;
  f->number = tag >> 3;
  f->type = tag & 7;
  switch (f->type) {
  case LAB_WIRE_VARINT:
    return lab_varint_get(at, end, &f->value);
  case LAB_WIRE_BYTES:
    if (!(at = lab_varint_get(at, end, &f->value)))
      return NULL;
    *wrong = "it is cut short";
    if (f->value > (uint64_t)(end - at))
      return NULL;
    f->bytes = at;
    f->n = (size_t)f->value;
    return at + f->n;
  case LAB_WIRE_FIXED64:
    return lab_wire_skip(at, end, 8, wrong);
  case LAB_WIRE_FIXED32:
    return lab_wire_skip(at, end, 4, wrong);
  default:
    *wrong = "a field has a type that doesn't exist";
    return NULL;
  }
}

/* How many varints the N BYTES are; SIZE_MAX if they aren't whole varints. */
static inline size_t lab_wire_count_varints(const uint8_t *bytes, size_t n) {
  size_t count = 0, length = 0;
  for (size_t i = 0; i < n; i++) {
    if (++length > LAB_VARINT_MAX)
      return SIZE_MAX;
    if (bytes[i] < 0x80) {
      count++;
      length = 0;
    }
  }
  return length ? SIZE_MAX : count;
}

/* The next field of MESSAGE at *AT, which begins as message->bytes. False at
 * the end, or where it is no message. */
static inline bool lab_wire_next_of(const lab_wire_field *message,
                                    const uint8_t **at, lab_wire_field *f) {
  const char *wrong;
  const uint8_t *end = message->bytes + message->n;
  return *at < end && (*at = lab_wire_next(*at, end, f, &wrong));
}

/* Reads a message of numbers: field i goes to to[i], if that is less than N;
 * the last one counts. Those that are missing are 0. */
static inline void lab_wire_read_numbers(const lab_wire_field *message,
                                         uint64_t *to, size_t n) {
  const uint8_t *at = message->bytes;
  lab_wire_field f;
  memset(to, 0, n * sizeof *to);
  while (lab_wire_next_of(message, &at, &f))
    if (f.number < n)
      to[f.number] = f.value;
}

/* The numbers of a field, which are packed, or a single one. */
typedef struct lab_wire_list {
  const uint8_t *at, *end;
  uint64_t single;
  bool has_single;
} lab_wire_list;

static inline lab_wire_list lab_wire_numbers(const lab_wire_field *f) {
  if (f->type == LAB_WIRE_VARINT)
    return (lab_wire_list){.single = f->value, .has_single = true};
  return (lab_wire_list){.at = f->bytes, .end = f->bytes + f->n};
}

static inline bool lab_wire_next_number(lab_wire_list *list, uint64_t *number) {
  if (list->has_single) {
    list->has_single = false;
    *number = list->single;
    return true;
  }
  return list->at < list->end &&
         (list->at = lab_varint_get(list->at, list->end, number));
}

#endif
