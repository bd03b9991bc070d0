/* SPDX-License-Identifier: MIT
 * See stop.h. The order is:
 *
 *  1. The server accepts no more connections. Profiles end early; they are
 *     encoded and sent during the next steps.
 *  2. The VM ends: requests that it still has are answered with 503.
 *  3. The last answers are sent; then the loop is empty and ends.
 *
 * A timer tries to end the VM again and again, and the loop runs meanwhile. All
 * of it takes at most STOP_NS: a scenario in C code can't be ended, and a
 * client can't be forced to read. Then the process exits at once. */
#include "app/stop.h"

#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "app/page.h"
#include "app/profile.h"
#include "app/signal_file.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/plain.h"
#include "services/child.h"

static const uint64_t STOP_NS = 1700 * LAB_MILLISECOND;
static const uint64_t ABORT_NS = 1600 * LAB_MILLISECOND;
enum { TRY_MS = 5, AGAIN_MS = 10 };

/* Nobody else can any more. It may have a part of a scenario's text. */
static void print_failure(const char *text) {
  lab_buf line = LAB_BUF_INIT;
  lab_buf_puts(&line, "diaglab: ");
  lab_plain_append(&line, text, strlen(text), false);
  lab_buf_putc(&line, '\n');
  lab_log_write_last(STDERR_FILENO, line.data, line.len);
}

static void exit_process(lab_app *app, const char *why) {
  lab_log("%s", why);
  lab_signal_files_drop();
  lab_services_kill_children();
  if (app->vm)
    lab_vm_abandon(app->vm);
  lab_log_flush();
  if (app->failure[0])
    print_failure(app->failure);
  _exit(app->failure[0] ? 1 : 0);
}

/* The VM is gone. From now on the loop ends as soon as it has only the app's
 * own handles. */
static void on_vm_ended(lab_app *app) {
  app->vm = NULL;
  uv_timer_stop(&app->second);
  uv_unref((uv_handle_t *)&app->answers);
  uv_unref((uv_handle_t *)&app->stop);
  uv_unref((uv_handle_t *)&app->deadline);
  uv_unref((uv_handle_t *)&app->signal);
}

static void on_stop_tick(uv_timer_t *timer) {
  lab_app *app = LAB_CONTAINER(timer, lab_app, deadline);
  if (app->vm && lab_vm_free(app->vm, TRY_MS))
    on_vm_ended(app);
  uint64_t passed = lab_clock_mono() - app->stop_began;
  if (passed >= STOP_NS)
    exit_process(app, app->vm
                          ? "A scenario can't be interrupted: leaving it"
                          : "A client or a profile is not done: leaving it");
  if (passed >= ABORT_NS && app->web)
    lab_web_abort(app->web);
}

void lab_app_stop(lab_app *app) {
  if (app->stopping)
    return;
  app->stopping = true;
  app->stop_began = lab_clock_mono();
  lab_app_stop_page(app);
  if (app->web)
    lab_web_stop(app->web);
  lab_app_end_profiles(app);
  uv_timer_start(&app->deadline, on_stop_tick, 0, AGAIN_MS);
  if (!app->vm)
    on_vm_ended(app);
}
