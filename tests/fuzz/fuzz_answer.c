/* SPDX-License-Identifier: MIT
 * Reads any bytes as what a server sends on one connection: an answer, and as
 * many more as it lets follow.
 *
 * The first byte of the input says which of the requests were HEAD (a bit for
 * each, and again from the first), the second one how many bytes come at a
 * time. Checked: the limits hold, each header is one whole line, an answer
 * without a body has none, and the pieces don't matter: all at once gives the
 * same, and so does a body that is taken in parts. */
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "http/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BODY_MAX = 512, TAKE = 3 };

/* The bytes, how they come, and what was read of them. */
typedef struct reading {
  const char *at, *end;
  unsigned heads;
  size_t step;
  bool takes;    /* the body in parts, and not as a whole */
  lab_buf seen;  /* of all answers: status, headers, body */
  bool overflow; /* a limit was reached */
} reading;

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

static void check_done(const lab_http_answer *a, size_t body_len) {
  LAB_ASSERT(a->has_head && a->status >= 200 && a->status <= 999);
  check_headers(&a->headers);
  if (a->is_head || a->status == 204 || a->status == 304)
    LAB_ASSERT(body_len == 0);
}

static void take_part(lab_http_answer *a, size_t most, lab_buf *body) {
  lab_buf part = LAB_BUF_INIT;
  size_t len = a->body.len;
  LAB_ASSERT(lab_http_answer_take(a, most, &part));
  LAB_ASSERT(part.len == (len < most ? len : most));
  LAB_ASSERT(a->body.len == len - part.len);
  lab_buf_append(body, part.data, part.len);
  lab_buf_free(&part);
}

static lab_http_answer_state feed_pieces(reading *r, lab_http_answer *a,
                                         lab_buf *body) {
  lab_http_answer_state state = LAB_HTTP_ANSWER_MORE;
  while (r->at < r->end && state == LAB_HTTP_ANSWER_MORE) {
    size_t left = (size_t)(r->end - r->at);
    size_t piece = left < r->step ? left : r->step;
    state = lab_http_answer_feed(a, r->at, piece);
    LAB_ASSERT(a->rest <= piece && a->body.len <= BODY_MAX);
    LAB_ASSERT(a->rest == 0 || state == LAB_HTTP_ANSWER_DONE);
    r->at += piece - a->rest;
    if (r->takes)
      take_part(a, TAKE, body);
  }
  if (state == LAB_HTTP_ANSWER_MORE)
    state = lab_http_answer_finish(a);
  take_part(a, SIZE_MAX, body);
  return state;
}

/* Whether another answer may follow. */
static bool read_one(reading *r, bool is_head) {
  lab_http_answer a;
  lab_buf body = LAB_BUF_INIT;
  lab_http_answer_init(&a, is_head, BODY_MAX);
  lab_http_answer_state state = feed_pieces(r, &a, &body);
  bool done = state == LAB_HTTP_ANSWER_DONE, keeps = done && a.keeps;
  lab_buf_printf(&r->seen, "%d;", (int)state);
  if (done) {
    check_done(&a, body.len);
    lab_buf_printf(&r->seen, "%d;%d;", a.status, a.keeps);
    lab_buf_append(&r->seen, a.headers.data, a.headers.len);
    lab_buf_append(&r->seen, body.data, body.len);
  }
  r->overflow |= state == LAB_HTTP_ANSWER_TOO_LARGE;
  lab_http_answer_free(&a);
  lab_buf_free(&body);
  return keeps;
}

static void read_all(reading *r) {
  bool more = true;
  for (unsigned i = 0; more && r->at < r->end; i++)
    more = read_one(r, r->heads >> i % 8 & 1);
}

static void assert_same(const reading *a, const reading *b) {
  LAB_ASSERT(a->seen.len == b->seen.len);
  LAB_ASSERT(a->seen.len == 0 ||
             memcmp(a->seen.data, b->seen.data, a->seen.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2)
    return 0;
  const char *bytes = (const char *)data + 2, *end = (const char *)data + size;
  reading whole = {.at = bytes, .end = end, .heads = data[0], .step = size};
  reading pieces = whole, parts = whole;
  pieces.step = parts.step = data[1] ? data[1] : 1;
  parts.takes = true;
  read_all(&whole);
  read_all(&pieces);
  read_all(&parts);
  assert_same(&whole, &pieces);
  if (!whole.overflow) /* the limit is for what isn't taken */
    assert_same(&whole, &parts);
  lab_buf_free(&whole.seen);
  lab_buf_free(&pieces.seen);
  lab_buf_free(&parts.seen);
  return 0;
}
