/* SPDX-License-Identifier: MIT
 * The threads of libuv's pool. libuv starts them at the first piece of work,
 * without a name; but a thread inherits the name and the signal mask of the one
 * that starts it. So that first piece is given here, by a control thread that
 * has both for a moment: ps -L, gdb and perf then tell them apart, and no
 * signal of the process's is taken by one of them. */
#include "app/pool.h"

#include <pthread.h>

#include "app/app.h"
#include "base/thread.h"

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
