/* SPDX-License-Identifier: MIT
 * Loads on a server of few words in the same loop: it knows what it was asked,
 * so both must count the same. What a server does is the path's first letter:
 *   /o answers 200   /h every second time 500   /c closes after the answer
 *   /n never answers   /x closes without an answer   /k closes when idle
 *   /l answers without a length   /g no HTTP   /s one stalls, see STALL_MS */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/queue.h"
#include "load/load.h"

enum { STALL_MS = 300 };

typedef struct world {
  uv_loop_t loop;
  uv_tcp_t listener;
  uv_timer_t stall;
  char url[64];
  unsigned requests, connections, open, letters[128];
  struct peer *stalled; /* whose answer waits */
  lab_load_result result;
  lab_hdr latency;
  bool is_done;
} world;

typedef struct peer {
  uv_tcp_t tcp;
  world *w;
  uv_write_t write;
  char input[4096];
  size_t n;
} peer;

static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
static const char bad[] =
    "HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n";
static const char last[] =
    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
static const char open_end[] = "HTTP/1.1 200 OK\r\n\r\nto the end";

static void on_peer_closed(uv_handle_t *handle) {
  peer *p = LAB_CONTAINER((uv_tcp_t *)handle, peer, tcp);
  p->w->open--;
  lab_xfree(p);
}

static void close_peer(peer *p) {
  if (p->w->stalled == p)
    p->w->stalled = NULL;
  if (!uv_is_closing((uv_handle_t *)&p->tcp))
    uv_close((uv_handle_t *)&p->tcp, on_peer_closed);
}

static void say(peer *p, const char *text) {
  uv_buf_t buf = uv_buf_init((char *)(uintptr_t)text, (unsigned)strlen(text));
  assert_int_equal(uv_try_write((uv_stream_t *)&p->tcp, &buf, 1), strlen(text));
}

static void on_stall_over(uv_timer_t *timer) {
  world *w = timer->data;
  if (w->stalled)
    say(w->stalled, ok);
  w->stalled = NULL;
}

static void answer_peer(peer *p) {
  world *w = p->w;
  char letter = strchr(p->input, '/')[1];
  unsigned number = ++w->letters[(int)letter];
  w->requests++;
  p->n = 0;
  switch (letter) {
  case 'h':
    say(p, number % 2 ? ok : bad);
    break;
  case 'c':
    say(p, last);
    close_peer(p);
    break;
  case 'l':
    say(p, open_end);
    close_peer(p);
    break;
  case 'k': /* "100 Continue" isn't the answer */
    say(p, "HTTP/1.1 100 Continue\r\n\r\n");
    say(p, ok);
    close_peer(p);
    break;
  case 'x':
    close_peer(p);
    break;
  case 'g':
    say(p, "220 ready\r\n");
    break;
  case 's':
    if (number == 10) {
      w->stalled = p;
      uv_timer_start(&w->stall, on_stall_over, STALL_MS, 0);
      break;
    }
    say(p, ok);
    break;
  case 'n':
    break;
  default:
    say(p, ok);
  }
}

static void on_peer_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  peer *p = LAB_CONTAINER((uv_tcp_t *)stream, peer, tcp);
  (void)buf;
  if (n < 0) {
    close_peer(p);
    return;
  }
  p->n += (size_t)n;
  p->input[p->n] = '\0';
  if (strstr(p->input, "\r\n\r\n"))
    answer_peer(p);
}

static void lend_peer_input(uv_handle_t *handle, size_t size, uv_buf_t *out) {
  peer *p = LAB_CONTAINER((uv_tcp_t *)handle, peer, tcp);
  (void)size;
  *out = uv_buf_init(p->input + p->n, (unsigned)(sizeof p->input - 1 - p->n));
}

static void on_peer(uv_stream_t *listener, int status) {
  world *w = listener->data;
  assert_int_equal(status, 0);
  peer *p = lab_xcalloc(1, sizeof *p);
  p->w = w;
  assert_int_equal(uv_tcp_init(&w->loop, &p->tcp), 0);
  assert_int_equal(uv_accept(listener, (uv_stream_t *)&p->tcp), 0);
  uv_tcp_nodelay(&p->tcp, 1);
  w->connections++;
  w->open++;
  uv_read_start((uv_stream_t *)&p->tcp, lend_peer_input, on_peer_read);
}

