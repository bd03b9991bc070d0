/* SPDX-License-Identifier: MIT
 * See json.h. Traces write millions of values, so integers and strings don't go
 * through printf. */
#include "base/json.h"

#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"

enum { DIGITS_MAX = 20 }; /* of a uint64_t */

static lab_json_level *innermost_level(lab_json *j) {
  return &j->levels[j->depth];
}

/* ---- strings ------------------------------------------------------------- */

static bool is_plain(unsigned char c) {
  return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void append_escape(lab_buf *out, unsigned char c) {
  static const char hex[] = "0123456789abcdef";
  const char escape[] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
  lab_buf_append(out, escape, sizeof escape);
}

/* Writes the character at S, which isn't plain (N bytes left); returns how many
 * bytes of S it took. */
static size_t append_character(lab_buf *out, const char *s, size_t n) {
  unsigned char c = (unsigned char)*s;
  size_t len = lab_utf8_length(s, n);
  if (lab_utf8_is_c1(s, len)) { /* JSON allows it, but it may be shown */
    append_escape(out, (unsigned char)s[1]);
    return len;
  }
  if (len > 1) {
    lab_buf_append(out, s, len);
    return len;
  }
  if (len == 0) {
    lab_buf_append(out, "\xef\xbf\xbd", 3);
  } else if (c < 0x20 || c == 0x7f) {
    append_escape(out, c);
  } else {
    const char escape[] = {'\\', (char)c};
    lab_buf_append(out, escape, sizeof escape);
  }
  return 1;
}

void lab_buf_json_string(lab_buf *b, const char *s, size_t n) {
  lab_buf_reserve(b, n + 2); /* enough for most */
  lab_buf_putc(b, '"');
  for (size_t i = 0; i < n;) {
    size_t begin = i;
    while (i < n && is_plain((unsigned char)s[i]))
      i++;
    lab_buf_append(b, s + begin, i - begin);
    if (i < n)
      i += append_character(b, s + i, n - i);
  }
  lab_buf_putc(b, '"');
}

/* ---- order and white space ----------------------------------------------- */

/* What stands between two items, or before the first. */
static void separate_items(lab_json *j) {
  lab_json_level *level = innermost_level(j);
  if (level->has_items)
    lab_buf_putc(j->out, ',');
  if (level->style & LAB_JSON_NEWLINES)
    lab_buf_putc(j->out, '\n');
  else if (level->has_items && (level->style & LAB_JSON_COMMA_SPACE))
    lab_buf_putc(j->out, ' ');
  level->has_items = true;
}

static void begin_json_value(lab_json *j) {
  if (innermost_level(j)->is_object) {
    LAB_ASSERT(j->has_key);
    j->has_key = false;
    return;
  }
  LAB_ASSERT(j->depth > 0 || !innermost_level(j)->has_items);
  separate_items(j);
}

static void begin_level(lab_json *j, bool is_object, lab_json_style style) {
  begin_json_value(j);
  LAB_ASSERT(j->depth < LAB_JSON_DEPTH);
  j->levels[++j->depth] = (lab_json_level){(uint8_t)style, is_object, false};
  lab_buf_putc(j->out, is_object ? '{' : '[');
}

void lab_json_start(lab_json *j, lab_buf *out) {
  j->out = out;
  j->depth = 0;
  j->has_key = false;
  j->levels[0] = (lab_json_level){LAB_JSON_COMPACT, false, false};
}

void lab_json_continue_in(lab_json *j, lab_buf *out) {
  j->out = out;
}

void lab_json_finish(lab_json *j) {
  LAB_ASSERT(j->depth == 0 && innermost_level(j)->has_items);
  lab_buf_putc(j->out, '\n');
}

void lab_json_begin_object(lab_json *j, lab_json_style style) {
  begin_level(j, true, style);
}

void lab_json_begin_array(lab_json *j, lab_json_style style) {
  begin_level(j, false, style);
}

void lab_json_end(lab_json *j) {
  lab_json_level level = *innermost_level(j);
  LAB_ASSERT(j->depth > 0 && !j->has_key);
  j->depth--;
  if (level.has_items && (level.style & LAB_JSON_NEWLINES))
    lab_buf_putc(j->out, '\n');
  lab_buf_putc(j->out, level.is_object ? '}' : ']');
}

void lab_json_key(lab_json *j, const char *key) {
  LAB_ASSERT(innermost_level(j)->is_object && !j->has_key);
  separate_items(j);
  lab_buf_json_string(j->out, key, strlen(key));
  lab_buf_putc(j->out, ':');
  if (innermost_level(j)->style & LAB_JSON_COLON_SPACE)
    lab_buf_putc(j->out, ' ');
  j->has_key = true;
}

/* ---- values -------------------------------------------------------------- */

void lab_json_string(lab_json *j, const char *s, size_t n) {
  begin_json_value(j);
  lab_buf_json_string(j->out, s, n);
}

void lab_json_text(lab_json *j, const char *s) {
  lab_json_string(j, s, strlen(s));
}

/* Appends N, with zeros in front up to WIDTH digits. */
static void append_digits(lab_buf *out, uint64_t n, unsigned width) {
  char digits[DIGITS_MAX], *end = digits + sizeof digits, *at = end;
  do {
    *--at = (char)('0' + n % 10);
    n /= 10;
  } while (n > 0 || end - at < (ptrdiff_t)width);
  lab_buf_append(out, at, (size_t)(end - at));
}

void lab_json_int(lab_json *j, int64_t n) {
  begin_json_value(j);
  if (n < 0)
    lab_buf_putc(j->out, '-');
  append_digits(j->out, n < 0 ? 0 - (uint64_t)n : (uint64_t)n, 1);
}

void lab_json_uint(lab_json *j, uint64_t n) {
  begin_json_value(j);
  append_digits(j->out, n, 1);
}

void lab_json_decimal(lab_json *j, uint64_t n, unsigned digits) {
  static const uint32_t powers[] = {1,         10,        100,     1000,
                                    10000,     100000,    1000000, 10000000,
                                    100000000, 1000000000};
  LAB_ASSERT(digits >= 1 && digits <= 9);
  begin_json_value(j);
  append_digits(j->out, n / powers[digits], 1);
  lab_buf_putc(j->out, '.');
  append_digits(j->out, n % powers[digits], digits);
}

void lab_json_double(lab_json *j, double x) {
  if (!isfinite(x)) {
    lab_json_null(j);
    return;
  }
  begin_json_value(j);
  lab_buf_double(j->out, x);
}

void lab_json_bool(lab_json *j, bool b) {
  lab_json_raw(j, b ? "true" : "false", b ? 4 : 5);
}

void lab_json_null(lab_json *j) {
  lab_json_raw(j, "null", 4);
}

void lab_json_raw(lab_json *j, const char *json, size_t n) {
  begin_json_value(j);
  lab_buf_append(j->out, json, n);
}
