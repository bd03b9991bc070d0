/* SPDX-License-Identifier: MIT
 * Takes any bytes for a name that a script gives. Checked: made valid it is
 * UTF-8, by another reader than the lab's; what is valid stays as it is; cut
 * off anywhere it stays valid; and as a string of JSON it reads back as the
 * same text. */
#include "base/buf.h"
#include "base/utf8.h"
#include "input.h"

/* Bytes of the valid sequence at S, by the value that it has; 0: none. */
static size_t decode_sequence(const char *s, size_t n, unsigned long *code) {
  static const unsigned long least[] = {0, 0, 0x80, 0x800, 0x10000};
  unsigned char c = (unsigned char)*s;
  size_t len = c < 0x80 ? 1 : c >> 5 == 6 ? 2 : c >> 4 == 14 ? 3 : 4;
  if ((len == 4 && c >> 3 != 30) || len > n)
    return 0;
  *code = len == 1 ? c : c & (0x7f >> len);
  for (size_t i = 1; i < len; i++) {
    if (((unsigned char)s[i] & 0xc0) != 0x80)
      return 0;
    *code = *code << 6 | ((unsigned char)s[i] & 0x3f);
  }
  bool surrogate = *code >= 0xd800 && *code < 0xe000;
  return *code < least[len] || *code > 0x10ffff || surrogate ? 0 : len;
}

static bool is_valid(const char *s, size_t n) {
  unsigned long code;
  for (size_t i = 0, len; i < n; i += len)
    if (!(len = decode_sequence(s + i, n - i, &code)))
      return false;
  return true;
}

static bool is_same(const lab_buf *b, const char *s, size_t n) {
  return b->len == n && (n == 0 || memcmp(b->data, s, n) == 0);
}

static void check_lengths(const char *s, size_t n) {
  unsigned long code;
  for (size_t i = 0; i < n; i++)
    LAB_ASSERT(lab_utf8_length(s + i, n - i) ==
               decode_sequence(s + i, n - i, &code));
  size_t valid = lab_utf8_valid_length(s, n);
  LAB_ASSERT(valid <= n && is_valid(s, valid));
  LAB_ASSERT(valid == n || !decode_sequence(s + valid, n - valid, &code));
}

/* TEXT is valid: cut off at N, it is so up to the last sequence that is
 * whole. */
static void check_cuts(const lab_buf *text) {
  unsigned long code;
  size_t whole = 0, next = 0;
  for (size_t n = 0; n <= text->len; n++) {
    if (n == next) {
      whole = n;
      if (n < text->len)
        next += decode_sequence(text->data + n, text->len - n, &code);
    }
    LAB_ASSERT(lab_utf8_trim(text->data, n) == whole);
  }
}

/* Reads the escape at *AT, behind the backslash. */
static unsigned read_json_escape(const char **at) {
  static const char letters[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
  char hex[5] = "";
  const char *letter = strchr(letters, **at);
  if (**at != 'u') {
    LAB_ASSERT(letter);
    return (unsigned char)bytes[(*at)++, letter - letters];
  }
  memcpy(hex, *at + 1, 4);
  *at += 5;
  unsigned long code = strtoul(hex, NULL, 16);
  LAB_ASSERT(strspn(hex, "0123456789abcdefABCDEF") == 4 && code < 0x80);
  return (unsigned)code;
}

static void check_json(const char *s, size_t n, const lab_buf *text) {
  lab_buf json = LAB_BUF_INIT, back = LAB_BUF_INIT;
  lab_buf_json_string(&json, s, n);
  LAB_ASSERT(is_valid(json.data, json.len));
  LAB_ASSERT(json.data[0] == '"' && json.data[json.len - 1] == '"');
  lab_buf_putc(&json, '\0');
  for (const char *at = json.data + 1; at < json.data + json.len - 2;) {
    LAB_ASSERT((unsigned char)*at >= ' ' && *at != '"');
    char c = *at++;
    lab_buf_putc(&back, c == '\\' ? (char)read_json_escape(&at) : c);
  }
  LAB_ASSERT(is_same(&back, text->data, text->len));
  lab_buf_free(&json);
  lab_buf_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  lab_buf text = LAB_BUF_INIT, again = LAB_BUF_INIT;
  char *s = calloc(1, size + (size == 0)); /* without a final 0 */
  if (size > 0)
    memcpy(s, data, size);
  lab_utf8_append(&text, s, size);
  LAB_ASSERT(is_valid(text.data, text.len) && text.len <= 3 * size);
  LAB_ASSERT(!is_valid(s, size) || is_same(&text, s, size));
  lab_utf8_append(&again, text.data, text.len);
  LAB_ASSERT(is_same(&again, text.data, text.len));
  check_lengths(s, size);
  check_cuts(&text);
  check_json(s, size, &text);
  lab_buf_free(&text);
  lab_buf_free(&again);
  free(s);
  return 0;
}
