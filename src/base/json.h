/* SPDX-License-Identifier: MIT
 * JSON, written piece by piece to the end of a buffer. The writer puts the
 * commas, the quotes and the escapes; the caller says what comes next.
 *
 *   lab_json j;
 *   lab_json_start(&j, &out);
 *   lab_json_begin_object(&j, LAB_JSON_LINES);
 *   lab_json_key(&j, "step");
 *   lab_json_int(&j, 3);
 *   lab_json_key(&j, "stack");
 *   lab_json_begin_array(&j, LAB_JSON_SPACED);
 *   lab_json_text(&j, "main.handler");
 *   lab_json_end(&j);                       {
 *   lab_json_end(&j);                       "step": 3,
 *   lab_json_finish(&j);                    "stack": ["main.handler"]
 *                                           }
 *
 * The text is always valid UTF-8 and, when the caller has kept to the order
 * above, always valid JSON. A call out of order (a value without its key, an
 * end without a beginning, ...) is a fault of the program and aborts it.
 *
 * Memory: none but the buffer's. Threads: one at a time per writer. */
#ifndef LAB_BASE_JSON_H
#define LAB_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* How many objects and arrays may be open at a time; one more aborts. */
enum { LAB_JSON_DEPTH = 16 };

/* The white space inside of one object or array; those within it have a style
 * of their own. The values are flags that may be combined. */
typedef enum lab_json_style {
  LAB_JSON_COMPACT = 0,                   /* {"a":1,"b":2} */
  LAB_JSON_COMMA_SPACE = 1,               /* {"a":1, "b":2} */
  LAB_JSON_COLON_SPACE = 2,               /* {"a": 1,"b": 2} */
  LAB_JSON_SPACED = 1 | 2,                /* {"a": 1, "b": 2} */
  LAB_JSON_NEWLINES = 4,                  /* {\n"a":1,\n"b":2\n} */
  LAB_JSON_LINES = LAB_JSON_NEWLINES | 2, /* {\n"a": 1,\n"b": 2\n} */
} lab_json_style;

/* An object or array that was begun. Private to json.c. */
typedef struct lab_json_level {
  uint8_t style;
  bool is_object, has_items;
} lab_json_level;

/* The caller owns it, and reads none of its fields. */
typedef struct lab_json {
  lab_buf *out;
  unsigned depth; /* open objects and arrays; levels[0] is the text itself */
  bool has_key;   /* a key was written, and its value is next */
  lab_json_level levels[LAB_JSON_DEPTH + 1];
} lab_json;

/* A new text, appended to OUT. One value makes a text. */
void lab_json_start(lab_json *j, lab_buf *out);
/* What comes next is appended to OUT: for texts that are sent piece by piece.
 */
void lab_json_continue_in(lab_json *j, lab_buf *out);
/* The text is complete: aborts if it isn't. Appends a newline. */
void lab_json_finish(lab_json *j);

/* Begin an object or an array, as the next value; end the innermost of them. */
void lab_json_begin_object(lab_json *j, lab_json_style style);
void lab_json_begin_array(lab_json *j, lab_json_style style);
void lab_json_end(lab_json *j);

/* The next member of an object; its value is next. KEY is 0-terminated. */
void lab_json_key(lab_json *j, const char *key);

/* A string of N bytes, or a 0-terminated one. Control characters, quotes and
 * backslashes are escaped; each byte that is no part of valid UTF-8 becomes
 * U+FFFD. */
void lab_json_string(lab_json *j, const char *s, size_t n);
void lab_json_text(lab_json *j, const char *s);

void lab_json_int(lab_json *j, int64_t n);
void lab_json_uint(lab_json *j, uint64_t n);
/* N / 10^DIGITS with all DIGITS (1 to 9) behind the point: 1500 and 3 give
 * 1.500. Quick, unlike lab_json_double. */
void lab_json_decimal(lab_json *j, uint64_t n, unsigned digits);
/* The shortest decimal number that reads back as X; null if X is infinite or
 * not a number, for which JSON has no word. */
void lab_json_double(lab_json *j, double x);
void lab_json_bool(lab_json *j, bool b);
void lab_json_null(lab_json *j);
/* N bytes that are a JSON value already, as they are. */
void lab_json_raw(lab_json *j, const char *json, size_t n);

#endif