static void open_world(world *w) {
  struct sockaddr_in address;
  int size = sizeof address;
  memset(w, 0, sizeof *w);
  assert_int_equal(uv_loop_init(&w->loop), 0);
  assert_int_equal(uv_tcp_init(&w->loop, &w->listener), 0);
  uv_timer_init(&w->loop, &w->stall);
  w->listener.data = w->stall.data = w;
  uv_ip4_addr("127.0.0.1", 0, &address);
  uv_tcp_bind(&w->listener, (struct sockaddr *)&address, 0);
  assert_int_equal(uv_listen((uv_stream_t *)&w->listener, 1000, on_peer), 0);
  uv_tcp_getsockname(&w->listener, (struct sockaddr *)&address, &size);
  snprintf(w->url, sizeof w->url, "http://127.0.0.1:%d",
           ntohs(address.sin_port));
}

static void close_world(world *w) {
  uv_close((uv_handle_t *)&w->listener, NULL);
  uv_close((uv_handle_t *)&w->stall, NULL);
  uv_run(&w->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&w->loop), 0);
  assert_int_equal(w->open, 0); /* the load has closed all of its */
}

static void on_done(void *arg, const lab_load_result *result) {
  world *w = arg;
  assert_false(w->is_done);
  w->is_done = true;
  w->result = *result;
  w->latency = *result->latency;
}

static lab_load *begin(world *w, const lab_load_plan *plan) {
  lab_err err = {""};
  lab_load_config config = {
      .url = w->url, .plan = plan, .done = on_done, .arg = w};
  w->is_done = false;
  lab_load *load = lab_load_begin(&w->loop, &config, &err);
  if (!load)
    fail_msg("%s", err.text);
  return load;
}

static void finish(world *w) {
  uint64_t give_up = lab_clock_mono() + 20 * LAB_SECOND;
  while (!w->is_done) {
    uv_run(&w->loop, UV_RUN_ONCE);
    assert_true(lab_clock_mono() < give_up);
  }
}

static void run(world *w, lab_load_plan plan) {
  begin(w, &plan);
  finish(w);
}

#define EXPECT_STATUS(w, none_, ok_, bad_)                                     \
  do {                                                                         \
    assert_int_equal((w)->result.status[0], none_);                            \
    assert_int_equal((w)->result.status[2], ok_);                              \
    assert_int_equal((w)->result.status[5], bad_);                             \
  } while (0)

/* ---- counts ---------------------------------------------------------------
 */

static void exact_counts(void **state) {
  (void)state;
  world w;
  open_world(&w);
  run(&w, (lab_load_plan){.path = "/o", .requests = 1000, .clients = 7});
  EXPECT_STATUS(&w, 0, 1000, 0);
  assert_int_equal(w.requests, 1000);
  assert_int_equal(w.result.sent, 1000);
  assert_int_equal(w.connections, 7); /* kept */
  assert_int_equal(w.result.connections, 7);
  assert_int_equal(w.result.bytes, 1000 * strlen(ok));
  assert_int_equal(w.latency.count, 1000);
  assert_string_equal(w.result.error, "");
  run(&w, (lab_load_plan){.path = "/h/{n}", .requests = 100});
  EXPECT_STATUS(&w, 0, 50, 50);
  run(&w, (lab_load_plan){0}); /* neither requests nor seconds: one */
  EXPECT_STATUS(&w, 0, 1, 0);
  run(&w, (lab_load_plan){.path = "/o", .requests = 3, .clients = 50});
  EXPECT_STATUS(&w, 0, 3, 0);
  close_world(&w);
}

static void for_some_time(void **state) {
  (void)state;
  world w;
  open_world(&w);
  run(&w, (lab_load_plan){.path = "/o", .duration_ns = 50 * LAB_MILLISECOND});
  assert_int_equal(w.result.status[2], w.requests);
  assert_true(w.requests > 0);
  assert_true(w.result.elapsed_ns >= 40 * LAB_MILLISECOND);
  close_world(&w);
}

static void first_and_beside(void **state) {
  (void)state;
  world w;
  lab_load_plan first = {.path = "/first", .requests = 20, .clients = 2};
  lab_load_plan beside = {.path = "/beside", .clients = 2};
  open_world(&w);
  run(&w,
      (lab_load_plan){
          .path = "/o", .requests = 200, .first = &first, .beside = &beside});
  EXPECT_STATUS(&w, 0, 200, 0);
  assert_int_equal(w.letters['o'], 200);
  assert_int_equal(w.letters['f'], 20);
  assert_true(w.letters['b'] > 10);
  beside.requests = 5;
  beside.path = "/n"; /* without an answer: it is cut */
  run(&w, (lab_load_plan){.path = "/o", .requests = 10, .beside = &beside});
  EXPECT_STATUS(&w, 0, 10, 0);
  assert_int_equal(w.letters['n'], 2);
  close_world(&w);
}

