/* SPDX-License-Identifier: MIT
 * From bytes to requests: what is accepted, what is refused with which status,
 * and that it doesn't matter how the bytes are cut. */
#include <stdlib.h>

#include "guard_page.h"
#include "http/parse.h"
#include "http/request_internal.h"
#include "http/server_internal.h"
#include "http_fixture.h"

static const struct {
  const char *request, *answer;
} refused[] = {
    {"\x16\x03\x01 hello", "400 Bad Request"},
    {"BAD\r\n\r\n", "400 Bad Request"},
    {"GET /\x01 HTTP/1.1\r\n\r\n", "400 Bad Request"},
    {"GET / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n",
     "400 Bad Request: invalid header name"},
    {"GET / HTTP/1.1\r\nHost: a\r\nBad(Name: x\r\n\r\n",
     "400 Bad Request: invalid header name"},
    {"GET / HTTP/1.1\r\nHost: a\r\n(: x\r\n\r\n",
     "400 Bad Request: invalid header name"},
    {"GET / HTTP/1.1\r\nHost: a\r\nName: x\x01\r\n\r\n", "400 Bad Request"},
    {"GET / HTTP/1.1\r\n\r\n", "400 Bad Request: missing required Host header"},
    {"GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n",
     "400 Bad Request: too many Host headers"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
     "400 Bad Request"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
     "Content-Length: 2\r\n\r\n",
     "400 Bad Request"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
     "Transfer-Encoding: chunked\r\n\r\n",
     "400 Bad Request"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
     "400 Bad Request"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
     "501 Not Implemented: unsupported transfer encoding"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n",
     "413 Request Entity Too Large"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n"
     "Expect: 100-continue\r\n\r\n",
     "413 Request Entity Too Large"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: tea\r\n\r\n",
     "417 Expectation Failed"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
     "Expect: 100-continue\r\nExpect: tea\r\n\r\n",
     "417 Expectation Failed"},
    {"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", "501 Not Implemented"},
    {"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
     "501 Not Implemented: unsupported method"},
    {"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
     "505 HTTP Version Not Supported: unsupported protocol version"},
    {"GET / HTTP/7.3\r\nHost: a\r\n\r\n", "505 HTTP Version Not Supported"},
};

/* What one reader takes for another thing than the next one. */
static const struct {
  const char *request, *answer;
} ambiguous[] = {
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, "
     "chunked\r\n\r\n0\r\n\r\n",
     "501 Not Implemented: unsupported transfer encoding"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity, "
     "chunked\r\n\r\n0\r\n\r\n",
     "501 Not Implemented: unsupported transfer encoding"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: , "
     "chunked\r\n\r\n0\r\n\r\n",
     "501 Not Implemented: unsupported transfer encoding"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
     "gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     "501 Not Implemented: unsupported transfer encoding"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n",
     "501 Not Implemented: unsupported transfer encoding"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
     "xchunked\r\n\r\n0\r\n\r\n",
     "501 Not Implemented: unsupported transfer encoding"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
     "chunked;q=1\r\n\r\n0\r\n\r\n",
     "501 Not Implemented: unsupported transfer encoding"},
    {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     "400 Bad Request: transfer encoding in HTTP/1.0"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, "
     "chunked\r\n\r\n0\r\n\r\n",
     "400 Bad Request"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: "
     "3\r\n\r\nabc",
     "400 Bad Request"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc",
     "400 Bad Request"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc",
     "400 Bad Request"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
     "chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
     "400 Bad Request"},
    {"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
     "400 Bad Request: folded header"},
    {"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n\t b\r\n\r\n",
     "400 Bad Request: folded header"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: "
     "a\r\n b\r\n\r\n",
     "400 Bad Request: folded header"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX "
     "Y: a\r\n\r\n",
     "400 Bad Request: invalid header name"},
    {"GET / HTTP/1.1\r\nHost: a\r\n: y\r\n\r\n",
     "400 Bad Request: invalid header name"},
    {"GET / HTTP/1.1\r\nHost: a\r\n:\r\n\r\n",
     "400 Bad Request: invalid header name"},
    {"GET / HTTP/1.1\r\n: y\r\nHost: a\r\n\r\n",
     "400 Bad Request: invalid header name"},
    {"GET / HTTP/1.1\r\nHost: a\r\nX Y: z\r\n\r\n",
     "400 Bad Request: invalid header name"},
    {"GET / HTTP/1.1\r\nHost: a\r\nX\n\r\n",
     "400 Bad Request: invalid header name"},
    {"GET / HTTP/1.1\r\nHost: a\r\nX: a\nY: b\r\n\r\n", "400 Bad Request"},
    {"GET / HTTP/1.1\r\nHost: a\r\nX: a\rY: b\r\n\r\n", "400 Bad Request"},
    {"GET / HTTP/1.1\r\nHost: a\r\nX: a\x01b\r\n\r\n", "400 Bad Request"},
};

