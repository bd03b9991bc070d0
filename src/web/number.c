/* SPDX-License-Identifier: MIT
 * See number.h. */
#include "web/number.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/utf8.h"
#include "http/query.h"

/* Reads digits up to the end of TEXT; LIMIT is the largest value allowed. */
static int read_digits(const char *text, uint64_t limit, uint64_t *out) {
  uint64_t value = 0;
  if (*text == '\0')
    return -EINVAL;
  for (; *text; text++) {
    if (*text < '0' || *text > '9')
      return -EINVAL;
    uint64_t digit = (uint64_t)(*text - '0');
    if (value > (limit - digit) / 10) {
      *out = limit;
      return -ERANGE;
    }
    value = value * 10 + digit;
  }
  *out = value;
  return 0;
}

int lab_web_atoi(const char *text, int64_t *out) {
  bool minus = *text == '-';
  uint64_t value = 0;
  if (*text == '-' || *text == '+')
    text++;
  int rc = read_digits(text, (uint64_t)INT64_MAX + minus, &value);
  *out = minus ? (int64_t)(0 - value) : (int64_t)value;
  return rc;
}

static void quote_byte(unsigned char c, lab_buf *out) {
  static const char special[] = "\a\b\f\n\r\t\v", letters[] = "abfnrtv";
  const char *at = c ? strchr(special, c) : NULL;
  if (at)
    lab_buf_printf(out, "\\%c", letters[at - special]);
  else if (c == '"' || c == '\\')
    lab_buf_printf(out, "\\%c", c);
  else if (c < 0x20 || c >= 0x7f)
    lab_buf_printf(out, "\\x%02x", c);
  else
    lab_buf_putc(out, (char)c);
}

void lab_web_quote(const char *text, lab_buf *out) {
  const char *end = text + strlen(text);
  lab_buf_putc(out, '"');
  while (text < end) {
    size_t len = lab_utf8_length(text, (size_t)(end - text));
    if (lab_utf8_is_c1(text, len))
      lab_buf_printf(out, "\\u%04x", (unsigned char)text[1]);
    else if (len > 1)
      lab_buf_append(out, text, len);
    else
      quote_byte((unsigned char)*text, out);
    text += len ? len : 1;
  }
  lab_buf_putc(out, '"');
}

int64_t lab_web_number(const lab_http_request *req, const char *key) {
  char text[64];
  int64_t value = 0;
  if (lab_http_form_get(req, key, text, sizeof text) > 0)
    lab_web_atoi(text, &value);
  return value;
}
