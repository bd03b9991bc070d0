/* SPDX-License-Identifier: MIT
 * The page's load, without a lab: its plan, its end, and what is told of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "page/load.h"

/* A server that takes connections and never answers. */
typedef struct silent_server {
  uv_loop_t loop;
  uv_tcp_t listener;
  char url[64];
  lab_page_load *load;
  unsigned ended;
} silent_server;

static void on_silent_connection(uv_stream_t *listener, int status) {
  (void)listener; /* it waits in the kernel's queue */
  (void)status;
}

static void note_end(void *arg) {
  ((silent_server *)arg)->ended++;
}

static int open_server(void **state) {
  static silent_server s;
  struct sockaddr_in address;
  int len = sizeof address;
  memset(&s, 0, sizeof s);
  assert_int_equal(uv_loop_init(&s.loop), 0);
  uv_tcp_init(&s.loop, &s.listener);
  uv_ip4_addr("127.0.0.1", 0, &address);
  uv_tcp_bind(&s.listener, (const struct sockaddr *)&address, 0);
  assert_int_equal(
      uv_listen((uv_stream_t *)&s.listener, 128, on_silent_connection), 0);
  uv_tcp_getsockname(&s.listener, (struct sockaddr *)&address, &len);
  snprintf(s.url, sizeof s.url, "http://127.0.0.1:%d", ntohs(address.sin_port));
  s.load = lab_page_load_new(&s.loop, note_end, &s);
  *state = &s;
  return 0;
}

static int close_server(void **state) {
  silent_server *s = *state;
  uv_close((uv_handle_t *)&s->listener, NULL);
  uv_run(&s->loop, UV_RUN_DEFAULT);
  lab_page_load_free(s->load);
  return uv_loop_close(&s->loop);
}

static int begin_load(silent_server *s, const char *plan, lab_err *err) {
  return lab_page_load_begin(s->load, s->url,
                             (lab_http_str){plan, strlen(plan)}, err);
}

static void wait_for_end(silent_server *s, unsigned ended) {
  while (s->ended < ended)
    uv_run(&s->loop, UV_RUN_ONCE);
}

static void expect_state(silent_server *s, const char *part) {
  lab_buf out = LAB_BUF_INIT;
  lab_page_load_write(s->load, &out);
  lab_buf_putc(&out, '\0');
  if (!strstr(out.data, part))
    fail_msg("no %s in %s", part, out.data);
  lab_buf_free(&out);
}

static void test_wrong_plans(void **state) {
  silent_server *s = *state;
  lab_err err;
  assert_int_equal(begin_load(s, "path=x&requests=1", &err), -EINVAL);
  assert_string_equal(err.text, "path: \"x\" doesn't begin with /");
  assert_int_equal(begin_load(s, "requests=1&first.path=y", &err), -EINVAL);
  assert_int_equal(begin_load(s, "path=%2Fa%00b&requests=1", &err), -EINVAL);
  assert_string_equal(err.text, "path has a zero byte");
  assert_int_equal(begin_load(s, "requests=1&first.path=%2F%00", &err),
                   -EINVAL);
  assert_false(lab_page_load_is_running(s->load));
  assert_false(lab_page_load_has_news(s->load));
  expect_state(s, "\"running\":false,\"begun\":false");
}

static void test_timeouts(void **state) {
  silent_server *s = *state;
  lab_err err;
  assert_int_equal(
      begin_load(s, "path=%2F&requests=3&clients=3&timeout=0.05", &err), 0);
  assert_true(lab_page_load_is_running(s->load));
  assert_int_equal(begin_load(s, "requests=1", &err), -EBUSY);
  wait_for_end(s, 1);
  assert_false(lab_page_load_is_running(s->load));
  expect_state(s, "\"running\":false,\"begun\":true,\"stopped\":false,"
                  "\"sent\":3,\"status\":{},\"answered\":0,\"timeouts\":3,"
                  "\"errors\":0");
  assert_true(lab_page_load_has_news(s->load));
  assert_false(lab_page_load_has_news(s->load));
}

static void test_ended_early(void **state) {
  silent_server *s = *state;
  lab_err err;
  lab_page_load_end(s->load); /* there is none */
  for (unsigned i = 1; i <= 20; i++) {
    assert_int_equal(begin_load(s, "seconds=1000&timeout=1000", &err), 0);
    lab_page_load_end(s->load);
    lab_page_load_end(s->load);
    wait_for_end(s, i);
    expect_state(s, "\"running\":false,\"begun\":true,\"stopped\":true");
  }
}

static void test_nobody_there(void **state) {
  silent_server *s = *state;
  lab_err err;
  const char plan[] = "requests=5&beside.requests=2";
  assert_int_equal(lab_page_load_begin(s->load, "http://127.0.0.1:1",
                                       (lab_http_str){plan, sizeof plan - 1},
                                       &err),
                   0);
  wait_for_end(s, 1);
  expect_state(s, "\"answered\":0,\"timeouts\":0");
  expect_state(s, "connection refused");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_wrong_plans, open_server,
                                      close_server),
      cmocka_unit_test_setup_teardown(test_timeouts, open_server, close_server),
      cmocka_unit_test_setup_teardown(test_ended_early, open_server,
                                      close_server),
      cmocka_unit_test_setup_teardown(test_nobody_there, open_server,
                                      close_server),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
