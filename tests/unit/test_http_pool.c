/* SPDX-License-Identifier: MIT
 * Connections that calls share: when one is used again, and when it ends. */
#include "http_story.h"

/* ---- keeping ------------------------------------------------------------- */

static void uses_a_connection_again(void **state) {
  static const char *const answers[] = {
      OK_2, "HTTP/1.1 204 No Content\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      "2\r\nab\r\n0\r\n\r\n",
      "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
      "HTTP/1.1 100 Continue\r\n\r\n" OK_2};
  story s;
  (void)state;
  open_story(&s, 0);
  call *c = begin(&s);
  int fd = accept_one(&s);
  for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
    serve_on(&s, c, fd, answers[i]);
    assert_int_equal(c->error, 0);
    assert_int_equal(s.open, 1);
    c = begin(&s);
  }
  serve_on(&s, c, fd, OK_2);
  assert_string_equal(c->body, "ab");
  c = begin_as(&s, 0, "HEAD", false);
  serve_on(&s, c, fd, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n");
  assert_int_equal(c->status, 200);
  assert_int_equal(s.open, 1);
  assert_int_equal(s.opened, 1);
  lab_http_pool_close(s.pool);
  s.pool = NULL;
  assert_int_equal(s.open, 0);
  assert_closed(&s, fd);
  close_story(&s);
}

