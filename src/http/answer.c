/* SPDX-License-Identifier: MIT
 * See answer.h. */
#include "http/answer.h"

#include <string.h>
#include <strings.h>

#include "base/token.h"

enum {
  HEAD_MAX = 65536,
  BESIDE_MAX = 2 * HEAD_MAX, /* what isn't body: also chunk extensions, and
                                "100 Continue" again and again */
  CHUNK_HEAD = 16,           /* a chunk's size and its ends of lines */
  FIRST_HEADERS = 512,       /* bytes that there is room for at first */
  HEADER_MARKS = 3,          /* what is written beside a name and a value */
};

/* Room for N bytes of a header: they are kept for a scenario, as the body. 0,
 * or what ends the parsing. */
static int reserve_header(lab_http_answer *a, size_t n) {
  n += HEADER_MARKS;
  if (a->headers.cap == 0 && n < FIRST_HEADERS)
    n = FIRST_HEADERS;
  a->no_memory = !lab_buf_try_reserve(&a->headers, n, true);
  return a->no_memory ? HPE_USER : 0;
}

static int on_answer_field(llhttp_t *parser, const char *at, size_t len) {
  lab_http_answer *a = parser->data;
  a->in_value = false;
  if (a->headers.len + len > HEAD_MAX)
    return HPE_USER;
  if (len > 0 && !lab_is_token(at, len))
    return HPE_INVALID_HEADER_TOKEN;
  if (reserve_header(a, len))
    return HPE_USER;
  for (size_t i = 0; i < len; i++)
    lab_buf_putc(&a->headers,
                 at[i] >= 'A' && at[i] <= 'Z' ? (char)(at[i] | 0x20) : at[i]);
  return 0;
}

static void begin_answer_value(lab_http_answer *a) {
  if (a->in_value)
    return;
  lab_buf_puts(&a->headers, ": ");
  a->in_value = true;
  a->value_at = a->headers.len;
}

static int on_answer_value(llhttp_t *parser, const char *at, size_t len) {
  lab_http_answer *a = parser->data;
  if (a->headers.len + len > HEAD_MAX)
    return HPE_USER;
  if (reserve_header(a, len))
    return HPE_USER;
  begin_answer_value(a);
  lab_buf_append(&a->headers, at, len);
  return 0;
}

/* llhttp skips the blanks before a value, and leaves those behind it. */
static int on_answer_value_end(llhttp_t *parser) {
  lab_http_answer *a = parser->data;
  lab_buf *headers = &a->headers;
  begin_answer_value(a); /* an empty value comes without any piece */
  while (headers->len > a->value_at &&
         strchr(" \t", headers->data[headers->len - 1]))
    headers->len--;
  lab_buf_putc(headers, '\n');
  return 0;
}

/* Answers to HEAD, and those with such a status, have no body, whatever their
 * headers say about its length. */
static bool is_bodiless(const lab_http_answer *a) {
  return a->is_head || a->status < 200 || a->status == 204 || a->status == 304;
}

/* Any other coding wasn't asked for, and its bytes are no body. Nor are they if
 * llhttp doesn't know the coding, as with a tab behind it. */
static bool is_coding_known(const lab_http_answer *a) {
  const lab_buf *headers = &a->headers;
  static const char name[] = "transfer-encoding: ", known[] = "chunked";
  size_t left = headers->len, n = sizeof name - 1, line;
  for (const char *at = headers->data; left > 0; at += line, left -= line) {
    line = (size_t)((const char *)memchr(at, '\n', left) - at) + 1;
    bool is_coding = line > n && memcmp(at, name, n) == 0;
    if (is_coding &&
        (!(a->parser.flags & F_CHUNKED) || line != n + sizeof known ||
         strncasecmp(at + n, known, sizeof known - 1) != 0))
      return false;
  }
  return true;
}

