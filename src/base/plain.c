/* SPDX-License-Identifier: MIT
 * See plain.h. */
#include "base/plain.h"

#include <string.h>

#include "base/utf8.h"

static bool is_printable(unsigned char c) {
  return (c >= ' ' && c < 0x7f) || c == '\t';
}

/* How many bytes at S can be written as they are, as one character; 0: none.
 */
static size_t measure_plain_character(const char *s, size_t n) {
  unsigned char c = (unsigned char)s[0];
  if (c < 0x80)
    return is_printable(c);
  return lab_utf8_is_c1(s, n) ? 0 : lab_utf8_length(s, n);
}

/* Nearly all text is ASCII without tabs: the compiler makes one comparison of a
 * block of it. */
enum { BLOCK = 16 };

static bool is_block_plain(const char *s) {
  unsigned char bad = 0;
  for (int i = 0; i < BLOCK; i++)
    bad |= (unsigned char)(s[i] - ' ') > '~' - ' ';
  return !bad;
}

static size_t measure_plain_text(const char *s, size_t n) {
  size_t i = 0, len = 1;
  while (i < n && len > 0) {
    while (n - i >= BLOCK && is_block_plain(s + i))
      i += BLOCK;
    len = i < n ? measure_plain_character(s + i, n - i) : 0;
    i += len;
  }
  return i;
}

bool lab_plain_is(const char *text, size_t len) {
  return measure_plain_text(text, len) == len;
}

/* Whether no tab is needed before the line that begins here. */
static bool is_line_of_trace(const char *line, size_t len) {
  static const char head[] = "stack traceback:\n";
  size_t head_len = sizeof head - 1;
  return len == 0 || line[0] == '\t' || line[0] == '\n' ||
         (len >= head_len && memcmp(line, head, head_len) == 0);
}

void lab_plain_append(lab_buf *out, const char *text, size_t len,
                      bool indented) {
  for (;;) {
    size_t plain = measure_plain_text(text, len);
    lab_buf_append(out, text, plain);
    if (plain == len)
      return;
    text += plain;
    len -= plain;
    unsigned char c = (unsigned char)*text++;
    len--;
    if (c != '\n')
      lab_buf_printf(out, "\\x%02x", c);
    else
      lab_buf_puts(out,
                   !indented || is_line_of_trace(text, len) ? "\n" : "\n\t");
  }
}

void lab_plain_append_word(lab_buf *out, const char *text, size_t len) {
  while (len > 0) {
    size_t n = 0;
    while (n < len && text[n] != '\n' && text[n] != '\t')
      n++;
    lab_plain_append(out, text, n, false);
    if (n < len)
      lab_buf_printf(out, "\\x%02x", (unsigned char)text[n++]);
    text += n;
    len -= n;
  }
}

void lab_plain_write(FILE *to, const char *text, size_t len) {
  lab_buf plain = LAB_BUF_INIT;
  lab_plain_append(&plain, text, len, false);
  if (plain.len > 0) /* an empty buffer has no bytes to point to */
    fwrite(plain.data, 1, plain.len, to);
  lab_buf_free(&plain);
}

void lab_plain_print(FILE *to, const char *text) {
  lab_plain_write(to, text, strlen(text));
}

bool lab_plain_flush(FILE *to) {
  bool flushed = fflush(to) == 0;
  return flushed && !ferror(to);
}
