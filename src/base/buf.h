/* SPDX-License-Identifier: MIT
 * A growing byte buffer, and text written into it.
 *
 *   lab_buf b = LAB_BUF_INIT;
 *   lab_buf_printf(&b, "%d tasks\n", n);
 *   ... b.data, b.len ...
 *   lab_buf_free(&b);
 *
 * The bytes are not 0-terminated. The capacity doubles when it grows, so
 * appending takes constant time on average. Memory is lab_xmalloc's: growing
 * can't fail, but for the functions with "try". Threads: one at a time. */
#ifndef LAB_BASE_BUF_H
#define LAB_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct lab_buf {
  char *data; /* NULL while cap is 0 */
  size_t len;
  size_t cap;
  bool counted; /* the memory is a scenario's: see lab_buf_try_reserve */
} lab_buf;

#define LAB_BUF_INIT                                                           \
  { NULL, 0, 0, false }

/* Frees the bytes and makes B empty again. */
void lab_buf_free(lab_buf *b);
/* Makes B empty, but keeps the memory for the next bytes. */
static inline void lab_buf_clear(lab_buf *b) {
  b->len = 0;
}
/* Gives B more memory, for N more bytes at least. */
void lab_buf_grow(lab_buf *b, size_t n);
/* Gives back the memory that B doesn't use, if that is more than half of it: B
 * is to be kept as it is. Without memory for a smaller block it stays. */
void lab_buf_trim(lab_buf *b);
/* Makes room for N more bytes and returns where they go. The caller writes
 * there and adds to b->len. */
static inline char *lab_buf_reserve(lab_buf *b, size_t n) {
  if (b->cap - b->len < n)
    lab_buf_grow(b, n);
  return b->data + b->len;
}
/* These append N bytes; a string, without its final 0; one byte; and what
 * printf would print. Those that are short are compiled into the caller: each
 * request calls them dozens of times. */
static inline void lab_buf_append(lab_buf *b, const void *bytes, size_t n) {
  if (n == 0)
    return;
  memcpy(lab_buf_reserve(b, n), bytes, n);
  b->len += n;
}
static inline void lab_buf_putc(lab_buf *b, char c) {
  *lab_buf_reserve(b, 1) = c;
  b->len++;
}
void lab_buf_puts(lab_buf *b, const char *s);
void lab_buf_printf(lab_buf *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Makes room for N more bytes; the first time, for no more than these. False,
 * with B unchanged, if there is no such memory: whoever wanted it is refused.
 * COUNTED: the bytes are kept for a scenario, so B's memory counts against the
 * scenario's limit from then on (base/alloc.h), until B is freed, whoever has
 * it then. */
bool lab_buf_try_reserve(lab_buf *b, size_t n, bool counted);
/* Appends N bytes that are kept for a scenario. False as above. */
bool lab_buf_try_append(lab_buf *b, const void *bytes, size_t n);
/* All of B is complete, and is kept for a scenario. False as above. */
bool lab_buf_try_count(lab_buf *b);
/* The shortest decimal number that reads back as X: 5, 0.1, 1e+21. Also NaN,
 * +Inf and -Inf. */
void lab_buf_double(lab_buf *b, double x);
/* A JSON string with its quotes, as lab_json_string of base/json.h writes it
 * (and is defined there): control characters, quotes and backslashes escaped;
 * bytes that are not valid UTF-8 become U+FFFD. */
void lab_buf_json_string(lab_buf *b, const char *s, size_t n);

#endif
