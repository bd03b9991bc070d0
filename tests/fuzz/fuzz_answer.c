/* SPDX-License-Identifier: MIT
 * Reads any bytes as the answer of a server.
 *
 * The first byte of the input says whether the request was HEAD, the second one
 * how many bytes come at a time. Checked: the limits hold, each header is one
 * whole line, an answer without a body has none, and the pieces don't matter:
 * all at once gives the same. */
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "http/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BODY_MAX = 512 };

static void check_headers(const lab_buf *headers) {
  if (headers->len == 0)
    return;
  const char *at = headers->data, *end = at + headers->len;
  while (at < end) {
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    LAB_ASSERT(newline);
    const char *colon = memchr(at, ':', (size_t)(newline - at));
    LAB_ASSERT(colon && colon + 1 < newline && colon[1] == ' ');
    at = newline + 1;
  }
}

static void check_done(const lab_http_answer *a) {
  LAB_ASSERT(a->status >= 200 && a->status <= 999);
  check_headers(&a->headers);
  if (a->is_head || a->status == 204 || a->status == 304)
    LAB_ASSERT(a->body.len == 0);
}

static lab_http_answer_state feed_pieces(lab_http_answer *a, const char *bytes,
                                         size_t size, size_t step) {
  lab_http_answer_state state = LAB_HTTP_ANSWER_MORE;
  while (size > 0 && state == LAB_HTTP_ANSWER_MORE) {
    size_t piece = size < step ? size : step;
    state = lab_http_answer_feed(a, bytes, piece);
    bytes += piece;
    size -= piece;
  }
  LAB_ASSERT(a->body.len <= BODY_MAX);
  if (state == LAB_HTTP_ANSWER_MORE)
    state = lab_http_answer_finish(a);
  if (state == LAB_HTTP_ANSWER_DONE)
    check_done(a);
  return state;
}

static bool is_same_buf(const lab_buf *a, const lab_buf *b) {
  return a->len == b->len &&
         (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  lab_http_answer whole, pieces;
  if (size < 2)
    return 0;
  bool is_head = data[0] & 1;
  size_t step = data[1] ? data[1] : 1;
  const char *bytes = (const char *)data + 2;
  lab_http_answer_init(&whole, is_head, BODY_MAX);
  lab_http_answer_init(&pieces, is_head, BODY_MAX);
  lab_http_answer_state one = feed_pieces(&whole, bytes, size - 2, size);
  lab_http_answer_state other = feed_pieces(&pieces, bytes, size - 2, step);
  LAB_ASSERT(one == other);
  if (one == LAB_HTTP_ANSWER_DONE)
    LAB_ASSERT(whole.status == pieces.status &&
               is_same_buf(&whole.headers, &pieces.headers) &&
               is_same_buf(&whole.body, &pieces.body));
  lab_http_answer_free(&whole);
  lab_http_answer_free(&pieces);
  return 0;
}
