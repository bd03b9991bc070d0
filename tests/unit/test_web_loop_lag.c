/* SPDX-License-Identifier: MIT
 * The metric knows what the loop does for a socket, and not how long it waits
 * for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "web/loop_lag.h"

static const uint64_t WORK_NS = 50 * LAB_MILLISECOND;
enum { WAIT_MS = 1000 };

static void work_for_socket(uv_poll_t *poll, int status, int events) {
  (void)status;
  (void)events;
  nanosleep(&(struct timespec){.tv_nsec = (long)WORK_NS}, NULL);
  uv_poll_stop(poll);
}

static void stop_waiting(uv_timer_t *timer) {
  uv_stop(timer->loop);
}

static void knows_work_for_sockets(void **state) {
  int fds[2];
  uv_loop_t loop;
  uv_poll_t poll;
  uv_timer_t timer;
  lab_loop_lag lag = {0};
  (void)state;
  assert_int_equal(uv_loop_init(&loop), 0);
  lab_loop_lag_start(&lag, &loop);
  uv_timer_init(&loop, &timer);
  uv_timer_start(&timer, stop_waiting, WAIT_MS, 0);
  uv_run(&loop, UV_RUN_NOWAIT);
  assert_int_equal(pipe(fds), 0);
  uv_poll_init(&loop, &poll, fds[0]);
  uv_poll_start(&poll, UV_READABLE, work_for_socket);
  assert_int_equal(write(fds[1], "", 1), 1);
  uv_run(&loop, UV_RUN_DEFAULT);
  uint64_t sum = atomic_load(&lag.metric->histogram.sum_ns);
  assert_in_range(sum, WORK_NS, WAIT_MS * LAB_MILLISECOND);
  lab_loop_lag_stop(&lag);
  uv_close((uv_handle_t *)&poll, NULL);
  uv_close((uv_handle_t *)&timer, NULL);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&loop), 0);
  close(fds[0]);
  close(fds[1]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(knows_work_for_sockets),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
