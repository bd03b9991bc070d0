/* SPDX-License-Identifier: MIT
 * The client's two parsers, for URLs and for answers, without a network. Their
 * input is next to an inaccessible page. And a whole call to a server in the
 * same process. */
#include <netinet/in.h>

#include "guard_page.h"
#include "http/answer.h"
#include "http/client.h"
#include "http/url.h"
#include "http_fixture.h"

/* ---- URLs ---------------------------------------------------------------- */

static const struct {
  const char *url, *host, *port, *authority, *target;
} urls[] = {
    {"http://a", "a", "80", "a", ""},
    {"HTTP://a/", "a", "80", "a", "/"},
    {"http://a:1/p?q#f", "a", "1", "a:1", "/p?q"},
    {"http://a?q=1", "a", "80", "a", "?q=1"},
    {"http://a#f", "a", "80", "a", ""},
    {"http://a:65535", "a", "65535", "a:65535", ""},
    {"http://a:0080/", "a", "80", "a:0080", "/"},
    {"http://[::1]/x", "::1", "80", "[::1]", "/x"},
    {"http://[::1]:99", "::1", "99", "[::1]:99", ""},
};

#define BAD_PORT                                                               \
  "invalid host in URL: its port must be a number from 1 to 65535"

static const struct {
  const char *url, *fault;
} bad_urls[] = {
    {"", "unsupported protocol scheme"},
    {"h", "unsupported protocol scheme"},
    {"http:/", "unsupported protocol scheme"},
    {"https://a", "unsupported protocol scheme"},
    {"http://a b", "invalid control character in URL"},
    {"http://a/\r\nX: y", "invalid control character in URL"},
    {"http://a/\x7f", "invalid control character in URL"},
    {"http://", "invalid host in URL"},
    {"http:///path", "invalid host in URL"},
    {"http://:80", "invalid host in URL"},
    {"http://a:", BAD_PORT},
    {"http://a:/", BAD_PORT},
    {"http://a:8x", BAD_PORT},
    {"http://a:12345678", BAD_PORT},
    {"http://a:1234567", BAD_PORT},
    {"http://127.0.0.1:72767/", BAD_PORT}, /* 65536 + 7231 */
    {"http://a:65536", BAD_PORT},
    {"http://a:0", BAD_PORT},
    {"http://a:00000", BAD_PORT},
    {"http://a:000080", BAD_PORT},
    {"http://a:+80", BAD_PORT},
    {"http://a:-80", BAD_PORT},
    {"http://a:0x50", BAD_PORT},
    {"http://a:8.0", BAD_PORT},
    {"http://a:80:80", BAD_PORT},
    {"http://a:18446744073709551696", BAD_PORT},
    {"http://[::1]:99999", BAD_PORT},
    {"http://a:%38%30", BAD_PORT},
    {"http://u@a", "invalid host in URL"},
    {"http://[", "invalid host in URL"},
    {"http://[]", "invalid host in URL"},
    {"http://[::1", "invalid host in URL"},
    {"http://[::1]x", "invalid host in URL"},
    {"http://[::1]:", BAD_PORT},
};

static void check_piece(const char *text, size_t len, const char *expected) {
  assert_int_equal(len, strlen(expected));
  assert_memory_equal(text, expected, len);
}

static void check_url(const char *text, size_t i) {
  lab_http_url url;
  const char *fault = lab_http_url_split(&url, text);
  if (fault)
    fail_msg("%s: %s", urls[i].url, fault);
  assert_string_equal(url.host, urls[i].host);
  assert_string_equal(url.port, urls[i].port);
  check_piece(url.authority, url.authority_len, urls[i].authority);
  check_piece(url.target, url.target_len, urls[i].target);
}

static void splits_urls(void **state) {
  guard_page g;
  (void)state;
  guard_page_open(&g, 100);
  for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
    check_url(guard_page_end_string(&g, urls[i].url), i);
    check_url(guard_page_begin_string(&g, urls[i].url), i);
  }
  guard_page_close(&g);
}

