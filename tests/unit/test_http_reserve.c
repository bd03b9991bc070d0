/* SPDX-License-Identifier: MIT
 * The places in reserve: who has one, and who gives it up. */
#include "http/room.h"
#include "http/server_internal.h"
#include "http_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>

/* A request in work keeps its place; there are some more places then. */
static void the_reserve_is_above_the_maximum(void **state) {
  fixture f;
  (void)state;
  fixture_init(&f);
  f.config.max_connections = 1;
  f.config.reserve = 1;
  fixture_start(&f);
  int port = fixture_listen(&f), busy = fixture_connect(port),
      extra = fixture_connect(port);
  fixture_hold(&f, busy);
  assert_false(lab_http_is_reserved(f.held));
  lab_http_request *first = f.held;
  send_text(&f, extra, "GET /watch HTTP/1.1\r\nHost: a\r\n\r\n");
  fixture_until(&f, f.held != first);
  assert_true(lab_http_is_reserved(f.held));
  /* It is long work, and its handler watches: it gives way to another. */
  int another = fixture_connect(port);
  send_text(&f, another, GET);
  fixture_until(&f, f.gone == 1);
  lab_buf answer = LAB_BUF_INIT;
  receive_all(&f, extra, &answer);
  assert_non_null(strstr(answer.data, "HTTP/1.1 503 Service Unavailable\r\n"));
  assert_non_null(strstr(answer.data, ": there are too many connections"));
  lab_buf_clear(&answer);
  receive_all(&f, another, &answer);
  assert_non_null(strstr(answer.data, "Connection: close\r\n"));
  lab_buf_free(&answer);
  lab_http_error(first, 404, "no");
  close(another);
  close(busy);
  fixture_close(&f);
}

/* Long is what isn't called /hold, also where no handler watches. */
static bool is_kept(const lab_http_request *req, void *arg) {
  (void)arg;
  return strcmp(lab_http_path(req).data, "/hold") == 0;
}

/* Each of many long requests would have its moment; but those behind them don't
 * wait for that many times. */
static void many_long_requests_give_way_at_once(void **state) {
  enum { LONG = 12 };
  fixture f;
  (void)state;
  fixture_init(&f);
  f.config.max_connections = 1;
  f.config.reserve = 2;
  f.config.keeps_place = is_kept;
  fixture_start(&f);
  int port = fixture_listen(&f), busy = fixture_connect(port), crowd[LONG];
  fixture_hold(&f, busy);
  lab_http_request *first = f.held;
  int kept = fixture_connect(port);
  fixture_hold(&f, kept);
  lab_http_request *second = f.held;
  for (int i = 0; i < LONG; i++) {
    static const char watch[] = "GET /watch HTTP/1.1\r\nHost: a\r\n\r\n";
    crowd[i] = fixture_connect(port);
    assert_int_equal(write(crowd[i], watch, sizeof watch - 1),
                     sizeof watch - 1);
  }
  uint64_t began = lab_clock_mono();
  int last = fixture_connect(port);
  send_text(&f, last, GET);
  lab_buf answer = LAB_BUF_INIT;
  receive_all(&f, last, &answer);
  assert_non_null(strstr(answer.data, "hello world"));
  assert_true(lab_clock_mono() - began < 250 * LAB_MILLISECOND);
  assert_int_equal(f.gone, LONG);
  for (int i = 0; i < LONG; i++) {
    lab_buf_clear(&answer);
    receive_all(&f, crowd[i], &answer);
    assert_non_null(strstr(answer.data, " 503 "));
    close(crowd[i]);
  }
  lab_http_respond(second, 200, NULL, NULL, "kept", 4);
  lab_buf_clear(&answer);
  receive_all(&f, kept, &answer);
  assert_non_null(strstr(answer.data, "kept"));
  lab_buf_free(&answer);
  lab_http_error(first, 404, "no");
  close(kept);
  close(last);
  close(busy);
  fixture_close(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_reserve_is_above_the_maximum),
      cmocka_unit_test(many_long_requests_give_way_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