/* Byte by byte, as long as the server listens. */
static void send_slowly(fixture *f, int fd, const char *text) {
  for (; *text && write(fd, text, 1) == 1; text++)
    fixture_turn(f);
}

static void refuses_with_the_right_status(void **state) {
  fixture f;
  (void)state;
  fixture_open(&f);
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    int fd = fixture_client(&f);
    send_text(&f, fd, refused[i].request);
    expect_refusal(&f, fd, refused[i].answer);
  }
  assert_int_equal(f.requests, 0);
  fixture_close(&f);
}

static void refuses_what_is_ambiguous(void **state) {
  fixture f;
  (void)state;
  fixture_open(&f);
  for (size_t i = 0; i < sizeof ambiguous / sizeof *ambiguous; i++) {
    int fd = fixture_client(&f);
    send_text(&f, fd, ambiguous[i].request);
    expect_refusal(&f, fd, ambiguous[i].answer);
    fd = fixture_client(&f);
    send_slowly(&f, fd, ambiguous[i].request);
    expect_refusal(&f, fd, ambiguous[i].answer);
  }
  assert_int_equal(f.requests, 0);
  fixture_close(&f);
}

#define ECHOED(n, text) "HTTP/1.1 200 OK\r\nContent-Length: " #n "\r\n\r\n" text

static const struct {
  const char *request, *answer;
} accepted[] = {
    {"GET /echo?a=1&b=%20 HTTP/1.1\r\nHost: h:1\r\nX-Test:  two words \t\r\n"
     "\r\n",
     ECHOED(35, "GET|/echo|a=1&b=%20|host|two words|")},
    {"\r\n\r\nGET /echo?? HTTP/1.1\r\nHost: h\r\nX-Test:\r\nB: c\r\n\r\n",
     ECHOED(18, "GET|/echo|?|host||")},
    {"GET http://h:1/echo?q HTTP/1.1\r\nHost: other\r\n\r\n",
     ECHOED(18, "GET|/echo|q|host||")},
    {"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", HELLO},
    {"GET http://h HTTP/1.1\r\nHost: h\r\n\r\n", HELLO},
    {"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab\ncd",
     ECHOED(23, "POST|/echo||host||ab\ncd")},
    {"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
     "3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nX-Test: trailer\r\n\r\n",
     ECHOED(23, "POST|/echo||host||abcde")},
    {"GET /echo HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n"
     "Upgrade: h2c\r\n\r\n",
     ECHOED(17, "GET|/echo||host||")},
    {"GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
     "HTTP/1.0 200 OK\r\nContent-Length: 20\r\nConnection: keep-alive\r\n\r\n"
     "GET|/echo||no host||"},
};

#define ACCEPTED (sizeof accepted / sizeof *accepted)

