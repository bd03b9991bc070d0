/* SPDX-License-Identifier: MIT
 * Queries and forms: a=1&b=two+words, with the rules of Go's net/url. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "http/conn.h"
#include "http/request.h"

static int hex_digit(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that %XX at TEXT (LEFT bytes) stands for, or -1. */
static int escaped_byte(const char *text, size_t left) {
  if (left < 3)
    return -1;
  int high = hex_digit(text[1]), low = hex_digit(text[2]);
  return high < 0 || low < 0 ? -1 : high << 4 | low;
}

bool lab_http_decode(lab_http_str text, bool plus, lab_buf *out) {
  for (size_t i = 0; i < text.len; i++) {
    int byte = (unsigned char)text.data[i];
    if (byte == '%') {
      byte = escaped_byte(text.data + i, text.len - i);
      if (byte < 0)
        return false;
      i += 2;
    } else if (byte == '+' && plus) {
      byte = ' ';
    }
    lab_buf_putc(out, (char)byte);
  }
  return true;
}

/* Cuts TEXT at the first SEPARATOR and returns what stood before it; REST is
 * what follows. */
static lab_http_str cut(lab_http_str text, char separator, lab_http_str *rest) {
  const char *mark = memchr(text.data, separator, text.len);
  size_t len = mark ? (size_t)(mark - text.data) : text.len;
  size_t skip = mark ? len + 1 : len;
  *rest = (lab_http_str){text.data + skip, text.len - skip};
  return (lab_http_str){text.data, len};
}

bool lab_http_next_pair(lab_http_str *rest, lab_buf *key, lab_buf *value) {
  while (rest->len > 0) {
    lab_http_str pair = cut(*rest, '&', rest), raw_value;
    if (pair.len == 0 || memchr(pair.data, ';', pair.len))
      continue;
    lab_http_str raw_key = cut(pair, '=', &raw_value);
    lab_buf_clear(key);
    lab_buf_clear(value);
    if (lab_http_decode(raw_key, true, key) &&
        lab_http_decode(raw_value, true, value))
      return true;
  }
  return false;
}

static int copy_out(const lab_buf *value, char *out, size_t size) {
  if (value->len >= size)
    return -ENOSPC;
  if (value->len > 0)
    memcpy(out, value->data, value->len);
  out[value->len] = '\0';
  return (int)value->len;
}

static int find(lab_http_str pairs, const char *wanted, char *out,
                size_t size) {
  lab_buf key = LAB_BUF_INIT, value = LAB_BUF_INIT;
  size_t len = strlen(wanted);
  int rc = -ENOENT;
  while (rc == -ENOENT && lab_http_next_pair(&pairs, &key, &value))
    if (key.len == len && (len == 0 || memcmp(key.data, wanted, len) == 0))
      rc = copy_out(&value, out, size);
  lab_buf_free(&key);
  lab_buf_free(&value);
  return rc;
}

int lab_http_query_get(const lab_http_request *req, const char *key, char *out,
                       size_t size) {
  return find(lab_http_query(req), key, out, size);
}

static bool has_form(const lab_http_request *req) {
  static const char form[] = "application/x-www-form-urlencoded";
  lab_http_str type;
  if (req->method != HTTP_POST && req->method != HTTP_PUT &&
      req->method != HTTP_PATCH)
    return false;
  lab_http_header(req, "Content-Type", &type);
  size_t len = strcspn(type.data, " \t;");
  return len == sizeof form - 1 && strncasecmp(type.data, form, len) == 0;
}

int lab_http_form_get(const lab_http_request *req, const char *key, char *out,
                      size_t size) {
  int rc = -ENOENT;
  if (has_form(req))
    rc = find(lab_http_body(req), key, out, size);
  return rc == -ENOENT ? lab_http_query_get(req, key, out, size) : rc;
}
