/* SPDX-License-Identifier: MIT
 * See buf.h. */
#include "base/buf.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"

static void free_bytes(lab_buf *b) {
  if (b->counted)
    lab_counted_free(b->data, b->cap);
  else
    lab_xfree(b->data);
}

void lab_buf_free(lab_buf *b) {
  free_bytes(b);
  *b = (lab_buf)LAB_BUF_INIT;
}

/* Gives B's bytes CAP bytes of the scenario's memory. */
static bool resize_counted(lab_buf *b, size_t cap) {
  bool had = b->counted;
  char *data = lab_counted_realloc(had ? b->data : NULL, had ? b->cap : 0, cap);
  if (!data)
    return false;
  if (!had && b->len > 0)
    memcpy(data, b->data, b->len);
  if (!had)
    lab_xfree(b->data);
  b->data = data;
  b->cap = cap;
  b->counted = true;
  return true;
}

/* Gives B's bytes CAP bytes of the memory that they have already. */
static bool resize_alike(lab_buf *b, size_t cap) {
  if (b->counted)
    return resize_counted(b, cap);
  char *data = lab_try_realloc(b->data, cap);
  if (!data)
    return false;
  b->data = data;
  b->cap = cap;
  return true;
}

void lab_buf_trim(lab_buf *b) {
  if (b->len > 0 && b->cap / 2 > b->len)
    resize_alike(b, b->len);
}

/* Gives B's bytes CAP bytes of the lab's own memory. */
static void resize_own(lab_buf *b, size_t cap) {
  if (b->counted) {
    char *data = lab_xmalloc(cap);
    memcpy(data, b->data, b->len);
    free_bytes(b);
    b->data = data;
    b->counted = false;
  } else {
    b->data = lab_xrealloc(b->data, cap);
  }
  b->cap = cap;
}

void lab_buf_grow(lab_buf *b, size_t n) {
  LAB_ASSERT(n <= SIZE_MAX / 4 && b->len <= SIZE_MAX / 4);
  size_t cap = b->cap ? b->cap * 2 : 256;
  while (cap - b->len < n)
    cap *= 2;
  if (!b->counted || !resize_counted(b, cap))
    resize_own(b, cap);
}

/* Gives B room for NEED bytes: it doubles, or, where the limit is nearer than
 * that, takes about half of what is left. So little bytes at a time aren't each
 * the reason to copy all of them. */
static bool grow_or_refuse(lab_buf *b, size_t need,
                           bool (*resize)(lab_buf *b, size_t cap)) {
  size_t cap = b->len > 0 ? b->cap * 2 : 0;
  while (cap > need) {
    if (resize(b, cap))
      return true;
    cap = need + (cap - need) / 2;
  }
  return resize(b, need);
}

/* Bytes that come in one piece, as the first, are large: no more is taken. */
bool lab_buf_try_reserve(lab_buf *b, size_t n, bool counted) {
  if (n > SIZE_MAX / 4 || b->len > SIZE_MAX / 4)
    return false;
  size_t need = b->len + n;
  return b->cap >= need ||
         grow_or_refuse(b, need, counted ? resize_counted : resize_alike);
}

bool lab_buf_try_append(lab_buf *b, const void *bytes, size_t n) {
  if (n == 0)
    return true;
  if (!lab_buf_try_reserve(b, n, true))
    return false;
  memcpy(b->data + b->len, bytes, n);
  b->len += n;
  return true;
}

bool lab_buf_try_count(lab_buf *b) {
  return b->len == 0 || resize_counted(b, b->len);
}

void lab_buf_puts(lab_buf *b, const char *s) {
  lab_buf_append(b, s, strlen(s));
}

static void append_formatted(lab_buf *b, const char *format, va_list args) {
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
  append_formatted(b, format, args);
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