/* ---- what goes wrong -------------------------------------------------------
 */

static void closing_servers(void **state) {
  (void)state;
  world w;
  open_world(&w);
  run(&w, (lab_load_plan){.path = "/c", .requests = 30, .clients = 3});
  EXPECT_STATUS(&w, 0, 30, 0);
  assert_int_equal(w.connections, 30);
  run(&w, (lab_load_plan){.path = "/l", .requests = 5});
  EXPECT_STATUS(&w, 0, 5, 0);
  run(&w, (lab_load_plan){.path = "/k", .requests = 20, .clients = 2});
  EXPECT_STATUS(&w, 0, 20, 0); /* each that found a closed one, once more */
  assert_int_equal(w.letters['k'], 20);
  run(&w, (lab_load_plan){.path = "/x", .requests = 4});
  EXPECT_STATUS(&w, 4, 0, 0);
  assert_int_equal(w.letters['x'], 4);
  assert_non_null(strstr(w.result.error, ": closed without an answer"));
  assert_int_equal(w.latency.count, 0);
  run(&w, (lab_load_plan){.path = "/g", .requests = 4});
  EXPECT_STATUS(&w, 4, 0, 0);
  assert_non_null(strstr(w.result.error, ": malformed HTTP response"));
  close_world(&w);
}

static void time_outs(void **state) {
  (void)state;
  world w;
  open_world(&w);
  uint64_t timeout = 60 * LAB_MILLISECOND;
  run(&w,
      (lab_load_plan){
          .path = "/n", .requests = 6, .clients = 3, .timeout_ns = timeout});
  EXPECT_STATUS(&w, 6, 0, 0);
  assert_int_equal(w.result.timeouts, 6);
  assert_int_equal(w.latency.count, 6); /* the tail isn't lost */
  assert_true(w.latency.least >= timeout);
  assert_string_equal(w.result.error, "time-out: no answer");
  close_world(&w);
}

static void nobody_listens(void **state) {
  (void)state;
  world w;
  open_world(&w);
  char url[sizeof w.url];
  memcpy(url, w.url, sizeof url);
  close_world(&w);
  open_world(&w);
  memcpy(w.url, url, sizeof url);
  run(&w, (lab_load_plan){.requests = 1000, .clients = 2});
  assert_true(w.result.sent <= 2); /* and not 1000 times */
  assert_int_equal(w.result.status[0], w.result.sent);
  assert_non_null(strstr(w.result.error, ": connect: connection refused"));
  assert_int_equal(w.latency.count, 0);
  lab_load_plan first = {.requests = 1};
  run(&w, (lab_load_plan){.requests = 1000, .first = &first});
  assert_int_equal(w.result.sent, 0);
  assert_non_null(strstr(w.result.error, "connection refused"));
  snprintf(w.url, sizeof w.url, "http://nothing.invalid");
  run(&w, (lab_load_plan){0});
  assert_int_equal(w.result.sent, 0);
  assert_non_null(strstr(w.result.error, "lookup nothing.invalid: "));
  close_world(&w);
}

static void wrong_configs(void **state) {
  (void)state;
  world w;
  lab_err err;
  open_world(&w);
  lab_load_plan plan = {.path = "x"}, good = {0};
  lab_load_config config = {
      .url = w.url, .plan = &plan, .done = on_done, .arg = &w};
  assert_null(lab_load_begin(&w.loop, &config, &err));
  assert_string_equal(err.text, "path: \"x\" doesn't begin with /");
  config.plan = &good;
  config.url = "https://a";
  assert_null(lab_load_begin(&w.loop, &config, &err));
  assert_string_equal(err.text, "https://a: unsupported protocol scheme");
  assert_false(w.is_done);
  close_world(&w);
}

