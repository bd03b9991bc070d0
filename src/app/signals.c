/* SPDX-License-Identifier: MIT
 * The end of the program, in this order:
 *
 *  1. Nobody new is let in; profiles that wait for their time end early, and
 *     are encoded while the next steps go on.
 *  2. The VM ends: requests that it still has are answered with 503.
 *  3. The last answers go out, then the loop has nothing left and ends.
 *
 * All of it takes at most STOP_NS. A scenario that sits in C code can't be
 * ended, nor a client forced to read: whatever is left then goes with the
 * process. */
#include <signal.h>
#include <unistd.h>

#include "app/app.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/queue.h"

static const uint64_t STOP_NS = 1800 * LAB_MILLISECOND;
enum { VM_MS = 1500, ABORT_MS = 100 };

static const struct {
  int number;
  const char *name; /* Go's */
} watched[LAB_APP_SIGNALS] = {
    {SIGTERM, "terminated"},
    {SIGINT, "interrupt"},
    {SIGHUP, "hangup"},
    {SIGQUIT, "quit"},
};

static void leave(const char *why) {
  lab_log("%s", why);
  lab_log_flush();
  _exit(0);
}

/* Answers that nobody reads are cut off shortly before the end. */
static void on_deadline(uv_timer_t *timer) {
  lab_app *app = LAB_CONTAINER(timer, lab_app, deadline);
  if (lab_clock_mono() >= app->stop_at)
    leave("Connections are still open: leaving them");
  if (app->web)
    lab_web_abort(app->web);
  uv_timer_start(timer, on_deadline, ABORT_MS, 0);
  uv_unref((uv_handle_t *)timer);
}

/* Does not keep the loop alive: it ends as soon as all else has. */
static void start_deadline(lab_app *app) {
  uint64_t now = lab_clock_mono(), abort_ns = ABORT_MS * LAB_MILLISECOND;
  uint64_t left = app->stop_at > now ? app->stop_at - now : 0;
  uint64_t wait = left > abort_ns ? left - abort_ns : 0;
  uv_timer_start(&app->deadline, on_deadline, wait / LAB_MILLISECOND, 0);
  uv_unref((uv_handle_t *)&app->deadline);
}

static void close_handles(lab_app *app) {
  uv_close((uv_handle_t *)&app->answers, NULL);
  uv_close((uv_handle_t *)&app->second, NULL);
  for (int i = 0; i < LAB_APP_SIGNALS; i++)
    uv_close((uv_handle_t *)&app->signals[i], NULL);
}

void lab_app_stop(lab_app *app) {
  if (app->stopping)
    return;
  app->stopping = true;
  app->stop_at = lab_clock_mono() + STOP_NS;
  if (app->web)
    lab_web_stop(app->web);
  if (app->vm && !lab_vm_free(app->vm, VM_MS))
    leave("A scenario can't be interrupted: leaving it");
  app->vm = NULL;
  start_deadline(app);
  close_handles(app);
}

static void on_signal(uv_signal_t *handle, int number) {
  lab_app *app = handle->data;
  for (int i = 0; i < LAB_APP_SIGNALS; i++)
    if (watched[i].number == number)
      lab_log("Received signal %s", watched[i].name);
  lab_log("Application stopping...");
  lab_app_stop(app);
}

void lab_app_watch_signals(lab_app *app) {
  for (int i = 0; i < LAB_APP_SIGNALS; i++) {
    uv_signal_init(&app->loop, &app->signals[i]);
    app->signals[i].data = app;
    uv_signal_start(&app->signals[i], on_signal, watched[i].number);
  }
}
