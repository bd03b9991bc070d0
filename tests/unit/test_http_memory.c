/* SPDX-License-Identifier: MIT
 * What a connection keeps while its request is in work, the head and what was
 * sent ahead, has limits, and a refusal is answered. */
#include "http_fixture.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "http/server_internal.h"

enum { AHEAD = 4096, LONG = 6000, CROWD = 12 };
#define LATE_AND_CLOSE                                                         \
  "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nlate"
#define NO_MEMORY "503 Service Unavailable: not enough memory for the request"

/* ---- a scenario's memory ------------------------------------------------- */

static size_t used, most;

static void *realloc_limited(void *p, size_t old, size_t size) {
  old = p ? old : 0;
  if (size > old && size - old > most - used)
    return NULL;
  void *fresh = realloc(p, size);
  assert_non_null(fresh);
  used += size - old;
  return fresh;
}

static void free_limited(void *p, size_t size) {
  used -= size;
  free(p);
}

static void open_counted(fixture *f, size_t limit) {
  static const lab_counted_allocator limited = {realloc_limited, free_limited};
  lab_alloc_install_counted(&limited);
  used = 0;
  most = limit;
  fixture_init(f);
  f->config.counts_all = true;
  fixture_start(f);
}

static void close_counted(fixture *f) {
  fixture_close(f);
  assert_int_equal(used, 0);
}

/* ---- clients ------------------------------------------------------------- */

/* Asks for /hold, and sends AHEAD bytes in the same piece, which are read. */
static int hold_with_more(fixture *f) {
  static char piece[sizeof GET_HOLD - 1 + AHEAD] = GET_HOLD;
  int fd = fixture_client(f);
  memset(piece + sizeof GET_HOLD - 1, '\n', AHEAD);
  f->held = NULL;
  assert_int_equal(write(fd, piece, sizeof piece), sizeof piece);
  fixture_until(f, f->held);
  for (int i = 0; i < 10; i++)
    fixture_turn(f);
  return fd;
}

static void answer_late(fixture *f) {
  lab_http_respond(f->held, 200, NULL, NULL, "late", 4);
}

/* A request with one long header, or with LONG / 4 short ones. */
static int send_long_head(fixture *f, bool one) {
  lab_buf b = LAB_BUF_INIT;
  int fd = fixture_client(f);
  lab_buf_puts(&b, "GET /hold HTTP/1.1\r\nHost: a\r\n");
  if (one)
    lab_buf_printf(&b, "X: %0*d\r\n", LONG, 1);
  for (int i = 0; i < LONG / 4 && !one; i++)
    lab_buf_puts(&b, "a:\r\n");
  lab_buf_puts(&b, "\r\n");
  f->held = NULL;
  send_bytes(f, fd, b.data, b.len);
  lab_buf_free(&b);
  return fd;
}

/* ---- the tests ----------------------------------------------------------- */

