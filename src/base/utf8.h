/* SPDX-License-Identifier: MIT
 * UTF-8: what is valid, and how any bytes become valid.
 *
 * A script may use any bytes in a name. profile.proto, JSON, metrics and traces
 * hold text, and one byte that isn't valid UTF-8 makes a strict reader refuse
 * the whole file. So whoever keeps or writes a string for them makes it valid
 * here: each byte that belongs to no valid sequence becomes U+FFFD.
 *
 * Valid is what RFC 3629 allows: no overlong forms, no surrogates, nothing
 * above U+10FFFF. Threads: any. */
#ifndef LAB_BASE_UTF8_H
#define LAB_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Bytes of the valid sequence at S (N bytes are left, at least 1); 0: there is
 * none. */
size_t lab_utf8_length(const char *s, size_t n);

/* How many of the N bytes of S come before the first that isn't valid. It is N
 * if all are. */
size_t lab_utf8_valid_length(const char *s, size_t n);

/* N, or a little less: the N bytes of S, which may have been cut off anywhere,
 * without the beginning of a sequence that the cut has broken. */
size_t lab_utf8_trim(const char *s, size_t n);

/* Whether the N bytes at S begin with one of U+0080 to U+009F: valid UTF-8, but
 * terminals take them for commands, as they do ESC. */
static inline bool lab_utf8_is_c1(const char *s, size_t n) {
  return n >= 2 && s[0] == '\xc2' && (s[1] & 0xe0) == 0x80;
}

/* Appends the N bytes of S, made valid: up to three times as many bytes. */
void lab_utf8_append(lab_buf *out, const char *s, size_t n);

#endif
