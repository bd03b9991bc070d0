/* SPDX-License-Identifier: MIT
 * See buf.h. */
#include "base/buf.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

void lab_buf_free(lab_buf *b) {
  lab_xfree(b->data);
  *b = (lab_buf)LAB_BUF_INIT;
}

void lab_buf_clear(lab_buf *b) {
  b->len = 0;
}

char *lab_buf_reserve(lab_buf *b, size_t n) {
  if (b->cap - b->len < n) {
    size_t cap = b->cap ? b->cap * 2 : 256;
    while (cap - b->len < n)
      cap *= 2;
    b->data = lab_xrealloc(b->data, cap);
    b->cap = cap;
  }
  return b->data + b->len;
}

void lab_buf_append(lab_buf *b, const void *bytes, size_t n) {
  if (n == 0)
    return;
  memcpy(lab_buf_reserve(b, n), bytes, n);
  b->len += n;
}

void lab_buf_puts(lab_buf *b, const char *s) {
  lab_buf_append(b, s, strlen(s));
}

void lab_buf_putc(lab_buf *b, char c) {
  *lab_buf_reserve(b, 1) = c;
  b->len++;
}

void lab_buf_vprintf(lab_buf *b, const char *format, va_list args) {
  va_list again;
  va_copy(again, args);
  char *room = lab_buf_reserve(b, 128);
  int n = vsnprintf(room, b->cap - b->len, format, args);
  if (n >= 0 && (size_t)n >= b->cap - b->len) {
    room = lab_buf_reserve(b, (size_t)n + 1);
    vsnprintf(room, (size_t)n + 1, format, again);
  }
  if (n > 0)
    b->len += (size_t)n;
  va_end(again);
}

void lab_buf_printf(lab_buf *b, const char *format, ...) {
  va_list args;
  va_start(args, format);
  lab_buf_vprintf(b, format, args);
  va_end(args);
}

void lab_buf_double(lab_buf *b, double x) {
  char text[32];
  if (isnan(x)) {
    lab_buf_puts(b, "NaN");
  } else if (isinf(x)) {
    lab_buf_puts(b, x > 0 ? "+Inf" : "-Inf");
  } else if (fabs(x) < 1e15 && x == (double)(long long)x) {
    lab_buf_printf(b, "%lld", (long long)x);
  } else {
    for (int digits = 1; digits <= 17; digits++) {
      snprintf(text, sizeof text, "%.*g", digits, x);
      if (strtod(text, NULL) == x)
        break;
    }
    lab_buf_puts(b, text);
  }
}

/* Length of the valid UTF-8 sequence at S (N bytes left), or 0. */
static size_t utf8_length(const unsigned char *s, size_t n) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  size_t len = s[0] < 0x80           ? 1
               : (s[0] >> 5) == 0x6  ? 2
               : (s[0] >> 4) == 0xe  ? 3
               : (s[0] >> 3) == 0x1e ? 4
                                     : 0;
  if (len == 0 || len > n)
    return 0;
  if (len == 1)
    return 1;
  uint32_t code = s[0] & (0x7f >> len);
  for (size_t i = 1; i < len; i++) {
    if ((s[i] & 0xc0) != 0x80)
      return 0;
    code = code << 6 | (s[i] & 0x3f);
  }
  int surrogate = code >= 0xd800 && code <= 0xdfff;
  return code < least[len] || code > 0x10ffff || surrogate ? 0 : len;
}

void lab_buf_json_string(lab_buf *b, const char *s, size_t n) {
  const unsigned char *u = (const unsigned char *)s;
  lab_buf_putc(b, '"');
  for (size_t i = 0; i < n;) {
    size_t len = utf8_length(u + i, n - i);
    if (len == 0) {
      lab_buf_puts(b, "\xef\xbf\xbd");
      i++;
    } else if (len == 1 && (u[i] < 0x20 || u[i] == '"' || u[i] == '\\')) {
      if (u[i] < 0x20)
        lab_buf_printf(b, "\\u%04x", u[i]);
      else
        lab_buf_printf(b, "\\%c", u[i]);
      i++;
    } else {
      lab_buf_append(b, s + i, len);
      i += len;
    }
  }
  lab_buf_putc(b, '"');
}
