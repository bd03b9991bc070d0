/* SPDX-License-Identifier: MIT
 * Reads any text as the number in a request, and quotes it, as Go does; and as
 * a header Accept. Checked: the value is strtoll's, and what is quoted is
 * printable and ends where it should. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "web/exposition.h"
#include "web/handlers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_number(const char *text) {
  int64_t value;
  char *end;
  int rc = lab_web_atoi(text, &value);
  if (rc == -EINVAL)
    return;
  errno = 0;
  long long expected = strtoll(text, &end, 10);
  LAB_ASSERT((errno == ERANGE) == (rc == -ERANGE) && expected == value);
  /* As in Go, what follows a number that is too large is not looked at. */
  LAB_ASSERT(end > text && (*end == '\0' || rc == -ERANGE));
}

static void check_quoted(const char *text) {
  lab_buf out = LAB_BUF_INIT;
  lab_web_quote(text, &out);
  LAB_ASSERT(out.len >= 2 + strlen(text));
  LAB_ASSERT(out.data[0] == '"' && out.data[out.len - 1] == '"');
  for (size_t i = 0; i < out.len; i++)
    LAB_ASSERT((unsigned char)out.data[i] >= ' ' && out.data[i] != 0x7f);
  lab_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = malloc(size + 1);
  memcpy(text, data, size);
  text[size] = '\0';
  check_number(text);
  check_quoted(text);
  free(text);
  /* Without the final 0, so that one byte too many is found. */
  char *accept = malloc(size + (size == 0));
  memcpy(accept, data, size);
  lab_exposition_wants_open(accept, size);
  free(accept);
  return 0;
}
