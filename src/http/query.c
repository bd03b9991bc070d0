/* SPDX-License-Identifier: MIT
 * See query.h. */
#include "http/query.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include <llhttp.h>

#include "http/request_internal.h"

static int read_hex_digit(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that the %XX at TEXT means, or -1. LEFT bytes are left there. */
static int read_escaped_byte(const char *text, size_t left) {
  if (left < 3)
    return -1;
  int high = read_hex_digit(text[1]), low = read_hex_digit(text[2]);
  return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* Appends TEXT to OUT with %XX and + decoded. False if it is malformed. */
static bool decode_text(lab_http_str text, lab_buf *out) {
  for (size_t i = 0; i < text.len; i++) {
    int byte = (unsigned char)text.data[i];
    if (byte == '%') {
      byte = read_escaped_byte(text.data + i, text.len - i);
      if (byte < 0)
        return false;
      i += 2;
    } else if (byte == '+') {
      byte = ' ';
    }
    lab_buf_putc(out, (char)byte);
  }
  return true;
}

/* Returns what is before the first SEPARATOR in TEXT; *REST is what follows
 * it. */
static lab_http_str cut_text(lab_http_str text, char separator,
                             lab_http_str *rest) {
  const char *mark = memchr(text.data, separator, text.len);
  size_t len = mark ? (size_t)(mark - text.data) : text.len;
  size_t skip = mark ? len + 1 : len;
  *rest = (lab_http_str){text.data + skip, text.len - skip};
  return (lab_http_str){text.data, len};
}

/* The same over what OUT has. If it is malformed, OUT is empty. */
static bool decode_part(lab_http_str text, lab_buf *out) {
  lab_buf_clear(out);
  bool good = !memchr(text.data, ';', text.len) && decode_text(text, out);
  if (!good)
    lab_buf_clear(out);
  return good;
}

int lab_http_next_pair(lab_http_str *rest, lab_buf *key, lab_buf *value) {
  lab_http_str pair = {rest->data, 0}, raw_value;
  while (pair.len == 0 && rest->len > 0)
    pair = cut_text(*rest, '&', rest);
  if (pair.len == 0)
    return 0;
  lab_http_str raw_key = cut_text(pair, '=', &raw_value);
  bool is_good_key = decode_part(raw_key, key);
  return decode_part(raw_value, value) && is_good_key ? 1 : -EINVAL;
}

static int copy_value(const lab_buf *value, char *out, size_t size) {
  if (value->len > 0 && memchr(value->data, '\0', value->len))
    return -EINVAL;
  if (value->len >= size)
    return -ENOSPC;
  if (value->len > 0)
    memcpy(out, value->data, value->len);
  out[value->len] = '\0';
  return (int)value->len;
}

static int find_value(lab_http_str pairs, const char *wanted, char *out,
                      size_t size) {
  lab_buf key = LAB_BUF_INIT, value = LAB_BUF_INIT;
  size_t len = strlen(wanted);
  int rc = -ENOENT;
  for (int read;
       rc == -ENOENT && (read = lab_http_next_pair(&pairs, &key, &value));)
    if (key.len == len && (len == 0 || memcmp(key.data, wanted, len) == 0))
      rc = read < 0 ? read : copy_value(&value, out, size);
  lab_buf_free(&key);
  lab_buf_free(&value);
  return rc;
}

int lab_http_query_get(const lab_http_request *req, const char *key, char *out,
                       size_t size) {
  return find_value(lab_http_query(req), key, out, size);
}

int lab_http_query_get_only(const lab_http_request *req, const char *key,
                            char *out, size_t size) {
  lab_http_str query = lab_http_query(req);
  if (query.len == 0)
    return -ENOENT;
  int rc = memchr(query.data, '&', query.len)
               ? -EINVAL
               : find_value(query, key, out, size);
  return rc == -ENOENT ? -EINVAL : rc;
}

static bool has_form_body(const lab_http_request *req) {
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
  if (has_form_body(req))
    rc = find_value(lab_http_body(req), key, out, size);
  return rc == -ENOENT ? lab_http_query_get(req, key, out, size) : rc;
}