static void names_places(void **state) {
  static const char *const cases[][2] = {
      {"http://A.Example", "a.example:80"},
      {"http://a.example:80/x", "a.example:80"},
      {"http://a.example:0080", "a.example:80"},
      {"http://[FE80::1]:99", "[fe80::1]:99"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char place[LAB_HTTP_URL_PLACE];
    lab_http_url url;
    assert_null(lab_http_url_split(&url, cases[i][0]));
    lab_http_url_place(&url, place);
    assert_string_equal(place, cases[i][1]);
  }
}

static void refuses_bad_urls(void **state) {
  guard_page g;
  lab_http_url url;
  (void)state;
  guard_page_open(&g, 100);
  for (size_t i = 0; i < sizeof bad_urls / sizeof *bad_urls; i++) {
    const char *fault = bad_urls[i].fault;
    const char *copy = guard_page_end_string(&g, bad_urls[i].url);
    assert_string_equal(lab_http_url_split(&url, copy), fault);
    copy = guard_page_begin_string(&g, bad_urls[i].url);
    assert_string_equal(lab_http_url_split(&url, copy), fault);
  }
  guard_page_close(&g);
}

/* The longest name that fits, and one that is longer by a byte. */
static void bounds_the_host(void **state) {
  char text[400] = "http://";
  lab_http_url url;
  (void)state;
  memset(text + 7, 'h', LAB_HTTP_URL_HOST - 1);
  assert_null(lab_http_url_split(&url, text));
  assert_int_equal(strlen(url.host), LAB_HTTP_URL_HOST - 1);
  text[7 + LAB_HTTP_URL_HOST - 1] = 'h';
  assert_string_equal(lab_http_url_split(&url, text), "invalid host in URL");
}

/* ---- answers ------------------------------------------------------------- */

#define MAX_BODY 8

static const struct {
  const char *answer;
  lab_http_answer_state state; /* after the last byte */
  bool until_close;            /* then: the server closes, and it is done */
  bool is_head;
  int status;
  const char *headers, *body;
} answers[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", LAB_HTTP_ANSWER_DONE,
     false, false, 200, "content-length: 5\n", "hello"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked \r\nX-A:\r\nX-B: \t "
     "\r\nX-C:b  c"
     "\t \r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-D: d \r\n\r\n",
     LAB_HTTP_ANSWER_DONE, false, false, 200,
     "transfer-encoding: chunked\nx-a: \nx-b: \nx-c: b  c\nx-d: d\n", "abcde"},
    {"HTTP/1.0 404 Not Found\r\nX: Y z\r\n\r\nnope", LAB_HTTP_ANSWER_MORE, true,
     false, 404, "x: Y z\n", "nope"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n", LAB_HTTP_ANSWER_DONE,
     false, true, 200, "content-length: 50\n", ""},
    {"HTTP/1.1 204 No Content\r\n\r\n", LAB_HTTP_ANSWER_DONE, false, false, 204,
     "", ""},
    {"HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n",
     LAB_HTTP_ANSWER_DONE, false, false, 204, "content-length: 7\n", ""},
    {"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
     LAB_HTTP_ANSWER_DONE, false, false, 204, "transfer-encoding: chunked\n",
     ""},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 120\r\n\r\n",
     LAB_HTTP_ANSWER_DONE, false, false, 304, "content-length: 120\n", ""},
    {"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
     LAB_HTTP_ANSWER_DONE, false, false, 304, "transfer-encoding: chunked\n",
     ""},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
     LAB_HTTP_ANSWER_DONE, false, true, 200, "transfer-encoding: chunked\n",
     ""},
    {"HTTP/1.1 103 Early Hints\r\nContent-Length: 9\r\n\r\n"
     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab",
     LAB_HTTP_ANSWER_DONE, false, false, 200, "content-length: 2\n", "ab"},
    {"HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n"
     "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n",
     LAB_HTTP_ANSWER_DONE, false, false, 304, "content-length: 2\n", ""},
    {"HTTP/1.1 100 Continue\r\nA: b\r\n\r\n"
     "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
     LAB_HTTP_ANSWER_DONE, false, false, 201, "content-length: 0\n", ""},
    {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456789",
     LAB_HTTP_ANSWER_TOO_LARGE, false, false, 200, NULL, NULL},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", LAB_HTTP_ANSWER_MORE,
     false, false, 200, "content-length: 5\n", "hell"},
    {"\x16\x03\x01 hello", LAB_HTTP_ANSWER_MALFORMED, false, false, 0, "", ""},
    {"HTTP/1.1 2x0 OK\r\n\r\n", LAB_HTTP_ANSWER_MALFORMED, false, false, 0, "",
     ""},
    {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", LAB_HTTP_ANSWER_MALFORMED,
     false, false, 0, NULL, NULL},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
     LAB_HTTP_ANSWER_MALFORMED, false, false, 200, NULL, NULL},
    {"HTTP/1.1 101 Switching\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
     LAB_HTTP_ANSWER_MALFORMED, false, false, 0, NULL, NULL},
    {"HTTP/1.1 099 OK\r\n\r\n", LAB_HTTP_ANSWER_MALFORMED, false, false, 0,
     NULL, NULL},
    {"HTTP/1.1 1000 OK\r\n\r\n", LAB_HTTP_ANSWER_MALFORMED, false, false, 0,
     NULL, NULL},
    {"HTTP/1.1 OK\r\n\r\n", LAB_HTTP_ANSWER_MALFORMED, false, false, 0, NULL,
     NULL},
    {"HTTP/2.0 200 OK\r\n\r\n", LAB_HTTP_ANSWER_MALFORMED, false, false, 0,
     NULL, NULL},
    {"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", LAB_HTTP_ANSWER_MALFORMED, false,
     false, 0, NULL, NULL},
    {"HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: gzip\r\n\r\n",
     LAB_HTTP_ANSWER_MALFORMED, false, false, 0, NULL, NULL},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\t\r\n\r\n",
     LAB_HTTP_ANSWER_MALFORMED, false, false, 0, NULL, NULL},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
     LAB_HTTP_ANSWER_MALFORMED, false, false, 0, NULL, NULL},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: "
     "chunked\r\n\r\n10000000000000000\r\n",
     LAB_HTTP_ANSWER_MALFORMED, false, false, 200, NULL, NULL},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
     LAB_HTTP_ANSWER_DONE, false, false, 200, "transfer-encoding: Chunked\n",
     "a"},
    {"HTTP/1.1 200 OK\r\nA: b", LAB_HTTP_ANSWER_MORE, false, false, 0, NULL,
     NULL},
};

