/* SPDX-License-Identifier: MIT
 * Takes any bytes for a header Accept. Checked: upper and lower case are the
 * same, blanks around commas and semicolons mean nothing, neither does a type
 * that isn't known, and who names no OpenMetrics doesn't get it. */
#include <ctype.h>

#include "base/buf.h"
#include "input.h"
#include "web/exposition.h"

/* The text, with the case of all letters changed. */
static void turn_case(const char *text, size_t len, lab_buf *out) {
  lab_buf_clear(out);
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)text[i];
    bool letter = c < 0x80 && isalpha(c);
    lab_buf_putc(out, (char)(letter ? c ^ 0x20 : c));
  }
}

static void add_blanks(const char *text, size_t len, lab_buf *out) {
  lab_buf_clear(out);
  for (size_t i = 0; i < len; i++) {
    bool mark = text[i] == ',' || text[i] == ';';
    lab_buf_puts(out, mark ? " \t" : "");
    lab_buf_putc(out, text[i]);
    lab_buf_puts(out, mark ? " " : "");
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char open[] = "openmetrics";
  lab_buf other = LAB_BUF_INIT;
  char *accept = calloc(1, size + (size == 0)); /* without a final 0 */
  if (size > 0)
    memcpy(accept, data, size);
  bool wants = lab_exposition_wants_open(accept, size);
  turn_case(accept, size, &other);
  LAB_ASSERT(lab_exposition_wants_open(other.data, other.len) == wants);
  add_blanks(accept, size, &other);
  LAB_ASSERT(lab_exposition_wants_open(other.data, other.len) == wants);
  lab_buf_puts(&other, ", image/png;q=1");
  LAB_ASSERT(lab_exposition_wants_open(other.data, other.len) == wants);
  if (wants) {
    lab_buf_putc(&other, '\0');
    for (size_t i = 0; i < other.len; i++)
      other.data[i] = other.data[i] ? (char)(other.data[i] | 0x20) : ' ';
    LAB_ASSERT(memmem(other.data, other.len, open, sizeof open - 1));
  }
  lab_buf_free(&other);
  free(accept);
  return 0;
}
