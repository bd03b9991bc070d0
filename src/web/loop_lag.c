/* SPDX-License-Identifier: MIT
 * See loop_lag.h. A turn of the loop goes from one time that libuv is about to
 * wait for the network to the next, less the time that it has waited: what it
 * calls for sockets and for the VM, it calls before its check handles. */
#include "web/loop_lag.h"

#include "base/queue.h"

static void on_poll_begins(uv_prepare_t *prepare) {
  lab_loop_lag *lag = LAB_CONTAINER(prepare, lab_loop_lag, poll_begins);
  uint64_t busy = uv_hrtime() - uv_metrics_idle_time(prepare->loop);
  if (lag->busy)
    lab_histogram_observe(&lag->metric->histogram, busy - lag->busy);
  lag->busy = busy;
}

void lab_loop_lag_start(lab_loop_lag *lag, uv_loop_t *loop) {
  lag->metric =
      lab_metric_new(LAB_METRIC_HISTOGRAM, "diaglab_loop_lag_seconds",
                     "How long the control thread was at work between "
                     "two looks at the network: so long, at most, did "
                     "what came meanwhile wait.");
  uv_loop_configure(loop, UV_METRICS_IDLE_TIME);
  uv_prepare_init(loop, &lag->poll_begins);
  uv_prepare_start(&lag->poll_begins, on_poll_begins);
  uv_unref((uv_handle_t *)&lag->poll_begins);
}

void lab_loop_lag_stop(lab_loop_lag *lag) {
  if (!lag->metric)
    return;
  uv_close((uv_handle_t *)&lag->poll_begins, NULL);
  lab_metric_free(lag->metric);
  lag->metric = NULL;
}
