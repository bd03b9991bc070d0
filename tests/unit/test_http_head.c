/* SPDX-License-Identifier: MIT
 * HEAD that the server refuses by itself. For the answers of handlers see
 * test_http_conn.c. */
#include "http_fixture.h"

#define HEAD_OF_REFUSAL                                                        \
  "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"

/* Whatever is wrong, once it is known that it is HEAD. */
static void a_faulty_head_has_no_body(void **state) {
  static const struct {
    const char *request, *status;
  } cases[] = {
      {"HEAD /much-longer-than-allowed HTTP/1.1\r\n",
       "414 Request URI Too Long"},
      {"HEAD / HTTP/1.1\r\nHost: much-longer-than-allowed-here\r\n",
       "431 Request Header Fields Too Large"},
      {"HEAD / HTTP/1.1\r\n\r\n", "400 Bad Request"},
      {"HEAD / HTTP/1.1\r\n: a\r\n\r\n", "400 Bad Request"},
      {"HEAD / HTTP/3.0\r\nHost: a\r\n\r\n", "505 HTTP Version Not Supported"},
      {"HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n",
       "413 Request Entity Too Large"},
      {"HEAD / HTTP/1.1\r\nHo", "408 Request Timeout"},
      {"HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n",
       "408 Request Timeout"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    fixture f;
    (void)state;
    fixture_init(&f);
    f.config.max_uri_bytes = 20;
    f.config.max_header_bytes = 30;
    f.config.max_body_bytes = 8;
    f.config.header_timeout_ms = f.config.body_timeout_ms = 200;
    fixture_start(&f);
    int fd = fixture_client(&f);
    send_text(&f, fd, cases[i].request);
    lab_buf answer = LAB_BUF_INIT, want = LAB_BUF_INIT;
    lab_buf_printf(&want, "HTTP/1.1 %s" HEAD_OF_REFUSAL, cases[i].status);
    lab_buf_putc(&want, '\0');
    receive_all(&f, fd, &answer);
    assert_string_equal(answer.data, want.data);
    lab_buf_free(&answer);
    lab_buf_free(&want);
    close(fd);
    fixture_close(&f);
  }
}

/* What comes after it, and fails before its own method is known, has one. */
static void the_method_before_means_nothing(void **state) {
  fixture f;
  (void)state;
  fixture_open(&f);
  int fd = fixture_client(&f);
  send_text(&f, fd, "HEAD /nope HTTP/1.1\r\nHost: a\r\n\r\n");
  fixture_until(&f, f.requests == 1);
  send_text(&f, fd, "HEADS / HTTP/1.1\r\n");
  lab_buf answer = LAB_BUF_INIT;
  receive_all(&f, fd, &answer);
  assert_non_null(strstr(answer.data, "\r\n\r\n501 Not Implemented"));
  lab_buf_free(&answer);
  close(fd);
  fixture_close(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_faulty_head_has_no_body),
      cmocka_unit_test(the_method_before_means_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