/* What ends a connection, though the answer is in order. */
static void keeps_none_that_isnt_in_order(void **state) {
  static const struct {
    const char *answer;
    bool closes;
  } cases[] = {
      {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab",
       false},
      {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab", false},
      {"HTTP/1.1 200 OK\r\n\r\nab", true},
      {OK_2 "HTTP/1.1 200 OK", false},
      {OK_2 OK_2, false},
      {"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nab", false},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char request[1024];
    story s;
    open_story(&s, 0);
    call *c = begin(&s);
    int fd = accept_one(&s);
    read_request(&s, fd, request, sizeof request);
    say(fd, cases[i].answer);
    if (cases[i].closes)
      shutdown(fd, SHUT_WR);
    story_until(&s, c->done);
    assert_int_equal(c->error, 0);
    assert_int_equal(s.open, 0);
    assert_closed(&s, fd);
    close_story(&s);
  }
}

static void opens_one_for_each_call_at_a_time(void **state) {
  story s;
  (void)state;
  open_story(&s, 0);
  call *a = begin_as(&s, 0, "GET", false);
  int first = accept_one(&s);
  call *b = begin_as(&s, 1, "GET", false);
  int second = accept_one(&s);
  assert_int_equal(s.open, 2);
  serve_on(&s, b, second, OK_2);
  serve_on(&s, a, first, OK_2);
  assert_int_equal(s.open, 2);
  serve_on(&s, begin(&s), first, OK_2); /* that was used last */
  assert_int_equal(s.opened, 2);
  close_story(&s);
  close(first);
  close(second);
}

static void knows_places_apart(void **state) {
  story s, other;
  (void)state;
  open_story(&s, 0);
  open_story(&other, 0);
  call *c = begin(&s);
  int fd = accept_one(&s);
  serve_on(&s, c, fd, OK_2);
  int port = s.port;
  s.port = other.port;
  c = begin_as(&s, 1, "GET", false);
  uint64_t end = find_wait_end();
  while (!is_readable(other.listener)) {
    assert_true(lab_clock_mono() < end);
    uv_run(&s.loop, UV_RUN_NOWAIT);
  }
  int elsewhere = accept(other.listener, NULL, NULL);
  serve_on(&s, c, elsewhere, OK_2);
  assert_int_equal(s.open, 2);
  s.port = port;
  serve_on(&s, begin(&s), fd, OK_2);
  close_story(&s);
  close_story(&other);
  close(fd);
  close(elsewhere);
}

/* ---- the end of one that is kept ----------------------------------------- */

static void closes_one_that_is_idle(void **state) {
  story s;
  (void)state;
  open_story(&s, 1);
  call *a = begin_as(&s, 0, "GET", false);
  int first = accept_one(&s);
  call *b = begin_as(&s, 1, "GET", false);
  int second = accept_one(&s);
  serve_on(&s, a, first, OK_2);
  serve_on(&s, b, second, OK_2);
  story_until(&s, s.open == 0);
  assert_closed(&s, first);
  assert_closed(&s, second);
  close_story(&s);
}

static void notices_that_the_server_closes(void **state) {
  story s;
  (void)state;
  open_story(&s, 0);
  call *c = begin(&s);
  int fd = accept_one(&s);
  serve_on(&s, c, fd, OK_2);
  close(fd);
  story_until(&s, s.open == 0);
  c = begin(&s);
  fd = accept_one(&s);
  serve_on(&s, c, fd, OK_2);
  assert_int_equal(s.open, 1);
  say(fd, "what nobody has asked for");
  assert_closed(&s, fd);
  assert_int_equal(s.open, 0);
  close_story(&s);
}

/* The server closes when it should answer: what the client sends then. */
static call *meet_a_close(story *s, const char *method, int *fd) {
  char request[1024];
  call *c = begin(s);
  *fd = accept_one(s);
  serve_on(s, c, *fd, OK_2);
  c = begin_as(s, 1, method, false);
  read_request(s, *fd, request, sizeof request);
  close(*fd);
  return c;
}

static void sends_again_what_changes_nothing(void **state) {
  static const char *const safe[] = {"GET", "OPTIONS", "TRACE"};
  (void)state;
  for (size_t i = 0; i < sizeof safe / sizeof *safe; i++) {
    story s;
    int fd;
    open_story(&s, 0);
    call *c = meet_a_close(&s, safe[i], &fd);
    fd = accept_one(&s);
    serve_on(&s, c, fd, OK_2);
    assert_int_equal(c->error, 0);
    assert_string_equal(c->body, "ab");
    assert_int_equal(s.opened, 2);
    assert_int_equal(s.open, 1);
    close_story(&s);
    close(fd);
  }
}

static void sends_again_only_once(void **state) {
  char request[1024];
  story s;
  int fd;
  (void)state;
  open_story(&s, 0);
  call *c = meet_a_close(&s, "GET", &fd);
  fd = accept_one(&s);
  read_request(&s, fd, request, sizeof request);
  close(fd);
  story_until(&s, c->done);
  assert_int_equal(c->error, -ECONNRESET);
  assert_int_equal(s.opened, 2);
  close_story(&s);
}

static void sends_nothing_again_that_may_have_worked(void **state) {
  char request[1024];
  story s;
  int fd;
  (void)state;
  open_story(&s, 0);
  call *c = meet_a_close(&s, "POST", &fd);
  story_until(&s, c->done);
  assert_int_equal(c->error, -ECONNRESET);
  assert_non_null(strstr(c->message, "closed the idle connection"));
  assert_int_equal(s.opened, 1);
  c = begin(&s); /* the answer has begun */
  fd = accept_one(&s);
  serve_on(&s, c, fd, OK_2);
  c = begin(&s);
  read_request(&s, fd, request, sizeof request);
  say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab");
  shutdown(fd, SHUT_WR);
  story_until(&s, c->done);
  assert_int_equal(c->error, -ECONNRESET);
  assert_int_equal(s.opened, 2);
  close_story(&s);
  close(fd);
}

/* ---- the pool's end ------------------------------------------------------ */

static void closes_what_is_under_way(void **state) {
  story s;
  int fd;
  (void)state;
  open_story(&s, 0);
  call *held = get_head(&s, &fd, OK_2);
  call *asks = begin_as(&s, 1, "GET", false);
  int second = accept_one(&s);
  call *dials = begin_as(&s, 2, "GET", false);
  assert_false(dials->done);
  lab_http_pool_close(s.pool);
  s.pool = NULL;
  assert_int_equal(s.open, 0);
  assert_true(asks->done && dials->done);
  assert_int_equal(asks->error, -ECANCELED);
  assert_string_equal(asks->message, "the client is closed");
  assert_int_equal(dials->error, -ECANCELED);
  assert_false(held->done); /* nobody has asked */
  lab_http_call_read(held->call, 1);
  assert_true(held->done);
  assert_int_equal(held->error, -ECANCELED);
  close_story(&s);
  close(fd);
  close(second);
}

static void drains_bit_by_bit(void **state) {
  enum { KEPT = 3, MOST = 2 };
  story s;
  int fds[KEPT];
  (void)state;
  open_story(&s, 0);
  for (unsigned i = 0; i < KEPT; i++) {
    begin_as(&s, i, "GET", false);
    fds[i] = accept_one(&s);
  }
  for (unsigned i = 0; i < KEPT; i++)
    serve_on(&s, &s.calls[i], fds[i], OK_2);
  assert_int_equal(s.open, KEPT);
  assert_false(lab_http_pool_drain(s.pool, MOST));
  assert_int_equal(s.open, KEPT - MOST);
  assert_true(lab_http_pool_drain(s.pool, MOST));
  assert_int_equal(s.open, 0);
  for (unsigned i = 0; i < KEPT; i++)
    assert_closed(&s, fds[i]);
  close_story(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(drains_bit_by_bit),
      cmocka_unit_test(uses_a_connection_again),
      cmocka_unit_test(keeps_none_that_isnt_in_order),
      cmocka_unit_test(opens_one_for_each_call_at_a_time),
      cmocka_unit_test(knows_places_apart),
      cmocka_unit_test(closes_one_that_is_idle),
      cmocka_unit_test(notices_that_the_server_closes),
      cmocka_unit_test(sends_again_what_changes_nothing),
      cmocka_unit_test(sends_again_only_once),
      cmocka_unit_test(sends_nothing_again_that_may_have_worked),
      cmocka_unit_test(closes_what_is_under_way),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