/* All of them, one after the other on one connection. */
static void conversation(lab_buf *sent, lab_buf *answers) {
  for (size_t i = 0; i < ACCEPTED; i++) {
    lab_buf_puts(sent, accepted[i].request);
    lab_buf_puts(answers, accepted[i].answer);
  }
  lab_buf_putc(answers, '\0');
}

/* Not all releases of llhttp come to the second line. */
static void refuses_a_folded_coding(void **state) {
  static const char refusal[] = "HTTP/1.1 400 Bad Request\r\n";
  fixture f;
  lab_buf got = LAB_BUF_INIT;
  (void)state;
  fixture_open(&f);
  int fd = fixture_client(&f);
  send_text(&f, fd,
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n "
            "chunked\r\n\r\n0\r\n\r\n");
  receive_all(&f, fd, &got);
  assert_memory_equal(got.data, refusal, sizeof refusal - 1);
  assert_int_equal(f.requests, 0);
  lab_buf_free(&got);
  close(fd);
  fixture_close(&f);
}

static void reads_every_form(void **state) {
  fixture f;
  (void)state;
  fixture_open(&f);
  for (size_t i = 0; i < ACCEPTED; i++) {
    int fd = fixture_client(&f);
    send_text(&f, fd, accepted[i].request);
    expect_text(&f, fd, accepted[i].answer);
    close(fd);
  }
  fixture_close(&f);
}

static void pipelines_in_one_segment(void **state) {
  fixture f;
  lab_buf sent = LAB_BUF_INIT, answers = LAB_BUF_INIT;
  (void)state;
  fixture_open(&f);
  conversation(&sent, &answers);
  int fd = fixture_client(&f);
  send_bytes(&f, fd, sent.data, sent.len);
  expect_text(&f, fd, answers.data);
  close(fd);
  lab_buf_free(&sent);
  lab_buf_free(&answers);
  fixture_close(&f);
}

static void may_be_cut_anywhere(void **state) {
  fixture f;
  lab_buf sent = LAB_BUF_INIT, answers = LAB_BUF_INIT;
  (void)state;
  fixture_open(&f);
  conversation(&sent, &answers);
  for (size_t cut = 1; cut < sent.len; cut++) {
    int fd = fixture_client(&f);
    send_bytes(&f, fd, sent.data, cut);
    send_bytes(&f, fd, sent.data + cut, sent.len - cut);
    expect_text(&f, fd, answers.data);
    close(fd);
  }
  lab_buf_free(&sent);
  lab_buf_free(&answers);
  fixture_close(&f);
}

static void may_come_byte_by_byte(void **state) {
  fixture f;
  lab_buf sent = LAB_BUF_INIT, answers = LAB_BUF_INIT;
  (void)state;
  fixture_open(&f);
  conversation(&sent, &answers);
  int fd = fixture_client(&f);
  for (size_t i = 0; i < sent.len; i++)
    send_bytes(&f, fd, sent.data + i, 1);
  expect_text(&f, fd, answers.data);
  close(fd);
  lab_buf_free(&sent);
  lab_buf_free(&answers);
  fixture_close(&f);
}

/* ---- the parser alone, without a socket -----------------------------------
 */

typedef struct bench {
  lab_http_server *server;
  lab_http_conn conn;
  guard_page page;
  unsigned requests; /* complete ones */
  int status;        /* of the refusal, or 0 */
  bool bad_method;
} bench;

static void bench_open(bench *b, lab_http_server *server, size_t room) {
  *b = (bench){.server = server};
  b->conn.server = server;
  lab_http_parser_init(&b->conn);
  guard_page_open(&b->page, room);
}

static void bench_close(bench *b) {
  if (b->conn.req)
    lab_http_request_end(b->conn.req);
  guard_page_close(&b->page);
}

