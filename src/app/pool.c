/* SPDX-License-Identifier: MIT
 * See pool.h. libuv starts its threads with the first piece of work, and gives
 * them no name. But a thread inherits the name and the signal mask of the
 * thread that starts it. So the control thread has the right name and mask for
 * a moment, and gives a piece of work that does nothing. Then ps -L, gdb and
 * perf can tell the threads apart, and none of them takes a signal of the
 * process. */
#include "app/pool.h"

#include <pthread.h>

#include "app/app.h"
#include "base/thread.h"
#include "stack/sources.h"

static void do_nothing(uv_work_t *work) {
  (void)work;
}

static void on_nothing_done(uv_work_t *work, int status) {
  (void)work;
  (void)status;
}

void lab_app_start_pool(lab_app *app) {
  char name[16];
  sigset_t before;
  pthread_t self = pthread_self();
  pthread_getname_np(self, name, sizeof name);
  lab_thread_block_signals(&before);
  pthread_setname_np(self, "libuv-worker");
  uv_queue_work(&app->loop, &app->first_work, do_nothing, on_nothing_done);
  pthread_setname_np(self, name);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void find_names_on_pool(uv_work_t *work) {
  (void)work;
  lab_sources_find_names();
}

void lab_app_name_sources(lab_app *app) {
  uv_queue_work(&app->loop, &app->naming, find_names_on_pool, on_nothing_done);
}