static void cancelling(void **state) {
  (void)state;
  world w;
  lab_load_plan plan = {
      .path = "/n", .requests = 10, .clients = 4, .rate = 1e5};
  open_world(&w);
  lab_load *load = begin(&w, &plan);
  while (w.requests < 4)
    uv_run(&w.loop, UV_RUN_ONCE);
  lab_load_cancel(load);
  assert_false(w.is_done);
  finish(&w);
  assert_true(w.result.cancelled);
  assert_int_equal(w.result.sent, 4);
  load = begin(&w, &plan); /* before it has begun */
  lab_load_cancel(load);
  lab_load_cancel(load);
  finish(&w);
  assert_int_equal(w.result.sent, 0);
  lab_load_plan second = {.requests = 1, .first = &plan};
  load = begin(&w, &second);
  uv_run(&w.loop, UV_RUN_ONCE);
  lab_load_cancel(load);
  finish(&w);
  assert_true(w.result.cancelled && w.result.sent == 0);
  close_world(&w);
}

/* The wrapper that waits: its loop is its own, so nobody listens here. */
static void waiting_for_a_load(void **state) {
  (void)state;
  world w = {0};
  lab_err err = {""};
  lab_load_plan plan = {0}, bad = {.path = "x"};
  lab_load_config config = {
      .url = "http://127.0.0.1:1", .plan = &plan, .done = on_done, .arg = &w};
  assert_int_equal(lab_load_run(&config, &err), 0);
  assert_true(w.is_done);
  assert_non_null(strstr(w.result.error, "connection refused"));
  w.is_done = false;
  config.plan = &bad;
  assert_true(lab_load_run(&config, &err) < 0);
  assert_false(w.is_done);
}

/* ---- a rate -----------------------------------------------------------------
 */

/* 200 requests, one due each 2 ms. The tenth stalls for 300 ms, in which 150
 * become due: they have waited, too, and the percentiles show it. With a client
 * that waits for its answer and then goes on, one request would look slow. */
static void open_loop_counts_from_due(void **state) {
  (void)state;
  world w;
  open_world(&w);
  run(&w, (lab_load_plan){.path = "/s", .requests = 200, .rate = 500});
  EXPECT_STATUS(&w, 0, 200, 0);
  assert_int_equal(w.latency.count, 200);
  uint64_t late = 0;
  for (uint64_t ms = STALL_MS / 10; ms < STALL_MS; ms += STALL_MS / 10) {
    late = 200 - lab_hdr_count_to(&w.latency, ms * LAB_MILLISECOND);
    assert_true(late >= (STALL_MS - ms) / 2 - 5);
  }
  assert_true(lab_hdr_percentile(&w.latency, 50) > 30 * LAB_MILLISECOND);
  w.letters['s'] = 0;
  run(&w, (lab_load_plan){.path = "/s", .requests = 200});
  assert_true(lab_hdr_percentile(&w.latency, 50) < 30 * LAB_MILLISECOND);
  close_world(&w);
}

static void rate_is_kept(void **state) {
  (void)state;
  world w;
  open_world(&w);
  run(&w, (lab_load_plan){
              .path = "/o", .requests = 101, .clients = 4, .rate = 1000});
  EXPECT_STATUS(&w, 0, 101, 0);
  assert_true(w.result.elapsed_ns >= 100 * LAB_MILLISECOND);
  run(&w, (lab_load_plan){.path = "/o",
                          .duration_ns = 100 * LAB_MILLISECOND,
                          .clients = 4,
                          .rate = 100});
  assert_int_equal(w.result.sent + w.result.unsent, 10);
  close_world(&w);
}

/* Those that were due and found no client till the end are in the tail. */
static void not_sent(void **state) {
  (void)state;
  world w;
  open_world(&w);
  run(&w, (lab_load_plan){.path = "/n",
                          .duration_ns = 200 * LAB_MILLISECOND,
                          .rate = 100,
                          .timeout_ns = 400 * LAB_MILLISECOND});
  assert_int_equal(w.result.sent, 1);
  assert_int_equal(w.result.timeouts, 1);
  assert_int_equal(w.result.unsent, 19);
  assert_int_equal(w.latency.count, 20);
  close_world(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(exact_counts),
      cmocka_unit_test(for_some_time),
      cmocka_unit_test(first_and_beside),
      cmocka_unit_test(closing_servers),
      cmocka_unit_test(time_outs),
      cmocka_unit_test(nobody_listens),
      cmocka_unit_test(wrong_configs),
      cmocka_unit_test(cancelling),
      cmocka_unit_test(waiting_for_a_load),
      cmocka_unit_test(open_loop_counts_from_due),
      cmocka_unit_test(rate_is_kept),
      cmocka_unit_test(not_sent),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