/* What conn.c does with bytes that came in, and then counts the request. */
static void bench_parse(bench *b, const char *bytes, size_t len) {
  lab_http_conn *c = &b->conn;
  const char *p = bytes, *end = bytes + len;
  while (p < end && b->status == 0) {
    llhttp_errno_t error = lab_http_parse(c, p, (size_t)(end - p));
    if (error == HPE_OK)
      return;
    if (error != HPE_PAUSED) {
      b->bad_method = error == HPE_INVALID_METHOD;
      b->status = c->error ? c->error : lab_http_parser_status(c, end);
      return;
    }
    p = llhttp_get_error_pos(&c->parser);
    assert_true(p >= bytes && p <= end);
    llhttp_resume(&c->parser);
    lab_http_request_end(c->req);
    c->req = NULL;
    c->state = LAB_HTTP_IDLE;
    b->requests++;
  }
}

/* The first CUT bytes before an inaccessible page, the others after one. */
static void check_cut(lab_http_server *server, const char *bytes, size_t len,
                      size_t cut, unsigned requests, int status) {
  bench b;
  bench_open(&b, server, len);
  bench_parse(&b, guard_page_end(&b.page, bytes, cut), cut);
  size_t rest = len - cut;
  bench_parse(&b, guard_page_begin(&b.page, bytes + cut, rest), rest);
  assert_int_equal(b.requests, requests);
  /* A method that is cut may look unknown or like no HTTP at all. */
  if (b.bad_method)
    assert_true(b.status == 400 || b.status == 501);
  else
    assert_int_equal(b.status, status);
  bench_close(&b);
}

static void stays_inside_its_bytes(void **state) {
  fixture f;
  lab_buf sent = LAB_BUF_INIT, answers = LAB_BUF_INIT;
  (void)state;
  fixture_open(&f);
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    const char *text = refused[i].request;
    for (size_t cut = 0; cut <= strlen(text); cut++)
      check_cut(f.server, text, strlen(text), cut, 0, atoi(refused[i].answer));
  }
  conversation(&sent, &answers);
  for (size_t cut = 0; cut <= sent.len; cut++)
    check_cut(f.server, sent.data, sent.len, cut, ACCEPTED, 0);
  lab_buf_free(&sent);
  lab_buf_free(&answers);
  fixture_close(&f);
}

static void continues_only_when_the_client_waits(void **state) {
  static const char head[] = "POST /echo HTTP/1.1\r\nHost: h\r\n"
                             "Content-Length: 2\r\n"
                             "Expect: 100-Continue\r\n\r\n";
  static const char answer[] = ECHOED(20, "POST|/echo||host||ab");
  fixture f;
  (void)state;
  fixture_open(&f);
  int fd = fixture_client(&f);
  send_text(&f, fd, head);
  expect_text(&f, fd, "HTTP/1.1 100 Continue\r\n\r\n");
  send_text(&f, fd, "ab");
  expect_text(&f, fd, answer);
  lab_buf b = LAB_BUF_INIT;
  lab_buf_printf(&b, "%sab", head);
  send_bytes(&f, fd, b.data, b.len);
  expect_text(&f, fd, answer);
  lab_buf_free(&b);
  close(fd);
  fixture_close(&f);
}

static void end_inside_a_request_is_silent(void **state) {
  fixture f;
  (void)state;
  fixture_open(&f);
  int fd = fixture_client(&f);
  send_text(&f, fd,
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab");
  shutdown(fd, SHUT_WR);
  expect_close(&f, fd);
  assert_int_equal(f.requests, 0);
  fixture_close(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(refuses_with_the_right_status),
      cmocka_unit_test(refuses_what_is_ambiguous),
      cmocka_unit_test(refuses_a_folded_coding),
      cmocka_unit_test(reads_every_form),
      cmocka_unit_test(pipelines_in_one_segment),
      cmocka_unit_test(may_be_cut_anywhere),
      cmocka_unit_test(may_come_byte_by_byte),
      cmocka_unit_test(stays_inside_its_bytes),
      cmocka_unit_test(continues_only_when_the_client_waits),
      cmocka_unit_test(end_inside_a_request_is_silent),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
