/* SPDX-License-Identifier: MIT
 * A crowd of calls to one server: they connect in the order in which they
 * began, a few in each round of the loop. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <time.h>

#include "http/client.h"
#include "http/dial.h"
#include "http_fixture.h"

enum { CROWD = 10 * LAB_HTTP_DIALS_MOST };

typedef struct crowd {
  uv_loop_t loop;
  int listener;
  char url[64];
  lab_http_call *calls[CROWD];
  unsigned begun, opened, done;
  unsigned order[CROWD]; /* which was opened as the n-th */
  int error;             /* of the last one that has ended */
} crowd;

/* What a call is to the test. */
typedef struct member {
  crowd *crowd;
  unsigned number;
} member;

static member members[CROWD];

static int on_opened(void *arg, int fd) {
  const member *m = arg;
  (void)fd;
  m->crowd->order[m->crowd->opened++] = m->number;
  return 0;
}

static void on_done(void *arg, lab_http_result *result) {
  const member *m = arg;
  m->crowd->error = result->error;
  m->crowd->calls[m->number] = NULL;
  m->crowd->done++;
}

static void open_crowd(crowd *c) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t len = sizeof address;
  memset(c, 0, sizeof *c);
  assert_int_equal(uv_loop_init(&c->loop), 0);
  c->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(bind(c->listener, (struct sockaddr *)&address, len), 0);
  assert_int_equal(listen(c->listener, CROWD), 0);
  assert_int_equal(getsockname(c->listener, (struct sockaddr *)&address, &len),
                   0);
  snprintf(c->url, sizeof c->url, "http://127.0.0.1:%d/",
           ntohs(address.sin_port));
}

static void begin_one(crowd *c, uint64_t timeout_ms) {
  unsigned i = c->begun++;
  members[i] = (member){c, i};
  const lab_http_call_config config = {.method = "GET",
                                       .url = c->url,
                                       .headers = "",
                                       .timeout_ms = timeout_ms,
                                       .max_body = 100,
                                       .opened = on_opened,
                                       .done = on_done,
                                       .arg = &members[i]};
  c->calls[i] = lab_http_call_begin(&c->loop, &config);
  assert_int_equal(c->opened, 0);
}

static void begin_crowd(crowd *c) {
  while (c->begun < CROWD)
    begin_one(c, 0);
}

static void cancel_one(crowd *c, unsigned i) {
  if (c->calls[i])
    lab_http_call_cancel(c->calls[i]);
  c->calls[i] = NULL;
}

/* Nothing is left in the loop, so it ends. */
static void close_crowd(crowd *c) {
  for (unsigned i = 0; i < c->begun; i++)
    cancel_one(c, i);
  unsigned opened = c->opened;
  uv_run(&c->loop, UV_RUN_DEFAULT);
  assert_int_equal(c->opened, opened);
  assert_int_equal(uv_loop_close(&c->loop), 0);
  close(c->listener);
}

/* Turns the loop until N were opened. No round opens too many. */
static void run_until_opened(crowd *c, unsigned n) {
  uint64_t end = find_wait_end();
  while (c->opened < n) {
    unsigned before = c->opened;
    assert_true(lab_clock_mono() < end);
    uv_run(&c->loop, UV_RUN_NOWAIT);
    assert_in_range(c->opened - before, 0, LAB_HTTP_DIALS_MOST);
  }
}

static void dials_a_few_in_a_round(void **state) {
  crowd c;
  (void)state;
  open_crowd(&c);
  begin_crowd(&c);
  run_until_opened(&c, CROWD);
  for (unsigned i = 0; i < CROWD; i++)
    assert_int_equal(c.order[i], i);
  close_crowd(&c);
  assert_int_equal(c.done, 0);
}

static void leaves_out_who_has_gone(void **state) {
  enum { EACH = 3 };
  crowd c;
  (void)state;
  open_crowd(&c);
  begin_crowd(&c);
  unsigned left = CROWD;
  for (unsigned i = 0; i < CROWD; i += EACH, left--)
    cancel_one(&c, i);
  run_until_opened(&c, left);
  for (unsigned i = 0; i < left; i++)
    assert_int_equal(c.order[i], i / 2 * EACH + 1 + i % 2);
  close_crowd(&c);
}

/* All are cancelled while most of them wait. */
static void forgets_a_crowd_that_waits(void **state) {
  crowd c;
  (void)state;
  open_crowd(&c);
  begin_crowd(&c);
  run_until_opened(&c, 1);
  assert_true(c.opened < CROWD);
  close_crowd(&c);
  assert_int_equal(c.done, 0);
}

/* Libuv runs timers before the line has its turn in a round, or, from 1.45 on,
 * after it: so there are others before. */
static void times_out_in_the_line(void **state) {
  crowd c;
  (void)state;
  open_crowd(&c);
  while (c.begun < LAB_HTTP_DIALS_MOST)
    begin_one(&c, 0);
  begin_one(&c, 1);
  nanosleep(&(struct timespec){.tv_nsec = 5 * LAB_MILLISECOND}, NULL);
  uv_run(&c.loop, UV_RUN_NOWAIT);
  assert_int_equal(c.done, 1);
  assert_int_equal(c.error, -ETIMEDOUT);
  assert_null(c.calls[LAB_HTTP_DIALS_MOST]);
  assert_in_range(c.opened, 1, LAB_HTTP_DIALS_MOST);
  close_crowd(&c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(dials_a_few_in_a_round),
      cmocka_unit_test(leaves_out_who_has_gone),
      cmocka_unit_test(forgets_a_crowd_that_waits),
      cmocka_unit_test(times_out_in_the_line),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
