/* SPDX-License-Identifier: MIT
 * One connection's life: answers in order, streams, clients that leave or don't
 * read, and the end of the server. */
#include "http_fixture.h"

static void respond_text(lab_http_request *req, const char *text) {
  lab_http_respond(req, 200, NULL, NULL, text, strlen(text));
}

static void head_has_the_same_headers_and_no_body(void **state) {
  fixture f;
  (void)state;
  fixture_open(&f);
  int fd = fixture_client(&f);
  send_text(&f, fd, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" GET);
  expect_text(&f, fd,
              "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n"
              "Content-Length: 11\r\n\r\n" HELLO);
  send_text(&f, fd, "HEAD /nope HTTP/1.1\r\nHost: a\r\n\r\n");
  expect_text(&f, fd,
              "HTTP/1.1 404 Not Found\r\nX-Content-Type-Options: nosniff\r\n"
              "Content-Type: text/plain; charset=utf-8\r\n"
              "Content-Length: 19\r\n\r\n");
  close(fd);
  fixture_close(&f);
}

static void closes_when_the_client_asks_for_it(void **state) {
  fixture f;
  (void)state;
  fixture_open(&f);
  int fd = fixture_client(&f);
  send_text(&f, fd, "GET / HTTP/1.0\r\n\r\n");
  expect_text(&f, fd,
              "HTTP/1.0 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n"
              "Content-Length: 11\r\n\r\nhello world");
  expect_close(&f, fd);
  fd = fixture_client(&f);
  send_text(&f, fd,
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" GET);
  expect_text(&f, fd,
              "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n"
              "Content-Length: 11\r\nConnection: close\r\n\r\nhello world");
  expect_close(&f, fd);
  assert_int_equal(f.requests, 2);
  fixture_close(&f);
}

static void no_content_has_neither_body_nor_length(void **state) {
  fixture f;
  (void)state;
  fixture_open(&f);
  int fd = fixture_client(&f);
  fixture_hold(&f, fd);
  lab_http_respond(f.held, 204, NULL, "X: y\r\n", "ignored", 7);
  expect_text(&f, fd, "HTTP/1.1 204 No Content\r\nX: y\r\n\r\n");
  close(fd);
  fixture_close(&f);
}

/* The second request must not even begin before the first is answered. */
static void late_answers_stay_in_order(void **state) {
  fixture f;
  (void)state;
  fixture_open(&f);
  int fd = fixture_client(&f);
  send_text(&f, fd, GET_HOLD GET GET);
  fixture_until(&f, f.held);
  for (int i = 0; i < 10; i++)
    fixture_turn(&f);
  assert_int_equal(f.requests, 1);
  respond_text(f.held, "late");
  expect_text(&f, fd,
              "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate" HELLO HELLO);
  close(fd);
  fixture_close(&f);
}

/* However much a client sends ahead, the server keeps only so much of it. */
static void reads_ahead_within_bounds(void **state) {
  fixture f;
  (void)state;
  fixture_open(&f);
  int fd = fixture_client(&f);
  fixture_hold(&f, fd);
  size_t sent = 0;
  for (int refused = 0; refused < 100; fixture_turn(&f)) {
    ssize_t n = write(fd, GET, sizeof GET - 1);
    refused = n < 0 ? refused + 1 : 0;
    if (n > 0) {
      assert_int_equal(n, sizeof GET - 1);
      sent++;
    }
    assert_true(sent * sizeof GET < 8 << 20);
  }
  respond_text(f.held, "");
  fixture_until(&f, f.requests == sent + 1);
  close(fd);
  fixture_close(&f);
}

static void notices_a_client_that_leaves(void **state) {
  fixture f;
  (void)state;
  fixture_open(&f);
  int fd = fixture_client(&f);
  send_text(&f, fd, "GET /watch HTTP/1.1\r\nHost: a\r\n\r\n" GET);
  fixture_until(&f, f.held);
  close(fd);
  fixture_until(&f, f.gone == 1);
  fixture_until(&f, lab_http_connections(f.server) == 0);
  assert_int_equal(f.requests, 1);
  fixture_close(&f);
}

static void held_request_outlives_its_client(void **state) {
  fixture f;
  (void)state;
  fixture_open(&f);
  int fd = fixture_client(&f);
  send_text(&f, fd, "GET /watch?q HTTP/1.1\r\nHost: a\r\n\r\n");
  fixture_until(&f, f.held);
  lab_http_hold(f.held);
  close(fd);
  fixture_until(&f, f.gone == 1);
  assert_string_equal(lab_http_query(f.held).data, "q");
  respond_text(f.held, "to nobody");
  fixture_close(&f);
  assert_string_equal(lab_http_query(f.held).data, "q");
  lab_http_release(f.held);
}

static void held_request_outlives_its_answer(void **state) {
  fixture f;
  (void)state;
  fixture_open(&f);
  int fd = fixture_client(&f);
  send_text(&f, fd, "GET /hold?q HTTP/1.1\r\nHost: a\r\n\r\n");
  fixture_until(&f, f.held);
  lab_http_request *first = f.held;
  lab_http_hold(first);
  respond_text(first, "");
  send_text(&f, fd, "GET /hold?r HTTP/1.1\r\nHost: a\r\n\r\n");
  fixture_until(&f, f.held != first);
  assert_string_equal(lab_http_query(first).data, "q");
  lab_http_release(first);
  respond_text(f.held, "");
  close(fd);
  fixture_close(&f);
}

/* Nobody watches: the request lives until its answer, which goes nowhere. */
static void unwatched_request_is_answered_to_nobody(void **state) {
  fixture f;
  (void)state;
  fixture_open(&f);
  int fd = fixture_client(&f);
  fixture_hold(&f, fd);
  close(fd);
  fixture_turn(&f);
  lab_http_server_abort(f.server);
  assert_true(lab_http_is_gone(f.held));
  fixture_close(&f);
  respond_text(f.held, "to nobody");
}

/* As printf ... | nc -N does. */
static void answers_a_client_that_closed_its_half(void **state) {
  fixture f;
  (void)state;
  fixture_open(&f);
  int fd = fixture_client(&f);
  send_text(&f, fd, GET_HOLD GET);
  shutdown(fd, SHUT_WR);
  fixture_until(&f, f.held);
  fixture_turn(&f);
  respond_text(f.held, "late");
  expect_text(&f, fd, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate" HELLO);
  expect_close(&f, fd);
  fixture_close(&f);
}

static void write_part(lab_http_request *req, const char *text) {
  lab_buf b = LAB_BUF_INIT;
  lab_buf_puts(&b, text);
  assert_int_equal(lab_http_stream_write(req, &b), 0);
  assert_null(b.data);
}

static void streams_in_chunks(void **state) {
  fixture f;
  (void)state;
  fixture_open(&f);
  int fd = fixture_client(&f);
  send_text(&f, fd, GET_HOLD GET);
  fixture_until(&f, f.held);
  lab_http_stream_begin(f.held, 200, "text/plain", NULL);
  expect_text(&f, fd,
              "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
              "Transfer-Encoding: chunked\r\n\r\n");
  write_part(f.held, "hello, ");
  expect_text(&f, fd, "7\r\nhello, \r\n");
  write_part(f.held, "");
  write_part(f.held, "seventeen letters");
  lab_http_stream_end(f.held);
  expect_text(&f, fd, "11\r\nseventeen letters\r\n0\r\n\r\n" HELLO);
  close(fd);
  fixture_close(&f);
}

static void streams_to_http10_until_the_end(void **state) {
  fixture f;
  (void)state;
  fixture_open(&f);
  int fd = fixture_client(&f);
  send_text(&f, fd, "GET /hold HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  fixture_until(&f, f.held);
  lab_http_stream_begin(f.held, 200, NULL, NULL);
  write_part(f.held, "part");
  lab_http_stream_end(f.held);
  expect_text(&f, fd, "HTTP/1.0 200 OK\r\n\r\npart");
  expect_close(&f, fd);
  fixture_close(&f);
}

static void stream_to_head_is_only_a_head(void **state) {
  fixture f;
  (void)state;
  fixture_open(&f);
  int fd = fixture_client(&f);
  send_text(&f, fd, "HEAD /hold HTTP/1.1\r\nHost: a\r\n\r\n" GET);
  fixture_until(&f, f.held);
  lab_http_stream_begin(f.held, 200, NULL, NULL);
  write_part(f.held, "part");
  lab_http_stream_end(f.held);
  expect_text(&f, fd, "HTTP/1.1 200 OK\r\n\r\n" HELLO);
  close(fd);
  fixture_close(&f);
}

typedef struct source {
  unsigned chunks; /* still to be written */
  unsigned drains;
  size_t most; /* pending at any time */
} source;

#define CHUNK 100000

/* A well-behaved source: writes while nothing is pending. */
static void produce(lab_http_request *req, void *arg) {
  source *s = arg;
  s->drains++;
  while (s->chunks > 0 && lab_http_stream_pending(req) == 0) {
    lab_buf b = LAB_BUF_INIT;
    memset(lab_buf_reserve(&b, CHUNK), 'x', CHUNK);
    b.len = CHUNK;
    s->chunks--;
    lab_http_stream_write(req, &b);
    size_t pending = lab_http_stream_pending(req);
    s->most = pending > s->most ? pending : s->most;
  }
  if (s->chunks == 0)
    lab_http_stream_end(req);
}

static void stream_waits_for_a_slow_client(void **state) {
  fixture f;
  source s = {.chunks = 100};
  lab_buf got = LAB_BUF_INIT;
  (void)state;
  fixture_open(&f);
  int fd = fixture_client(&f);
  send_text(&f, fd,
            "GET /hold HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  fixture_until(&f, f.held);
  lab_http_stream_begin(f.held, 200, NULL, NULL);
  lab_http_stream_on_drain(f.held, produce, &s);
  produce(f.held, &s);
  for (int i = 0; i < 100; i++)
    fixture_turn(&f); /* nobody reads: nothing moves */
  assert_true(s.chunks > 50);
  receive_all(&f, fd, &got);
  assert_int_equal(s.chunks, 0);
  assert_true(s.drains > 1);
  assert_true(s.most > 0 && s.most < CHUNK + 100);
  size_t body = 0;
  for (size_t i = 0; i < got.len; i++)
    body += got.data[i] == 'x';
  assert_int_equal(body, 100 * CHUNK);
  lab_buf_free(&got);
  close(fd);
  fixture_close(&f);
}

static void stream_notices_that_its_client_left(void **state) {
  fixture f;
  (void)state;
  fixture_open(&f);
  int fd = fixture_client(&f);
  send_text(&f, fd, "GET /watch HTTP/1.1\r\nHost: a\r\n\r\n");
  fixture_until(&f, f.held);
  lab_http_stream_begin(f.held, 200, NULL, NULL);
  close(fd);
  lab_buf b = LAB_BUF_INIT;
  lab_buf_puts(&b, "to nobody");
  assert_int_equal(lab_http_stream_write(f.held, &b), -ECONNRESET);
  assert_int_equal(f.gone, 0); /* never told from inside an answer */
  fixture_until(&f, f.gone == 1);
  fixture_close(&f);
}

/* Big answers pile up in front of a client that doesn't read: the server
 * begins no further request until they are out. */
static void big_answers_block_further_requests(void **state) {
  fixture f;
  lab_buf got = LAB_BUF_INIT;
  (void)state;
  fixture_open(&f);
  int fd = fixture_client(&f);
  static const char big[] = "GET /big HTTP/1.1\r\nHost: a\r\n\r\n";
  for (int i = 0; i < 4; i++)
    send_text(&f, fd, big);
  for (int i = 0; i < 100; i++)
    fixture_turn(&f);
  assert_int_equal(f.requests, 1);
  size_t wanted = (size_t)4 * (4 << 20), body = 0, seen = 0;
  uint64_t end = find_wait_end();
  while (body < wanted) {
    fixture_turn(&f);
    assert_true(read_some(fd, &got));
    for (; seen < got.len; seen++)
      body += got.data[seen] == 'x';
    assert_true(lab_clock_mono() < end);
  }
  assert_int_equal(f.requests, 4);
  lab_buf_free(&got);
  close(fd);
  fixture_close(&f);
}

static void close_lets_running_requests_finish(void **state) {
  fixture f;
  (void)state;
  fixture_open(&f);
  int idle = fixture_client(&f), busy = fixture_client(&f);
  int unused = fixture_client(&f);
  send_text(&f, idle, GET);
  expect_text(&f, idle, HELLO);
  send_text(&f, busy, GET_HOLD GET);
  fixture_until(&f, f.held);
  lab_http_server_close(f.server, fixture_on_closed, &f);
  expect_close(&f, idle);
  expect_close(&f, unused);
  assert_false(f.closed);
  respond_text(f.held, "last");
  expect_text(&f, busy,
              "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n"
              "Connection: close\r\n\r\nlast");
  expect_close(&f, busy);
  fixture_until(&f, f.closed);
  assert_int_equal(f.requests, 2);
  assert_int_equal(uv_loop_close(&f.loop), 0);
}

static void abort_tells_the_watchers(void **state) {
  fixture f;
  (void)state;
  fixture_open(&f);
  int fd = fixture_client(&f);
  send_text(&f, fd, "GET /watch HTTP/1.1\r\nHost: a\r\n\r\n");
  fixture_until(&f, f.held);
  lab_http_server_abort(f.server);
  assert_int_equal(f.gone, 1);
  expect_close(&f, fd);
  fixture_close(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(head_has_the_same_headers_and_no_body),
      cmocka_unit_test(closes_when_the_client_asks_for_it),
      cmocka_unit_test(no_content_has_neither_body_nor_length),
      cmocka_unit_test(late_answers_stay_in_order),
      cmocka_unit_test(reads_ahead_within_bounds),
      cmocka_unit_test(notices_a_client_that_leaves),
      cmocka_unit_test(held_request_outlives_its_client),
      cmocka_unit_test(held_request_outlives_its_answer),
      cmocka_unit_test(unwatched_request_is_answered_to_nobody),
      cmocka_unit_test(answers_a_client_that_closed_its_half),
      cmocka_unit_test(streams_in_chunks),
      cmocka_unit_test(streams_to_http10_until_the_end),
      cmocka_unit_test(stream_to_head_is_only_a_head),
      cmocka_unit_test(stream_waits_for_a_slow_client),
      cmocka_unit_test(stream_notices_that_its_client_left),
      cmocka_unit_test(big_answers_block_further_requests),
      cmocka_unit_test(close_lets_running_requests_finish),
      cmocka_unit_test(abort_tells_the_watchers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