static void what_is_sent_ahead_is_a_scenarios(void **state) {
  fixture f;
  (void)state;
  open_counted(&f, AHEAD + 500);
  int first = hold_with_more(&f);
  assert_int_equal(used, AHEAD);
  lab_http_request *held = f.held;
  int second = hold_with_more(&f);
  assert_int_equal(used, AHEAD);
  answer_late(&f);
  expect_text(&f, second, LATE_AND_CLOSE);
  f.held = held;
  answer_late(&f);
  expect_text(&f, first, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate");
  assert_int_equal(used, 0); /* blank lines before a request are nothing */
  send_text(&f, first, GET);
  expect_text(&f, first, HELLO);
  close(first);
  close(second);
  close_counted(&f);
}

static void heads_are_a_scenarios(void **state) {
  fixture f;
  (void)state;
  for (int one = 0; one < 2; one++) {
    open_counted(&f, 100000);
    int fd = send_long_head(&f, one);
    fixture_until(&f, f.held);
    lab_http_request *held = f.held;
    assert_in_range(used, LONG - 1000, 6 * LONG);
    most = used + 500;
    expect_refusal(&f, send_long_head(&f, one), NO_MEMORY);
    f.held = held;
    answer_late(&f);
    expect_text(&f, fd, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate");
    assert_int_equal(used, 0);
    close(fd);
    close_counted(&f);
  }
}

/* Those that aren't have a limit all the same, and small ones are served. */
static void what_does_not_count_has_a_limit(void **state) {
  fixture f;
  (void)state;
  fixture_init(&f);
  f.config.max_kept_bytes = 20 * AHEAD;
  fixture_start(&f);
  int fds[CROWD];
  lab_http_request *held[CROWD];
  for (int i = 0; i < CROWD; i++) {
    fds[i] = hold_with_more(&f);
    held[i] = f.held;
    assert_in_range(f.server->held, AHEAD, 10 * AHEAD + CROWD * 1024);
  }
  answer_late(&f);
  expect_text(&f, fds[CROWD - 1], LATE_AND_CLOSE);
  expect_refusal(&f, send_long_head(&f, false), NO_MEMORY);
  int fd = fixture_client(&f);
  send_text(&f, fd, GET);
  expect_text(&f, fd, HELLO);
  close(fd);
  for (int i = 0; i < CROWD; i++) {
    f.held = held[i];
    if (i < CROWD - 1)
      answer_late(&f);
    close(fds[i]);
  }
  fixture_close(&f);
}

/* Only what a client that reads nothing has asked for is in work. */
static void reads_little_ahead(void **state) {
  fixture f;
  (void)state;
  fixture_open(&f);
  int fd = fixture_client(&f);
  fixture_hold(&f, fd);
  for (int refused = 0; refused < 100; fixture_turn(&f))
    refused = write(fd, GET, sizeof GET - 1) < 0 ? refused + 1 : 0;
  assert_in_range(f.server->held, 4096, 2 * 4096 + 1024);
  answer_late(&f);
  close(fd);
  fixture_close(&f);
}

/* ---- no memory at all ---------------------------------------------------- */

static bool out_of_memory;

static void *alloc_or_fail(size_t size) {
  return out_of_memory ? NULL : malloc(size);
}

static void *realloc_or_fail(void *p, size_t size) {
  return out_of_memory ? NULL : realloc(p, size);
}

/* Without memory a client is closed, refused, or forgotten in part; the process
 * goes on. */
static void without_memory_clients_are_refused(void **state) {
  static const lab_allocator failing = {alloc_or_fail, realloc_or_fail, free};
  fixture f;
  int fds[2];
  (void)state;
  lab_alloc_install(&failing);
  fixture_open(&f);
  int fd = fixture_client(&f);
  send_text(&f, fd, GET);
  expect_text(&f, fd, HELLO);
  out_of_memory = true;
  assert_int_equal(
      socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
      0);
  assert_int_equal(lab_http_serve_fd(f.server, fds[0]), -ENOMEM);
  close(fds[1]);
  send_text(&f, fd, GET);
  fixture_until(&f, f.requests == 2); /* with the memory of the first one */
  out_of_memory = false;
  expect_text(&f, fd, HELLO);
  int second = hold_with_more(&f), third = fixture_client(&f);
  out_of_memory = true;
  send_text(&f, third, GET_HOLD);
  for (int i = 0; i < 10; i++)
    fixture_turn(&f);
  out_of_memory = false;
  expect_refusal(&f, third, NO_MEMORY);
  answer_late(&f);
  expect_text(&f, second, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate");
  close(second);
  close(fd);
  fixture_close(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_sent_ahead_is_a_scenarios),
      cmocka_unit_test(heads_are_a_scenarios),
      cmocka_unit_test(what_does_not_count_has_a_limit),
      cmocka_unit_test(reads_little_ahead),
      cmocka_unit_test(without_memory_clients_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
