/* SPDX-License-Identifier: MIT
 * Long requests are read in turns, and others don't wait for them. */
#include "http_fixture.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "http/server_internal.h"

enum { CROWD = 400, BODY = 16000 };
#define LONG "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 16000\r\n\r\n"

/* Everything that CROWD clients send: bodies in chunks of a byte, which takes
 * long to read. */
static void send_tiny_chunks(fixture *f, int fds[CROWD]) {
  lab_buf b = LAB_BUF_INIT;
  lab_buf_puts(&b, "POST /echo HTTP/1.1\r\nHost: a\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < BODY / 6; i++)
    lab_buf_puts(&b, "1\r\nx\r\n");
  lab_buf_puts(&b, "0\r\n\r\n");
  for (int i = 0; i < CROWD; i++) {
    fds[i] = fixture_client(f);
    assert_int_equal(write(fds[i], b.data, b.len), b.len);
  }
  lab_buf_free(&b);
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
  fixture_open(&f);
  send_tiny_chunks(&f, fds);
  int fd = fixture_client(&f);
  assert_int_equal(write(fd, GET, sizeof GET - 1), sizeof GET - 1);
  fixture_until(&f, f.requests == 1);
  assert_in_range(count_unread(fds), CROWD / 2, CROWD);
  expect_text(&f, fd, HELLO);
  fixture_until(&f, f.requests == 1 + CROWD); /* each has its turns */
  assert_true(lab_list_empty(&f.server->lane));
  drop_clients(fds);
  close(fd);
  fixture_close(&f);
}

/* Also if new clients come in every round. */
static void a_rush_leaves_a_turn(void **state) {
  fixture f;
  int fds[CROWD];
  (void)state;
  fixture_open(&f);
  int port = fixture_listen(&f);
  send_tiny_chunks(&f, fds);
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
  fixture_open(&f);
  send_tiny_chunks(&f, fds);
  fixture_turn(&f);
  fixture_turn(&f);
  assert_false(lab_list_empty(&f.server->lane));
  drop_clients(fds);
  fixture_until(&f, lab_http_connections(f.server) == 0);
  assert_true(lab_list_empty(&f.server->lane));
  send_tiny_chunks(&f, fds);
  fixture_turn(&f);
  fixture_turn(&f);
  assert_false(lab_list_empty(&f.server->lane));
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
    fixture_until(&f, lab_list_empty(&f.server->lane));
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
      cmocka_unit_test(a_rush_leaves_a_turn),
      cmocka_unit_test(clients_leave_the_lane),
      cmocka_unit_test(long_requests_may_pause),
      cmocka_unit_test(the_loop_does_not_sleep_on_a_request),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