/* HTTP/1, and no switch to another protocol: the request had none in it. */
static bool is_head_known(const lab_http_answer *a) {
  const llhttp_t *parser = &a->parser;
  return parser->http_major == 1 && parser->status_code >= 100 &&
         parser->status_code != 101 && is_coding_known(a);
}

/* Returns 1 if no body follows. */
static int on_answer_head_end(llhttp_t *parser) {
  lab_http_answer *a = parser->data;
  if (!is_head_known(a))
    return -1;
  a->status = parser->status_code;
  a->has_head = a->status >= 200;
  if (!a->has_head)
    lab_buf_clear(&a->headers); /* "100 Continue": the answer follows */
  return is_bodiless(a);
}

static int on_answer_chunk(llhttp_t *parser) {
  lab_http_answer *a = parser->data;
  a->chunks++;
  return 0;
}

static int on_answer_body(llhttp_t *parser, const char *at, size_t len) {
  lab_http_answer *a = parser->data;
  if (a->body.len + len > a->max_body)
    return HPE_USER;
  if (lab_buf_try_append(&a->body, at, len))
    return 0;
  a->no_memory = true;
  return HPE_USER;
}

static int on_answer_end(llhttp_t *parser) {
  lab_http_answer *a = parser->data;
  if (!a->has_head)
    return 0;
  a->keeps = llhttp_should_keep_alive(parser) != 0;
  return HPE_PAUSED;
}

static const llhttp_settings_t answer_callbacks = {
    .on_header_field = on_answer_field,
    .on_header_value = on_answer_value,
    .on_header_value_complete = on_answer_value_end,
    .on_headers_complete = on_answer_head_end,
    .on_chunk_header = on_answer_chunk,
    .on_body = on_answer_body,
    .on_message_complete = on_answer_end,
};

void lab_http_answer_init(lab_http_answer *a, bool is_head, size_t max_body) {
  *a = (lab_http_answer){.is_head = is_head, .max_body = max_body};
  llhttp_init(&a->parser, HTTP_RESPONSE, &answer_callbacks);
  a->parser.data = a;
}

static bool is_too_much_beside_body(const lab_http_answer *a) {
  return a->fed > BESIDE_MAX + a->taken + a->body.len + CHUNK_HEAD * a->chunks;
}

lab_http_answer_state lab_http_answer_feed(lab_http_answer *a,
                                           const char *bytes, size_t len) {
  switch (llhttp_execute(&a->parser, bytes, len)) {
  case HPE_OK:
    a->fed += len;
    return is_too_much_beside_body(a) ? LAB_HTTP_ANSWER_TOO_LARGE
                                      : LAB_HTTP_ANSWER_MORE;
  case HPE_PAUSED:
    a->rest = (size_t)(bytes + len - llhttp_get_error_pos(&a->parser));
    return LAB_HTTP_ANSWER_DONE;
  case HPE_USER:
    return a->no_memory ? LAB_HTTP_ANSWER_NO_MEMORY : LAB_HTTP_ANSWER_TOO_LARGE;
  default:
    return LAB_HTTP_ANSWER_MALFORMED;
  }
}

lab_http_answer_state lab_http_answer_finish(lab_http_answer *a) {
  return llhttp_finish(&a->parser) == HPE_PAUSED ? LAB_HTTP_ANSWER_DONE
                                                 : LAB_HTTP_ANSWER_MORE;
}

bool lab_http_answer_take(lab_http_answer *a, size_t most, lab_buf *out) {
  lab_buf *body = &a->body;
  size_t n = body->len < most ? body->len : most;
  if (n == body->len) {
    *out = *body;
    *body = (lab_buf)LAB_BUF_INIT;
  } else if (lab_buf_try_append(out, body->data, n)) {
    body->len -= n;
    memmove(body->data, body->data + n, body->len);
  } else {
    return false;
  }
  a->taken += n;
  return true;
}

void lab_http_answer_free(lab_http_answer *a) {
  lab_buf_free(&a->headers);
  lab_buf_free(&a->body);
}
