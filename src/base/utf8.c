/* SPDX-License-Identifier: MIT
 * See utf8.h. Nearly all text is ASCII, so that is looked at eight bytes at a
 * time. */
#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

enum { SEQUENCE_MAX = 4 };

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

/* How long the sequence is that begins with this byte; 0: none does. */
static size_t length_by_first_byte(unsigned char c) {
  return c < 0x80           ? 1
         : (c >> 5) == 0x6  ? 2
         : (c >> 4) == 0xe  ? 3
         : (c >> 3) == 0x1e ? 4
                            : 0;
}

size_t lab_utf8_length(const char *text, size_t n) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const unsigned char *s = (const unsigned char *)text;
  size_t len = length_by_first_byte(s[0]);
  if (len <= 1 || len > n)
    return len == 1;
  uint32_t code = s[0] & (0x7fu >> len);
  for (size_t i = 1; i < len; i++) {
    if ((s[i] & 0xc0) != 0x80)
      return 0;
    code = code << 6 | (s[i] & 0x3f);
  }
  int surrogate = code >= 0xd800 && code <= 0xdfff;
  return code < least[len] || code > 0x10ffff || surrogate ? 0 : len;
}

static int are_eight_ascii(const char *s) {
  uint64_t word;
  memcpy(&word, s, sizeof word);
  return (word & 0x8080808080808080ull) == 0;
}

size_t lab_utf8_valid_length(const char *s, size_t n) {
  size_t i = 0;
  while (i < n) {
    size_t len = n - i >= 8 && are_eight_ascii(s + i)
                     ? 8
                     : lab_utf8_length(s + i, n - i);
    if (len == 0)
      break;
    i += len;
  }
  return i;
}

size_t lab_utf8_trim(const char *s, size_t n) {
  for (size_t back = 1; back < SEQUENCE_MAX && back <= n; back++) {
    unsigned char c = (unsigned char)s[n - back];
    if ((c & 0xc0) != 0x80)
      return length_by_first_byte(c) > back ? n - back : n;
  }
  return n;
}

void lab_utf8_append(lab_buf *out, const char *s, size_t n) {
  for (;;) {
    size_t valid = lab_utf8_valid_length(s, n);
    lab_buf_append(out, s, valid);
    if (valid == n)
      return;
    lab_buf_append(out, replacement, sizeof replacement - 1);
    s += valid + 1;
    n -= valid + 1;
  }
}
