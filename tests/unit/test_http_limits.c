/* SPDX-License-Identifier: MIT
 * How long the parts of a request may be: its target, headers, body, and what
 * is only skipped. */
#include "http_fixture.h"

static void fill(lab_buf *b, char c, size_t n) {
  memset(lab_buf_reserve(b, n), c, n);
  b->len += n;
}

/* Sends HEAD, N times C, TAIL. STATUS NULL: must be accepted. */
static void check_limit(fixture *f, const char *head, char c, size_t n,
                        const char *tail, const char *status) {
  lab_buf b = LAB_BUF_INIT;
  int fd = fixture_client(f);
  lab_buf_puts(&b, head);
  fill(&b, c, n);
  lab_buf_puts(&b, tail);
  send_bytes(f, fd, b.data, b.len);
  if (status) {
    expect_refusal(f, fd, status);
  } else {
    expect_text(f, fd, HELLO);
    close(fd);
  }
  lab_buf_free(&b);
}

static void limits_hold_exactly(void **state) {
  static const char chunked[] =
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  fixture f;
  (void)state;
  fixture_open(&f);
  const char *uri_end = " HTTP/1.1\r\nHost: a\r\n\r\n";
  check_limit(&f, "GET /", 'a', 8191, uri_end, NULL);
  check_limit(&f, "GET /", 'a', 8192, uri_end, "414 Request URI Too Long");
  const char *header = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
  check_limit(&f, header, 'a', 8100, "\r\n\r\n", NULL);
  check_limit(&f, header, 'a', 8192, "\r\n\r\n",
              "431 Request Header Fields Too Large");
  char head[200];
  snprintf(head, sizeof head, "%s10000\r\n", chunked);
  check_limit(&f, head, 'a', 65536, "\r\n0\r\n\r\n", NULL);
  snprintf(head, sizeof head, "%s10001\r\n", chunked);
  check_limit(&f, head, 'a', 65537, "\r\n0\r\n\r\n",
              "413 Request Entity Too Large");
  fixture_close(&f);
}

#define CHUNKED                                                                \
  "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
#define EXTRA_FAULT "400 Bad Request: too much beside the body's chunks"

static void what_is_skipped_has_limits(void **state) {
  static const char last[] = "\r\na\r\n0\r\n\r\n";
  static const char too_large[] = "431 Request Header Fields Too Large";
  fixture f;
  (void)state;
  fixture_open(&f);
  check_limit(&f, CHUNKED "1;a=", 'b', 8190, last, NULL);
  check_limit(&f, CHUNKED "1;a=", 'b', 8191, last, EXTRA_FAULT);
  check_limit(&f, CHUNKED "1;a=\"", 'b', 9000, "\"\r\n", EXTRA_FAULT);
  check_limit(&f, CHUNKED "1;", 'b', 8192, last, EXTRA_FAULT);
  check_limit(&f, CHUNKED "0;", 'b', 2 << 20, "\r\n\r\n", EXTRA_FAULT);
  check_limit(&f, CHUNKED, '0', 2 << 20, "1\r\na\r\n", EXTRA_FAULT);
  check_limit(&f, CHUNKED "0\r\nX: ", 'b', 8187, "\r\n\r\n", NULL);
  check_limit(&f, CHUNKED "0\r\nX: ", 'b', 8188, "\r\n\r\n", too_large);
  check_limit(&f, CHUNKED "0\r\nX: ", 'b', 2 << 20, "\r\n\r\n", too_large);
  check_limit(&f, CHUNKED "0\r\nX:", ' ', 2 << 20, "\r\n\r\n", EXTRA_FAULT);
  check_limit(&f, "GET / HTTP/1.1\r\nHost:", ' ', 2 << 20, "a\r\n\r\n",
              too_large);
  check_limit(&f, "", '\n', 2 << 20, GET, too_large);
  fixture_close(&f);
}

/* Each chunk, and each trailer, is short. */
static void many_short_extras_are_too_many(void **state) {
  static const struct {
    const char *head, *part, *status;
  } cases[] = {
      {CHUNKED, "1;a\r\na\r\n", EXTRA_FAULT},
      {CHUNKED, "1;a=b\r\na\r\n", EXTRA_FAULT},
      {CHUNKED "0\r\n", "a:\r\n", "431 Request Header Fields Too Large"},
  };
  fixture f;
  (void)state;
  fixture_open(&f);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    lab_buf b = LAB_BUF_INIT;
    int fd = fixture_client(&f);
    lab_buf_puts(&b, cases[i].head);
    for (int n = 0; n < 5000; n++)
      lab_buf_puts(&b, cases[i].part);
    send_bytes(&f, fd, b.data, b.len);
    expect_refusal(&f, fd, cases[i].status);
    lab_buf_free(&b);
  }
  fixture_close(&f);
}

/* As many chunks as the body has bytes, and 20 such bodies one after the other:
 * the limits are for one request. */
static void many_small_chunks_are_accepted(void **state) {
  fixture f;
  lab_buf b = LAB_BUF_INIT, answers = LAB_BUF_INIT;
  (void)state;
  fixture_open(&f);
  int fd = fixture_client(&f);
  for (int i = 0; i < 20; i++) {
    lab_buf_puts(&b, CHUNKED);
    for (int n = 0; n < 65536 / 8; n++)
      lab_buf_puts(&b, "00000001\r\na\r\n");
    lab_buf_puts(&b, "0;a=b\r\nX: y\r\n\r\n");
    lab_buf_puts(&answers, HELLO);
  }
  lab_buf_putc(&answers, '\0');
  send_bytes(&f, fd, b.data, b.len);
  expect_text(&f, fd, answers.data);
  close(fd);
  lab_buf_free(&b);
  lab_buf_free(&answers);
  fixture_close(&f);
}

static void many_headers_are_too_big(void **state) {
  fixture f;
  lab_buf b = LAB_BUF_INIT;
  (void)state;
  fixture_open(&f);
  int fd = fixture_client(&f);
  lab_buf_puts(&b, "GET / HTTP/1.1\r\nHost: a\r\n");
  for (int i = 0; i < 4000; i++)
    lab_buf_puts(&b, "a:\r\n");
  send_bytes(&f, fd, b.data, b.len);
  expect_refusal(&f, fd, "431 Request Header Fields Too Large");
  lab_buf_free(&b);
  fixture_close(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(limits_hold_exactly),
      cmocka_unit_test(what_is_skipped_has_limits),
      cmocka_unit_test(many_short_extras_are_too_many),
      cmocka_unit_test(many_small_chunks_are_accepted),
      cmocka_unit_test(many_headers_are_too_big),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
