/* SPDX-License-Identifier: MIT
 * Reads any text as the number in a request, and quotes it, as Go does.
 * Checked: the value is strtoll's; what is quoted is printable, ends where it
 * should, and can be read back. */
#include <errno.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "input.h"
#include "web/number.h"

static void check_number(const char *text) {
  int64_t value;
  char *end;
  int rc = lab_web_atoi(text, &value);
  if (rc == -EINVAL) {
    LAB_ASSERT(value == 0);
    return;
  }
  errno = 0;
  long long expected = strtoll(text, &end, 10);
  LAB_ASSERT((errno == ERANGE) == (rc == -ERANGE) && expected == value);
  /* As in Go, what follows a number that is too large is not looked at. */
  LAB_ASSERT(end > text && (*end == '\0' || rc == -ERANGE));
}

static unsigned long read_hex(const char *at, size_t digits) {
  char text[9] = "";
  memcpy(text, at, digits);
  LAB_ASSERT(strspn(text, "0123456789abcdef") == digits);
  return strtoul(text, NULL, 16);
}

static size_t put_utf8(char *out, unsigned long c) {
  if (c < 0x80)
    return out[0] = (char)c, 1;
  if (c < 0x800)
    return out[0] = (char)(0xc0 | c >> 6), out[1] = (char)(0x80 | (c & 63)), 2;
  size_t n = c < 0x10000 ? 3 : 4;
  out[0] = (char)((n == 3 ? 0xe0 : 0xf0) | c >> 6 * (n - 1));
  for (size_t i = 1; i < n; i++)
    out[i] = (char)(0x80 | (c >> 6 * (n - 1 - i) & 63));
  return n;
}

/* Reads the escape at AT, behind its backslash. Returns where it ends. */
static const char *read_escape(const char *at, lab_buf *out) {
  static const char letters[] = "abfnrtv\\\"", bytes[] = "\a\b\f\n\r\t\v\\\"";
  char utf8[4];
  const char *letter = *at ? strchr(letters, *at) : NULL;
  if (letter) {
    lab_buf_putc(out, bytes[letter - letters]);
    return at + 1;
  }
  size_t digits = *at == 'x' ? 2 : *at == 'u' ? 4 : 8;
  LAB_ASSERT(*at == 'x' || *at == 'u' || *at == 'U');
  unsigned long code = read_hex(at + 1, digits);
  if (*at == 'x')
    lab_buf_putc(out, (char)code);
  else
    lab_buf_append(out, utf8, put_utf8(utf8, code));
  return at + 1 + digits;
}

static void check_quoted(const char *text) {
  lab_buf out = LAB_BUF_INIT, back = LAB_BUF_INIT;
  size_t len = strlen(text);
  lab_web_quote(text, &out);
  LAB_ASSERT(out.len >= 2 + len);
  LAB_ASSERT(out.data[0] == '"' && out.data[out.len - 1] == '"');
  LAB_ASSERT(lab_utf8_valid_length(out.data, out.len) == out.len);
  lab_buf_putc(&out, '\0');
  const char *at = out.data + 1, *end = out.data + out.len - 2;
  while (at < end) {
    LAB_ASSERT((unsigned char)*at >= ' ' && *at != 0x7f && *at != '"');
    LAB_ASSERT(*at != '\xc2' || (unsigned char)at[1] >= 0xa0); /* U+0080... */
    if (*at == '\\')
      at = read_escape(at + 1, &back);
    else
      lab_buf_putc(&back, *at++);
  }
  LAB_ASSERT(at == end);
  LAB_ASSERT(back.len == len && (len == 0 || !memcmp(back.data, text, len)));
  lab_buf_free(&out);
  lab_buf_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz_input in = fuzz_open(data, size);
  char *text = fuzz_rest(&in, NULL);
  check_number(text);
  check_quoted(text);
  free(text);
  return 0;
}
