/* SPDX-License-Identifier: MIT
 * A server of few words for tests of loads, in the same loop: it knows what it
 * was asked, so both must count the same. What it does is the path's first
 * letter:
 *   /o answers 200   /h every second time 500   /c closes after the answer
 *   /n never answers   /x closes without an answer   /k closes when idle
 *   /l answers without a length   /g no HTTP   /s one stalls, see STALL_MS */
#ifndef TEST_LOAD_WORLD_H
#define TEST_LOAD_WORLD_H

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

#endif
