/* SPDX-License-Identifier: MIT
 * A header of HTTP, and what may stand in it. Anything else could end the line,
 * or the name, and so begin something that nobody wrote. Pure: any thread. */
#ifndef LAB_BASE_TOKEN_H
#define LAB_BASE_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* A header. */
typedef struct lab_field {
  const char *name, *value;
  size_t name_len, value_len;
} lab_field;

/* A name of a header, or a method: letters, digits and some signs (RFC 9110,
 * "token"). */
static inline bool lab_is_token(const char *text, size_t len) {
  static const char signs[] = "!#$%&'*+-.^_`|~";
  for (size_t i = 0; i < len; i++) {
    char c = text[i];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    bool digit = c >= '0' && c <= '9';
    if (!letter && !digit && !memchr(signs, c, sizeof signs - 1))
      return false;
  }
  return len > 0;
}

/* A value of a header: no control characters but tabs. */
static inline bool lab_is_field_value(const char *text, size_t len) {
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)text[i];
    if ((c < 0x20 && c != '\t') || c == 0x7f)
      return false;
  }
  return true;
}

#endif
