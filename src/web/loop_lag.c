/* SPDX-License-Identifier: MIT
 * See loop_lag.h. A turn of the loop begins when libuv's wait for the network
 * ends, and ends when the next wait begins. */
#include "web/loop_lag.h"

#include "base/queue.h"

static void on_poll_ended(uv_check_t *check) {
  lab_loop_lag *lag = LAB_CONTAINER(check, lab_loop_lag, poll_ended);
  lag->turn_began = uv_hrtime();
}

static void on_poll_begins(uv_prepare_t *prepare) {
  lab_loop_lag *lag = LAB_CONTAINER(prepare, lab_loop_lag, poll_begins);
  if (lag->turn_began)
    lab_histogram_observe(&lag->metric->histogram,
                          uv_hrtime() - lag->turn_began);
}

void lab_loop_lag_start(lab_loop_lag *lag, uv_loop_t *loop) {
  lag->metric =
      lab_metric_new(LAB_METRIC_HISTOGRAM, "diaglab_loop_lag_seconds",
                     "How long the control thread was at work between "
                     "two looks at the network: so long, at most, did "
                     "what came meanwhile wait.");
  uv_check_init(loop, &lag->poll_ended);
  uv_check_start(&lag->poll_ended, on_poll_ended);
  uv_unref((uv_handle_t *)&lag->poll_ended);
  uv_prepare_init(loop, &lag->poll_begins);
  uv_prepare_start(&lag->poll_begins, on_poll_begins);
  uv_unref((uv_handle_t *)&lag->poll_begins);
}

void lab_loop_lag_stop(lab_loop_lag *lag) {
  if (!lag->metric)
    return;
  uv_close((uv_handle_t *)&lag->poll_ended, NULL);
  uv_close((uv_handle_t *)&lag->poll_begins, NULL);
  lab_metric_free(lag->metric);
  lag->metric = NULL;
}
