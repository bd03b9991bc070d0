/* SPDX-License-Identifier: MIT
 * See profile.h. Each signal gets a profile of its own, of the seconds that
 * follow it: the profiler can have several sessions at a time. So a second USR2
 * doesn't wait for the first, and it is clear which signal a file belongs to.
 */
#include "app/profile.h"

#include <string.h>

#include "app/app.h"
#include "app/signal_file.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/write_all.h"
#include "prof/cpu.h"

typedef struct signal_profile {
  lab_list link; /* in app->profiles */
  lab_app *app;
  uv_timer_t timer;
  lab_work work;
  lab_cpu_session *session;
  uint64_t began, ended; /* mono ns */
  bool working;
  int rc; /* of the work */
  lab_signal_file file;
} signal_profile;

/* ---- the end ------------------------------------------------------------- */

static void on_profile_closed(uv_handle_t *handle) {
  lab_xfree(LAB_CONTAINER(handle, signal_profile, timer));
}

static void close_profile(signal_profile *p) {
  lab_signal_file_end(&p->file, p->rc == 0);
  lab_cpu_free(p->session);
  lab_list_remove(&p->link);
  uv_close((uv_handle_t *)&p->timer, on_profile_closed);
}

static void log_profile_end(const signal_profile *p) {
  if (p->rc) {
    lab_log("failed to write the CPU profile %s: %s", p->file.path,
            strerror(-p->rc));
    return;
  }
  double seconds = (double)(p->ended - p->began) / LAB_SECOND;
  double rounded = (double)(int64_t)(seconds * 10 + 0.5) / 10;
  lab_log("Done collecting a %g seconds CPU profile in %s", rounded,
          p->file.path);
}

/* On libuv's pool, because it takes long to find the names of functions. */
static void finish_profile_file(lab_work *work) {
  signal_profile *p = LAB_CONTAINER(work, signal_profile, work);
  lab_buf out = LAB_BUF_INIT;
  p->ended = lab_clock_mono();
  lab_cpu_stop(p->session);
  p->rc = lab_cpu_write(p->session, &out);
  if (p->rc == 0)
    p->rc = lab_write_all(p->file.fd, out.data, out.len);
  lab_buf_free(&out);
}

static void on_profile_file_done(lab_work *work) {
  signal_profile *p = LAB_CONTAINER(work, signal_profile, work);
  log_profile_end(p);
  close_profile(p);
}

static void on_profile_time(uv_timer_t *timer) {
  signal_profile *p = LAB_CONTAINER(timer, signal_profile, timer);
  p->working = true;
  lab_work_begin(&p->work, &p->app->loop, LAB_TURN_SOON, finish_profile_file,
                 on_profile_file_done);
}

/* ---- the beginning ------------------------------------------------------- */

static void start_profile_timer(signal_profile *p) {
  lab_app *app = p->app;
  p->began = lab_clock_mono();
  lab_list_push_back(&app->profiles, &p->link);
  uv_timer_init(&app->loop, &p->timer);
  int seconds = app->stopping ? 0 : app->config.usr2_seconds;
  lab_log("Waiting %d seconds to collect a CPU profile...", seconds);
  uv_timer_start(&p->timer, on_profile_time, (uint64_t)seconds * 1000, 0);
}

void lab_app_profile_cpu(lab_app *app) {
  lab_err err;
  signal_profile *p = lab_xcalloc(1, sizeof *p);
  p->app = app;
  if (!lab_signal_file_begin(&p->file, "cpu-profile", ".pb.gz")) {
    lab_xfree(p);
    return;
  }
  if (lab_cpu_start(&p->session, LAB_CPU_HZ_DEFAULT, &err)) {
    lab_log("failed to start the CPU profile: %s", err.text);
    lab_signal_file_end(&p->file, false);
    lab_xfree(p);
    return;
  }
  start_profile_timer(p);
}

/* ---- the lab stops ------------------------------------------------------- */

void lab_app_end_profiles(lab_app *app) {
  for (lab_list *l = app->profiles.next; l != &app->profiles; l = l->next) {
    signal_profile *p = LAB_CONTAINER(l, signal_profile, link);
    if (!p->working)
      uv_timer_start(&p->timer, on_profile_time, 0, 0);
  }
}
