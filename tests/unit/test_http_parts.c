/* SPDX-License-Identifier: MIT
 * Answers that are taken in parts. */
#include "http_story.h"

static void gives_an_answer_in_parts(void **state) {
  story s;
  int fd;
  (void)state;
  open_story(&s, 0);
  call *c =
      get_head(&s, &fd, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
  assert_false(c->done);
  lab_http_call_read(c->call, 2); /* they have come already, or will */
  story_until(&s, c->parts == 1);
  assert_string_equal(c->body, "ab");
  lab_http_call_read(c->call, 2);
  uv_run(&s.loop, UV_RUN_NOWAIT);
  assert_int_equal(c->parts, 1);
  say(fd, "def");
  story_until(&s, c->parts == 2);
  assert_string_equal(c->body, "abcd");
  assert_int_equal(s.open, 1);
  call *other = begin_as(&s, 1, "GET", false); /* the first is still in use */
  int second = accept_one(&s);
  serve_on(&s, other, second, OK_2);
  lab_http_call_read(c->call, 100);
  story_until(&s, c->done);
  assert_int_equal(c->error, 0);
  assert_string_equal(c->body, "abcdef");
  assert_int_equal(s.open, 2);
  serve_on(&s, begin(&s), fd, OK_2);
  close_story(&s);
  close(fd);
  close(second);
}

static void is_done_when_there_is_no_body(void **state) {
  story s;
  int fd;
  (void)state;
  open_story(&s, 0);
  call *c = get_head(&s, &fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  assert_true(c->done);
  assert_false(c->headed);
  assert_int_equal(c->status, 200);
  assert_int_equal(s.open, 1);
  close_story(&s);
  close(fd);
}

/* Chunks, whose end comes after the last byte. */
static void finds_the_end_by_reading_on(void **state) {
  story s;
  int fd;
  (void)state;
  open_story(&s, 0);
  call *c = get_head(&s, &fd,
                     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "2\r\nab\r\n");
  lab_http_call_read(c->call, 2);
  story_until(&s, c->parts == 1);
  lab_http_call_read(c->call, SIZE_MAX);
  say(fd, "1\r\nc\r\n0\r\n\r\n");
  story_until(&s, c->done);
  assert_int_equal(c->error, 0);
  assert_string_equal(c->body, "abc");
  assert_int_equal(s.open, 1);
  close_story(&s);
  close(fd);
}

static void ends_in_the_midst_of_an_answer(void **state) {
  story s;
  int fd;
  (void)state;
  open_story(&s, 0);
  call *c = get_head(&s, &fd, OK_2);
  lab_http_call_cancel(c->call);
  assert_int_equal(s.open, 0);
  assert_closed(&s, fd);
  c = get_head(&s, &fd, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab");
  lab_http_call_read(c->call, 5);
  shutdown(fd, SHUT_WR);
  story_until(&s, c->done);
  assert_int_equal(c->error, -ECONNRESET);
  assert_int_equal(s.open, 0);
  close(fd);
  c = get_head(&s, &fd,
               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  lab_http_call_read(c->call, 5);
  say(fd, "zz\r\n");
  story_until(&s, c->done);
  assert_int_equal(c->error, -EPROTO);
  assert_int_equal(s.open, 0);
  close(fd);
  close_story(&s);
}

/* Max_body is for what is kept at a time. */
static void bounds_a_part(void **state) {
  char text[512];
  story s;
  int fd;
  (void)state;
  open_story(&s, 0);
  call *c = get_head(&s, &fd, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
  memset(text, 'x', 180);
  text[180] = '\0';
  for (int i = 0; i < 2; i++) { /* 360 bytes */
    lab_http_call_read(c->call, 180);
    say(fd, text);
    story_until(&s, c->parts == (unsigned)i + 1);
    c->body[0] = '\0';
  }
  lab_http_call_read(c->call, SIZE_MAX);
  say(fd, text);
  story_until(&s, c->done);
  assert_int_equal(c->error, 0);
  close(fd);
  c = get_head(&s, &fd, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
  lab_http_call_read(c->call, SIZE_MAX);
  say(fd, text);
  say(fd, text);
  story_until(&s, c->done);
  assert_int_equal(c->error, -EMSGSIZE);
  close_story(&s);
  close(fd);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gives_an_answer_in_parts),
      cmocka_unit_test(is_done_when_there_is_no_body),
      cmocka_unit_test(finds_the_end_by_reading_on),
      cmocka_unit_test(ends_in_the_midst_of_an_answer),
      cmocka_unit_test(bounds_a_part),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
