/* SPDX-License-Identifier: MIT
 * Takes any bytes for what a student sends: the header Content-Type up to the
 * first newline, then the body. Checked: the file lies in the body; what
 * becomes a capture has a kind of the lab's, has the file's bytes, and is
 * refused in the same way the second time if it is refused; the profiles of a
 * trace can be read. */
#include "base/buf.h"
#include "base/plain.h"
#include "diagnosis/trace_profiles.h"
#include "diagnosis/upload.h"
#include "input.h"
#include "pprof/decode.h"

/* What holds numbers is never sent, and what is no trace isn't called one. */
static void check_kind(const char *kind, bool is_trace) {
  LAB_ASSERT(*kind && lab_plain_is(kind, strlen(kind)));
  LAB_ASSERT(strcmp(kind, "metrics") != 0 && strcmp(kind, "vars") != 0);
  LAB_ASSERT((strcmp(kind, LAB_CAPTURE_TRACE) == 0) == is_trace);
}

static void check_capture(const lab_capture *c, const char *file, size_t len) {
  LAB_ASSERT(c->is_sent && memchr(c->kind, 0, sizeof c->kind));
  check_kind(c->kind, lab_trace_is_one(file, len));
  LAB_ASSERT(lab_blob_len(c->bytes) == len);
  LAB_ASSERT(len == 0 || memcmp(lab_blob_data(c->bytes), file, len) == 0);
  LAB_ASSERT(c->seconds >= 0);
}

static void check_trace(const char *file, size_t len) {
  lab_trace_facts facts;
  lab_trace_profiles made;
  lab_err err = {{0}};
  if (lab_trace_profiles_read(file, len, &facts, &made, &err)) {
    LAB_ASSERT(err.text[0]);
    return;
  }
  const lab_buf *parts[] = {&made.wall, &made.block, &made.goroutine};
  for (size_t i = 0; i < 3; i++) {
    lab_pprof *p;
    LAB_ASSERT(
        lab_pprof_decode(&p, parts[i]->data, parts[i]->len, NULL, &err) == 0);
    lab_pprof_free(p);
  }
  lab_trace_profiles_free(&made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const uint8_t *newline = size ? memchr(data, '\n', size) : NULL;
  size_t head = newline ? (size_t)(newline - data) : 0;
  char *type = calloc(1, head + 1);
  memcpy(type, data, head);
  const char *rest = (const char *)data + head + (newline != NULL);
  size_t left = size - head - (newline != NULL), len;
  char *body = malloc(left + (left == 0)); /* without a final 0 */
  if (left > 0)
    memcpy(body, rest, left);
  const char *file = lab_upload_find(type, body, left, &len);
  if (file) {
    lab_err err = {{0}}, again = {{0}};
    LAB_ASSERT(file >= body && file + len <= body + left);
    if (lab_trace_is_one(file, len))
      check_trace(file, len);
    lab_capture *c = lab_upload_read(file, len, "", &err);
    if (c)
      check_capture(c, file, len);
    else
      LAB_ASSERT(err.text[0] &&
                 (c = lab_upload_read(file, len, "mutex", &again),
                  c || strcmp(err.text, again.text) == 0));
    lab_capture_unref(c);
  }
  free(body);
  free(type);
  return 0;
}