/* The first CUT bytes before an inaccessible page, the others after one. */
static void check_answer(guard_page *g, size_t i, size_t cut) {
  const char *text = answers[i].answer;
  size_t rest = strlen(text) - cut;
  lab_http_answer a;
  lab_http_answer_init(&a, answers[i].is_head, MAX_BODY);
  lab_http_answer_state state =
      lab_http_answer_feed(&a, guard_page_end(g, text, cut), cut);
  if (state == LAB_HTTP_ANSWER_MORE)
    state =
        lab_http_answer_feed(&a, guard_page_begin(g, text + cut, rest), rest);
  assert_int_equal(state, answers[i].state);
  assert_int_equal(a.status, answers[i].status);
  if (answers[i].headers)
    check_piece(a.headers.data, a.headers.len, answers[i].headers);
  if (answers[i].body)
    check_piece(a.body.data, a.body.len, answers[i].body);
  if (state == LAB_HTTP_ANSWER_MORE)
    assert_int_equal(lab_http_answer_finish(&a), answers[i].until_close
                                                     ? LAB_HTTP_ANSWER_DONE
                                                     : LAB_HTTP_ANSWER_MORE);
  lab_http_answer_free(&a);
}

static void reads_answers_cut_anywhere(void **state) {
  guard_page g;
  (void)state;
  guard_page_open(&g, 200);
  for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
    for (size_t cut = 0; cut <= strlen(answers[i].answer); cut++)
      check_answer(&g, i, cut);
  guard_page_close(&g);
}

