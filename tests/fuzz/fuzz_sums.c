/* SPDX-License-Identifier: MIT
 * Takes any bytes for the file of a student's progress. Checked: no byte beyond
 * a line is read, the sums are the same when the file is read once more, and
 * each line that isn't empty is either taken or counted as one that can't be
 * read: so a file of n lines has no more than n of what it counts. */
#include "base/buf.h"
#include "diagnosis/sums.h"
#include "input.h"

/* Takes the lines, each from memory of its own. -> how many there were */
static unsigned take_file(lab_sums *s, const char *text, size_t len) {
  unsigned n = 0;
  while (len > 0) {
    const char *end = memchr(text, '\n', len);
    size_t line = end ? (size_t)(end - text) : len;
    char *copy = malloc(line + 1);
    memcpy(copy, text, line);
    copy[line] = '\n'; /* as in the file; what is after it may be anything */
    lab_sums_take(s, copy, line);
    free(copy);
    n++;
    text += end ? line + 1 : line;
    len -= end ? line + 1 : line;
  }
  return n;
}

static unsigned long count_dropped(const lab_buf *json) {
  static const char begin[] = "{\"dropped\": ";
  if (json->len < sizeof begin || memcmp(json->data, begin, sizeof begin - 1))
    abort();
  return strtoul(json->data + sizeof begin - 1, NULL, 10);
}

static void check_steps(const lab_sums *s) {
  for (int i = 0; i < LAB_SUMS_STEPS; i += 1111)
    (void)(lab_sums_is_solved(s, i) && lab_sums_is_repaired(s, i));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static lab_sums *s;
  lab_buf once = LAB_BUF_INIT, again = LAB_BUF_INIT;
  if (!s)
    s = lab_sums_new();
  unsigned n = take_file(s, (const char *)data, size);
  lab_sums_write(s, 0, &once);
  check_steps(s);
  lab_sums_clear(s);
  take_file(s, (const char *)data, size);
  lab_sums_write(s, 0, &again);
  lab_sums_clear(s);
  if (once.len != again.len || memcmp(once.data, again.data, once.len) != 0 ||
      count_dropped(&once) > n)
    abort();
  lab_buf_free(&once);
  lab_buf_free(&again);
  return 0;
}
