/* SPDX-License-Identifier: MIT
 * Requests while a name server doesn't answer: those to addresses in numbers go
 * on, those to names wait for their turn. */
#include "http_fixture.h"

#include <netinet/in.h>

#include "http/client.h"
#include "loop/turn.h"

typedef struct outcome {
  bool done;
  int error, status;
  char message[256];
  int open; /* sockets */
} outcome;

static int on_opened(void *arg, int fd) {
  assert_true(fd >= 0);
  ((outcome *)arg)->open++;
  return 0;
}

static void on_closing(void *arg, int fd) {
  assert_true(fd >= 0);
  ((outcome *)arg)->open--;
}

static void on_done(void *arg, lab_http_result *result) {
  outcome *o = arg;
  o->done = true;
  o->error = result->error;
  o->status = result->status;
  memcpy(o->message, result->message, sizeof o->message);
}

static lab_http_call *begin(fixture *f, outcome *o, uint64_t ms,
                            const char *url) {
  const lab_http_call_config config = {.method = "GET",
                                       .url = url,
                                       .headers = "",
                                       .timeout_ms = ms,
                                       .max_body = 100,
                                       .opened = on_opened,
                                       .closing = on_closing,
                                       .done = on_done,
                                       .arg = o};
  *o = (outcome){0};
  lab_http_call *call = lab_http_call_begin(&f->loop, &config);
  assert_false(o->done);
  return call;
}

static int listen_on_loopback(fixture *f) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr = {htonl(INADDR_LOOPBACK)}};
  lab_err err;
  int port;
  assert_int_equal(
      lab_http_listen(f->server, (struct sockaddr *)&address, &port, &err), 0);
  return port;
}

static void begin_held_turn(lab_turn *turn) {
  (void)turn;
}

static void numbers_need_no_lookup(void **state) {
  char by_name[64], by_number[64];
  outcome waiting, given_up, late, o;
  lab_turn held = {0};
  fixture f;
  (void)state;
  fixture_open(&f);
  int port = listen_on_loopback(&f);
  snprintf(by_name, sizeof by_name, "http://localhost:%d/", port);
  snprintf(by_number, sizeof by_number, "http://127.0.0.1:%d/", port);
  lab_turn_take(&held, LAB_TURN_LOOKUP, begin_held_turn);
  begin(&f, &waiting, 0, by_name);
  lab_http_call *call = begin(&f, &given_up, 0, by_name);
  begin(&f, &late, 50, by_name);
  begin(&f, &o, 0, by_number);
  fixture_until(&f, o.done);
  assert_int_equal(o.status, 200);
  fixture_until(&f, late.done);
  assert_int_equal(late.error, UV_ETIMEDOUT);
  assert_false(waiting.done);
  lab_http_call_cancel(call);
  lab_turn_end(&held);
  fixture_until(&f, waiting.done);
  assert_int_equal(waiting.status, 200);
  fixture_close(&f);
  assert_false(given_up.done);
  assert_int_equal(o.open + waiting.open + given_up.open + late.open, 0);
}

/* Whether the connection or the lookup fails, the lookups after it have their
 * turns. */
static void failures_are_told_later(void **state) {
  static const struct {
    const char *url, *message;
  } cases[] = {
      {"http://127.0.0.1:1/", "dial tcp 127.0.0.1:1: connect: "},
      {"http://[::1]:1/", "dial tcp ::1:1: "},
      {"http://0x7f000001:1/", "dial tcp 0x7f000001:1: connect: "},
      {"http://\xff\xfe/", ""}, /* no lookup can be begun */
      {"http://no-such-host.invalid/", "dial tcp: lookup no-such-host.inva"},
  };
  outcome o;
  fixture f;
  (void)state;
  fixture_open(&f);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    begin(&f, &o, 0, cases[i].url);
    fixture_until(&f, o.done);
    assert_true(o.error < 0);
    if (strncmp(o.message, cases[i].message, strlen(cases[i].message)) != 0)
      fail_msg("%s: %s", cases[i].url, o.message);
    assert_int_equal(o.open, 0);
  }
  fixture_close(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numbers_need_no_lookup),
      cmocka_unit_test(failures_are_told_later),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