static void bounds_the_headers(void **state) {
  char line[1024];
  lab_http_answer a;
  lab_http_answer_state last = LAB_HTTP_ANSWER_MORE;
  int lines = 0;
  (void)state;
  memset(line, 'v', sizeof line);
  memcpy(line, "Name: ", 6);
  memcpy(line + sizeof line - 2, "\r\n", 2);
  lab_http_answer_init(&a, false, MAX_BODY);
  lab_http_answer_feed(&a, "HTTP/1.1 200 OK\r\n", 17);
  for (; last == LAB_HTTP_ANSWER_MORE && lines < 100; lines++)
    last = lab_http_answer_feed(&a, line, sizeof line);
  assert_int_equal(last, LAB_HTTP_ANSWER_TOO_LARGE);
  assert_int_equal(lines, 65);
  lab_http_answer_free(&a);
}

/* What comes with a body and isn't part of it, in pieces; 4 MiB of it. */
static void bounds_what_is_beside_the_body(void **state) {
  static const struct {
    const char *head, *part;
  } cases[] = {
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a=", "bbbb"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "0000"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
       "A: bbbbbbb\r\n"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA:", "    "},
      {"HTTP/1.1 200 OK\r\nA:", "    "},
      {"HTTP/1.1 200 ", "OK OK OK"},
      {"", "HTTP/1.1 100 Continue\r\n\r\n"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    lab_http_answer a;
    lab_http_answer_state last = LAB_HTTP_ANSWER_MORE;
    const char *part = cases[i].part;
    size_t fed = 0;
    lab_http_answer_init(&a, false, MAX_BODY);
    lab_http_answer_feed(&a, cases[i].head, strlen(cases[i].head));
    for (; last == LAB_HTTP_ANSWER_MORE && fed < 4 << 20; fed += strlen(part))
      last = lab_http_answer_feed(&a, part, strlen(part));
    if (last != LAB_HTTP_ANSWER_TOO_LARGE)
      fail_msg("%s%s: %d after %zu bytes", cases[i].head, part, last, fed);
    assert_in_range(fed, 60000, 140000);
    lab_http_answer_free(&a);
  }
}

static void many_small_chunks_are_no_burden(void **state) {
  static const char head[] =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  lab_http_answer a;
  (void)state;
  lab_http_answer_init(&a, false, 100000);
  lab_http_answer_feed(&a, head, sizeof head - 1);
  for (int i = 0; i < 100000; i++)
    assert_int_equal(lab_http_answer_feed(&a, "00000001\r\na\r\n", 13),
                     LAB_HTTP_ANSWER_MORE);
  assert_int_equal(lab_http_answer_feed(&a, "0\r\n\r\n", 5),
                   LAB_HTTP_ANSWER_DONE);
  assert_int_equal(a.body.len, 100000);
  lab_http_answer_free(&a);
}

/* Several answers on one connection, in pieces of STEP bytes. */
static void check_answers(size_t step) {
  static const struct {
    const char *answer;
    bool is_head, keeps;
  } all[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", false, true},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true, true},
      {"HTTP/1.1 204 No Content\r\n\r\n", false, true},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"
       "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
       false, true},
      {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1"
       "\r\n\r\na",
       false, true},
      {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", false, false},
  };
  lab_buf bytes = LAB_BUF_INIT;
  size_t at = 0, n = sizeof all / sizeof *all;
  for (size_t i = 0; i < n; i++)
    lab_buf_puts(&bytes, all[i].answer);
  for (size_t i = 0; i < n; i++) {
    lab_http_answer a;
    lab_http_answer_state state = LAB_HTTP_ANSWER_MORE;
    lab_http_answer_init(&a, all[i].is_head, MAX_BODY);
    while (state == LAB_HTTP_ANSWER_MORE) {
      size_t piece = bytes.len - at < step ? bytes.len - at : step;
      assert_true(piece > 0);
      state = lab_http_answer_feed(&a, bytes.data + at, piece);
      at += piece - a.rest;
    }
    assert_int_equal(state, LAB_HTTP_ANSWER_DONE);
    assert_int_equal(a.keeps, all[i].keeps);
    lab_http_answer_free(&a);
  }
  assert_int_equal(at, bytes.len);
  lab_buf_free(&bytes);
}

static void reads_answers_one_after_the_other(void **state) {
  (void)state;
  for (size_t step = 1; step < 300; step++)
    check_answers(step);
}

static void takes_a_body_in_parts(void **state) {
  static const char text[] = "HTTP/1.1 200 OK\r\n\r\nabcdef";
  lab_http_answer a;
  lab_buf part = LAB_BUF_INIT;
  (void)state;
  lab_http_answer_init(&a, false, MAX_BODY);
  assert_false(a.has_head);
  assert_int_equal(lab_http_answer_feed(&a, text, sizeof text - 1),
                   LAB_HTTP_ANSWER_MORE);
  assert_true(a.has_head);
  assert_true(lab_http_answer_take(&a, 2, &part));
  check_piece(part.data, part.len, "ab");
  lab_buf_free(&part);
  assert_int_equal(lab_http_answer_feed(&a, "gh", 2), LAB_HTTP_ANSWER_MORE);
  assert_true(lab_http_answer_take(&a, 100, &part));
  check_piece(part.data, part.len, "cdefgh");
  lab_buf_free(&part);
  assert_true(lab_http_answer_take(&a, 100, &part));
  assert_int_equal(part.len, 0);
  lab_http_answer_free(&a);
}

/* ---- whole calls --------------------------------------------------------- */

typedef struct outcome {
  bool done;
  int error, status;
  char message[256], body[64];
  int open; /* sockets */
} outcome;

static int on_opened(void *arg, int fd) {
  outcome *o = arg;
  assert_true(fd >= 0);
  o->open++;
  return 0;
}

static void on_closing(void *arg, int fd) {
  outcome *o = arg;
  assert_true(fd >= 0);
  o->open--;
}

static void on_done(void *arg, lab_http_result *result) {
  outcome *o = arg;
  o->done = true;
  o->error = result->error;
  o->status = result->status;
  memcpy(o->message, result->message, sizeof o->message);
  assert_true(result->body.len < sizeof o->body);
  if (result->body.len > 0)
    memcpy(o->body, result->body.data, result->body.len);
}

static lab_http_call *begin(fixture *f, outcome *o, const char *url) {
  const lab_http_call_config config = {
      .method = "POST",
      .url = url,
      .headers = "X-Test: t\r\n",
      .body = "body",
      .body_len = 4,
      .max_body = 100,
      .opened = on_opened,
      .closing = on_closing,
      .done = on_done,
      .arg = o,
  };
  *o = (outcome){0};
  lab_http_call *call = lab_http_call_begin(&f->loop, &config);
  assert_false(o->done);
  return call;
}

static void calls_a_server(void **state) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr = {htonl(INADDR_LOOPBACK)}};
  char url[64];
  lab_err err;
  outcome o;
  fixture f;
  int port;
  (void)state;
  fixture_open(&f);
  assert_int_equal(
      lab_http_listen(f.server, (struct sockaddr *)&address, &port, &err), 0);
  snprintf(url, sizeof url, "http://127.0.0.1:%d/echo?q#f", port);
  begin(&f, &o, url);
  fixture_until(&f, o.done);
  assert_int_equal(o.error, 0);
  assert_int_equal(o.status, 200);
  assert_string_equal(o.body, "POST|/echo|q|host|t|body");
  assert_int_equal(o.open, 0);
  lab_http_call_cancel(begin(&f, &o, url));
  fixture_close(&f);
  assert_false(o.done);
  assert_int_equal(o.open, 0);
}

static void reports_a_bad_url_later(void **state) {
  outcome o;
  fixture f;
  (void)state;
  fixture_open(&f);
  begin(&f, &o, "http://a b");
  fixture_until(&f, o.done);
  assert_int_equal(o.error, -EINVAL);
  assert_string_equal(o.message, "invalid control character in URL");
  assert_int_equal(o.status, 0);
  fixture_close(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(splits_urls),
      cmocka_unit_test(names_places),
      cmocka_unit_test(refuses_bad_urls),
      cmocka_unit_test(bounds_the_host),
      cmocka_unit_test(reads_answers_cut_anywhere),
      cmocka_unit_test(bounds_the_headers),
      cmocka_unit_test(bounds_what_is_beside_the_body),
      cmocka_unit_test(many_small_chunks_are_no_burden),
      cmocka_unit_test(reads_answers_one_after_the_other),
      cmocka_unit_test(takes_a_body_in_parts),
      cmocka_unit_test(calls_a_server),
      cmocka_unit_test(reports_a_bad_url_later),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
