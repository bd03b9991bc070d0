/* SPDX-License-Identifier: MIT
 * Clients that are slow: how long a connection waits for which part of a
 * request, and for who doesn't take an answer. */
#include "http_fixture.h"

#define TIMEOUT                                                                \
  "HTTP/1.1 408 Request Timeout\r\n"                                           \
  "Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"       \
  "408 Request Timeout"

/* All that comes after SENT. */
static lab_buf receive_timeout(const char *sent, uint64_t header_ms,
                               uint64_t body_ms, uint64_t idle_ms) {
  fixture f;
  fixture_init(&f);
  f.config.header_timeout_ms = header_ms;
  f.config.body_timeout_ms = body_ms;
  f.config.idle_timeout_ms = idle_ms;
  fixture_start(&f);
  int fd = fixture_client(&f);
  send_text(&f, fd, sent);
  lab_buf b = LAB_BUF_INIT;
  receive_all(&f, fd, &b);
  close(fd);
  fixture_close(&f);
  return b;
}

static void check_timeout(const char *sent, uint64_t header_ms,
                          uint64_t body_ms, uint64_t idle_ms,
                          const char *answer) {
  lab_buf b = receive_timeout(sent, header_ms, body_ms, idle_ms);
  assert_string_equal(b.data, answer);
  lab_buf_free(&b);
}

/* A time that this process may stop for at any moment is no time-out: what was
 * sent in time would come too late. */
static const uint64_t first_ms = 20, longest_ms = 20 << 8;

static void check_idle_after_an_answer(void) {
  static const uint64_t never = 1000000;
  bool is_in_time = false;
  for (uint64_t ms = first_ms; !is_in_time && ms <= longest_ms; ms *= 4) {
    lab_buf b = receive_timeout(GET, never, never, ms);
    is_in_time = strcmp(b.data, TIMEOUT) != 0;
    if (is_in_time)
      assert_string_equal(b.data, HELLO TIMEOUT);
    lab_buf_free(&b);
  }
  assert_true(is_in_time);
}

static void times_out_with_408(void **state) {
  static const uint64_t never = 1000000;
  (void)state;
  check_timeout("GET / HT", 40, never, never, TIMEOUT);
  check_timeout("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab",
                never, 40, never, TIMEOUT);
  check_timeout("", never, never, 40, TIMEOUT);
  check_idle_after_an_answer();
}

static void turn_loop(fixture *f, uint64_t ms) {
  uint64_t end = lab_clock_mono() + ms * LAB_MILLISECOND;
  while (lab_clock_mono() < end)
    uv_run(&f->loop, UV_RUN_ONCE);
}

/* Two clients, one silent from the beginning, through many sweeps. */
static void stays_open_without_a_limit(void **state) {
  fixture f;
  (void)state;
  fixture_init(&f);
  f.config.idle_timeout_ms = 0;
  f.config.body_timeout_ms = f.config.write_timeout_ms = 40;
  fixture_start(&f);
  int fds[2] = {fixture_client(&f), fixture_client(&f)};
  send_text(&f, fds[0], GET);
  expect_text(&f, fds[0], HELLO);
  turn_loop(&f, 200);
  for (int i = 0; i < 2; i++) {
    send_text(&f, fds[i], GET);
    expect_text(&f, fds[i], HELLO);
    close(fds[i]);
  }
  fixture_close(&f);
}

/* Such a client has to send the rest of what it has begun. */
static void begun_requests_are_timed_without_a_limit(void **state) {
  (void)state;
  check_timeout("GET / HT", 40, 1000000, 0, TIMEOUT);
}

/* A handler that takes ten times as long as all time-outs, which are MS. False:
 * the request came too late. */
static bool hold_request(uint64_t ms) {
  fixture f;
  fixture_init(&f);
  f.config.header_timeout_ms = f.config.body_timeout_ms = ms;
  f.config.idle_timeout_ms = f.config.write_timeout_ms = ms;
  fixture_start(&f);
  int fd = fixture_client(&f);
  send_text(&f, fd, GET_HOLD);
  fixture_until(&f, f.held || lab_http_connections(f.server) == 0);
  bool is_held = f.held != NULL;
  if (is_held) {
    turn_loop(&f, 10 * ms);
    assert_false(lab_http_is_gone(f.held));
    lab_http_respond(f.held, 200, NULL, NULL, "late", 4);
    lab_buf b = LAB_BUF_INIT;
    receive_all(&f, fd, &b);
    assert_string_equal(
        b.data, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate" TIMEOUT);
    lab_buf_free(&b);
  }
  close(fd);
  fixture_close(&f);
  return is_held;
}

/* A handler may take as long as it likes. */
static void handlers_are_not_timed(void **state) {
  (void)state;
  uint64_t ms = first_ms;
  while (!hold_request(ms) && ms <= longest_ms)
    ms *= 4;
  assert_true(ms <= longest_ms);
}

static void cuts_off_who_takes_nothing(void **state) {
  fixture f;
  (void)state;
  fixture_init(&f);
  f.config.write_timeout_ms = 40;
  fixture_start(&f);
  int fd = fixture_client(&f);
  send_text(&f, fd, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
  fixture_until(&f, f.requests == 1);
  fixture_until(&f, lab_http_connections(f.server) == 0);
  close(fd);
  fixture_close(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(times_out_with_408),
      cmocka_unit_test(stays_open_without_a_limit),
      cmocka_unit_test(begun_requests_are_timed_without_a_limit),
      cmocka_unit_test(handlers_are_not_timed),
      cmocka_unit_test(cuts_off_who_takes_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
