/* SPDX-License-Identifier: MIT
 * What /metrics tells of the server's own work: the application's requests by
 * step, and how long the loop is busy.
 *
 * Requests are counted by the step that served them, for students compare
 * steps. A lab has a dozen steps, so there are as many histograms; should
 * somebody switch through hundreds, those after the first LAB_WEB_STEPS share
 * one, so that a scraper needn't keep more series.
 *
 * Threads: the control thread counts, any thread reads. */
#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "web/handlers.h"

/* ---- requests ------------------------------------------------------------ */

static lab_web_load *find(lab_web *web, int step) {
  unsigned n = atomic_load_explicit(&web->nloads, memory_order_relaxed);
  for (unsigned i = 0; i < n; i++)
    if (web->loads[i]->step == step || i == LAB_WEB_STEPS)
      return web->loads[i];
  lab_web_load *load = lab_xcalloc(1, sizeof *load);
  load->step = step;
  web->loads[n] = load;
  atomic_store_explicit(&web->nloads, n + 1, memory_order_release);
  return load;
}

static void count(_Atomic uint64_t *counter) {
  uint64_t n = atomic_load_explicit(counter, memory_order_relaxed);
  atomic_store_explicit(counter, n + 1, memory_order_relaxed);
}

void lab_web_account(lab_web *web, int step, int status, uint64_t began) {
  if (!web->load || web->load->step != step)
    web->load = find(web, step);
  count(&web->load->answers[status / 100]);
  if (began)
    lab_histogram_observe(&web->load->latency, lab_clock_mono() - began);
}

static void step_label(const lab_web *web, unsigned i, char out[32]) {
  if (i == LAB_WEB_STEPS)
    snprintf(out, 32, "step=\"other\"");
  else
    snprintf(out, 32, "step=\"%d\"", web->loads[i]->step);
}

void lab_web_write_load(lab_web *web, lab_exposition *e) {
  unsigned n = atomic_load_explicit(&web->nloads, memory_order_acquire);
  char step[32], labels[64];
  lab_exposition_family(e, "counter", "diaglab_requests",
                        "Requests of the application that were answered, by "
                        "the step that served them and the class of status.");
  for (unsigned i = 0; i < n; i++)
    for (int class = 1; class < LAB_WEB_CLASSES; class ++) {
      uint64_t answers = atomic_load_explicit(&web->loads[i]->answers[class],
                                              memory_order_relaxed);
      step_label(web, i, step);
      snprintf(labels, sizeof labels, "{%s,code=\"%dxx\"}", step, class);
      if (answers > 0)
        lab_exposition_sample(e, labels, (double)answers);
    }
  lab_exposition_family(e, "histogram", "diaglab_request_duration_seconds",
                        "From the arrival of a request of the application to "
                        "its answer, by the step that served it.");
  for (unsigned i = 0; i < n; i++) {
    step_label(web, i, step);
    lab_exposition_histogram(e, step, &web->loads[i]->latency);
  }
}

void lab_web_free_loads(lab_web *web) {
  for (unsigned i = 0; i < atomic_load(&web->nloads); i++)
    lab_xfree(web->loads[i]);
}

/* ---- the loop ------------------------------------------------------------ */

static void on_poll_ended(uv_check_t *check) {
  lab_web *web = LAB_CONTAINER(check, lab_web, poll_ended);
  web->turn_began = uv_hrtime();
}

static void on_poll_begins(uv_prepare_t *prepare) {
  lab_web *web = LAB_CONTAINER(prepare, lab_web, poll_begins);
  if (web->turn_began)
    lab_histogram_observe(&web->lag->histogram, uv_hrtime() - web->turn_began);
}

void lab_web_watch_loop(lab_web *web) {
  web->lag = lab_metric_new(LAB_METRIC_HISTOGRAM, "diaglab_loop_lag_seconds",
                            "How long the control thread was at work between "
                            "two looks at the network: so long, at most, did "
                            "what came meanwhile wait.");
  uv_check_init(web->config.loop, &web->poll_ended);
  uv_check_start(&web->poll_ended, on_poll_ended);
  uv_unref((uv_handle_t *)&web->poll_ended);
  uv_prepare_init(web->config.loop, &web->poll_begins);
  uv_prepare_start(&web->poll_begins, on_poll_begins);
  uv_unref((uv_handle_t *)&web->poll_begins);
}

void lab_web_unwatch_loop(lab_web *web) {
  if (!web->lag) /* done before */
    return;
  uv_close((uv_handle_t *)&web->poll_ended, NULL);
  uv_close((uv_handle_t *)&web->poll_begins, NULL);
  lab_metric_free(web->lag);
  web->lag = NULL;
}
