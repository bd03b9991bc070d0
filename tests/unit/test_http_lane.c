/* SPDX-License-Identifier: MIT
 * Long requests are read in turns, and others don't wait for them. */
#include "http_fixture.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "http/server_internal.h"

enum { CROWD = 400, BODY = 16000, CHUNKS = 60000 };
#define LONG "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 16000\r\n\r\n"

static bool is_lane_empty(const fixture *f) {
  return lab_list_empty(&f->server->lane) && lab_list_empty(&f->server->fresh);
}

/* Everything that CROWD clients send: bodies in chunks of a byte, which takes
 * long to read. */
static void send_tiny_chunks(fixture *f, int fds[CROWD]) {
  lab_buf b = LAB_BUF_INIT;
  lab_buf_puts(&b, "POST /echo HTTP/1.1\r\nHost: a\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < CHUNKS / 6; i++)
    lab_buf_puts(&b, "1\r\nx\r\n");
  lab_buf_puts(&b, "0\r\n\r\n");
  for (int i = 0; i < CROWD; i++) {
    fds[i] = fixture_client(f);
    assert_int_equal(write(fds[i], b.data, b.len), b.len);
  }
  lab_buf_free(&b);
}

static void open_crowd(fixture *f, int fds[CROWD]) {
  fixture_open(f);
  send_tiny_chunks(f, fds);
}

/* How many of FDS have sent what the server hasn't read. */
static int count_unread(const int fds[CROWD]) {
  int count = 0;
  for (int i = 0; i < CROWD; i++) {
    int n = 0;
    assert_int_equal(ioctl(fds[i], SIOCOUTQ, &n), 0);
    count += n > 0;
  }
  return count;
}

static void drop_clients(const int fds[CROWD]) {
  for (int i = 0; i < CROWD; i++)
    close(fds[i]);
}

static void short_requests_come_first(void **state) {
  fixture f;
  int fds[CROWD];
  (void)state;
  open_crowd(&f, fds);
  int fd = fixture_client(&f);
  assert_int_equal(write(fd, GET, sizeof GET - 1), sizeof GET - 1);
  fixture_until(&f, f.requests == 1);
  assert_in_range(count_unread(fds), CROWD / 2, CROWD);
  expect_text(&f, fd, HELLO);
  fixture_until(&f, f.requests == 1 + CROWD); /* each has its turns */
  assert_true(is_lane_empty(&f));
  drop_clients(fds);
  close(fd);
  fixture_close(&f);
}

/* A browser's head is longer than one read. It was all sent at once, so it
 * comes before those that send for longer, and isn't late. */
static void fresh_heads_come_soon(void **state) {
  static char head[1600];
  fixture f;
  int fds[CROWD];
  (void)state;
  open_crowd(&f, fds);
  fixture_turn(&f);
  int fd = fixture_client(&f);
  int len =
      snprintf(head, sizeof head,
               "GET / HTTP/1.1\r\nHost: a\r\nCookie: %0*d\r\n\r\n", 1400, 1);
  assert_int_equal(write(fd, head, (size_t)len), len);
  for (int answer = 0; answer == 0;) {
    fixture_turn(&f);
    assert_in_range(count_unread(fds), CROWD / 2, CROWD);
    assert_int_equal(ioctl(fd, FIONREAD, &answer), 0);
  }
  expect_text(&f, fd, HELLO);
  drop_clients(fds);
  close(fd);
  fixture_close(&f);
}

/* Who has sent everything isn't told 408 because the server hasn't read it. */
static void who_waits_in_the_lane_is_not_late(void **state) {
  fixture f;
  int fds[CROWD];
  (void)state;
  fixture_init(&f);
  f.config.body_timeout_ms = 20;
  fixture_start(&f);
  send_tiny_chunks(&f, fds);
  fixture_turn(&f);
  fixture_turn(&f);
  assert_in_range(count_unread(fds), CROWD / 2, CROWD);
  usleep(50 * 1000);
  fixture_until(&f, f.requests == CROWD);
  drop_clients(fds);
  fixture_close(&f);
}

/* So that a turn is longer than what the lane has in a round. */
static void answer_slowly(lab_http_request *req, void *arg) {
  uint64_t end = lab_clock_mono() + 20000;
  while (lab_clock_mono() < end) {
  }
  fixture_answer(req, arg);
}

/* Nor may one connection take the turns of all: with many requests behind a
 * body that ends at once. */
static void a_turn_has_few_requests(void **state) {
  fixture f;
  static char text[65536];
  (void)state;
  fixture_init(&f);
  f.config.on_request = answer_slowly;
  fixture_start(&f);
  int fd = fixture_client(&f);
  int n = snprintf(text, sizeof text,
                   "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nX: "
                   "%0*d\r\n\r\n",
                   1100, 1);
  send_bytes(&f, fd, text, (size_t)n);
  fixture_until(&f, is_lane_empty(&f));
  size_t len = 0;
  text[len++] = 'x';
  for (; len + sizeof GET < sizeof text; len += sizeof GET - 1)
    memcpy(text + len, GET, sizeof GET - 1);
  assert_int_equal(write(fd, text, len), len);
  for (unsigned before = 0, turns = 0; turns < 3; turns++) {
    fixture_until(&f, f.requests > before);
    assert_in_range(f.requests - before, 1, 2 * 4096 / (sizeof GET - 1));
    before = f.requests;
    lab_buf answers = LAB_BUF_INIT;
    read_some(fd, &answers);
    lab_buf_free(&answers);
  }
  close(fd);
  fixture_close(&f);
}

/* Also if new clients come in every round. */
static void a_rush_leaves_a_turn(void **state) {
  fixture f;
  int fds[CROWD];
  (void)state;
  open_crowd(&f, fds);
  int port = fixture_listen(&f);
  fixture_turn(&f);
  for (int before = CROWD + 1, turns = 0; before > CROWD / 2; turns++) {
    int fd = fixture_connect(port);
    fixture_turn(&f);
    close(fd);
    assert_in_range(turns, 0, 100 * CROWD);
    before = count_unread(fds);
  }
  drop_clients(fds);
  fixture_close(&f);
}

/* One that leaves, or is closed, is in no list any more. */
static void clients_leave_the_lane(void **state) {
  fixture f;
  int fds[CROWD];
  (void)state;
  open_crowd(&f, fds);
  fixture_turn(&f);
  fixture_turn(&f);
  assert_false(is_lane_empty(&f));
  drop_clients(fds);
  fixture_until(&f, lab_http_connections(f.server) == 0);
  assert_true(is_lane_empty(&f));
  send_tiny_chunks(&f, fds);
  fixture_turn(&f);
  fixture_turn(&f);
  assert_false(is_lane_empty(&f));
  fixture_close(&f); /* it closes them */
  drop_clients(fds);
}

/* The lane is left where the next bytes are yet to come, and the end of what a
 * client sends is seen in it. */
static void long_requests_may_pause(void **state) {
  static char body[BODY];
  fixture f;
  (void)state;
  memset(body, 'x', sizeof body);
  fixture_open(&f);
  int fd = fixture_client(&f);
  send_text(&f, fd, LONG);
  for (int i = 0; i < 4; i++) {
    assert_int_equal(f.requests, 0);
    send_bytes(&f, fd, body + i * (BODY / 4), BODY / 4);
    fixture_until(&f, is_lane_empty(&f));
  }
  fixture_until(&f, f.requests == 1);
  int half = fixture_client(&f);
  send_text(&f, half, LONG);
  assert_int_equal(write(half, body, BODY / 2), BODY / 2);
  shutdown(half, SHUT_WR);
  expect_close(&f, half);
  close(fd);
  fixture_close(&f);
}

typedef struct watch {
  uv_prepare_t prepare;
  fixture *f;
  bool noted, awake; /* before the poll after the request was handled */
} watch;

static void note_poll(uv_prepare_t *prepare) {
  watch *w = LAB_CONTAINER(prepare, watch, prepare);
  if (w->f->requests == 0 || w->noted)
    return;
  w->noted = true;
  w->awake = uv_is_active((uv_handle_t *)&w->f->server->lane_idle);
}

/* The owner may do something for the request at the end of the loop's round. */
static void the_loop_does_not_sleep_on_a_request(void **state) {
  static char body[BODY];
  fixture f;
  watch w = {.f = &f};
  (void)state;
  memset(body, 'x', sizeof body);
  fixture_open(&f);
  uv_prepare_init(&f.loop, &w.prepare);
  uv_prepare_start(&w.prepare, note_poll);
  int fd = fixture_client(&f);
  send_text(&f, fd,
            "POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 16000\r\n\r\n");
  send_bytes(&f, fd, body, BODY);
  fixture_until(&f, w.noted);
  assert_true(w.awake);
  lab_http_respond(f.held, 200, NULL, NULL, "late", 4);
  uv_close((uv_handle_t *)&w.prepare, NULL);
  close(fd);
  fixture_close(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(short_requests_come_first),
      cmocka_unit_test(fresh_heads_come_soon),
      cmocka_unit_test(who_waits_in_the_lane_is_not_late),
      cmocka_unit_test(a_turn_has_few_requests),
      cmocka_unit_test(a_rush_leaves_a_turn),
      cmocka_unit_test(clients_leave_the_lane),
      cmocka_unit_test(long_requests_may_pause),
      cmocka_unit_test(the_loop_does_not_sleep_on_a_request),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
