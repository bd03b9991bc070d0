/* SPDX-License-Identifier: MIT
 * See signals.h.
 *
 * A handler counts and rings a bell; the control thread does the work, and
 * serves requests meanwhile: a profile of 30 seconds never keeps a TERM
 * waiting. A counter doesn't get full as a pipe or a queue would, so each
 * signal that was delivered is answered, however many come at once. (The kernel
 * delivers one of several that are sent at nearly the same time: of each number
 * only one can be pending.)
 *
 * The threads of the lab and of libuv's pool block these signals, so handlers
 * run on the control thread. */
#include "app/signals.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "app/app.h"
#include "app/past.h"
#include "app/profile.h"
#include "app/stop.h"
#include "base/log.h"

static void stop_by_signal(lab_app *app) {
  if (!app->stopping)
    lab_log("Application stopping...");
  lab_app_stop(app);
}

static struct {
  int number;
  const char *name; /* Go's */
  void (*answer)(lab_app *app);
} watched[LAB_APP_SIGNALS] = {
    {SIGTERM, "terminated", stop_by_signal},
    {SIGINT, "interrupt", stop_by_signal},
    {SIGHUP, "hangup", stop_by_signal},
    {SIGQUIT, "quit", stop_by_signal},
    {SIGXCPU, "cpu limit exceeded", stop_by_signal}, /* ulimit -t */
    {SIGUSR1, "user defined signal 1", lab_app_log_stacks},
    {SIGUSR2, "user defined signal 2", lab_app_profile_cpu},
    {0, "real-time signal 0", lab_app_write_past}, /* SIGRTMIN is no constant */
    {SIGABRT, "aborted", lab_app_abort}, /* its handler is crash.c's */
};

static atomic_uint caught[LAB_APP_SIGNALS];
static _Atomic(uv_async_t *) bell;

/* libuv's manual says that uv_async_send is async-signal-safe. */
void lab_app_note_signal(int number) {
  for (int i = 0; i < LAB_APP_SIGNALS; i++)
    if (watched[i].number == number)
      atomic_fetch_add(&caught[i], 1);
  uv_async_t *async = atomic_load(&bell);
  if (async)
    uv_async_send(async);
}

static void on_watched_signal(int number) {
  int saved = errno;
  lab_app_note_signal(number);
  errno = saved;
}

static void on_signal_bell(uv_async_t *async) {
  lab_app *app = LAB_CONTAINER(async, lab_app, signal);
  for (int i = 0; i < LAB_APP_SIGNALS; i++)
    for (unsigned n = atomic_exchange(&caught[i], 0); n > 0; n--) {
      lab_log("Received signal %s", watched[i].name);
      watched[i].answer(app);
    }
}

static void number_real_time_signal(void) {
  for (int i = 0; i < LAB_APP_SIGNALS; i++)
    if (watched[i].answer == lab_app_write_past)
      watched[i].number = SIGRTMIN;
}

int lab_app_watch_signals(lab_app *app) {
  number_real_time_signal();
  int rc = uv_async_init(&app->loop, &app->signal, on_signal_bell);
  if (rc || !app->config.signals)
    return rc;
  app->watching = true;
  atomic_store(&bell, &app->signal);
  struct sigaction sa = {.sa_handler = on_watched_signal,
                         .sa_flags = SA_RESTART};
  sigemptyset(&sa.sa_mask);
  lab_app_watch_crashes(app);
  sigset_t open;
  sigemptyset(&open);
  for (int i = 0; i < LAB_APP_SIGNALS; i++) {
    if (watched[i].number != SIGABRT)
      sigaction(watched[i].number, &sa, &app->before[i]);
    if (watched[i].number == SIGHUP && app->before[i].sa_handler == SIG_IGN)
      sigaction(SIGHUP, &app->before[i], NULL); /* the lab is run by nohup */
    sigaddset(&open, watched[i].number);
  }
  pthread_sigmask(SIG_UNBLOCK, &open, NULL); /* those that waited come now */
  return 0;
}

void lab_app_mute_signals(void) {
  atomic_store(&bell, NULL);
}

void lab_app_unwatch_signals(lab_app *app) {
  if (!app->watching)
    return;
  lab_app_unwatch_crashes(app);
  for (int i = 0; i < LAB_APP_SIGNALS; i++)
    if (watched[i].number != SIGABRT)
      sigaction(watched[i].number, &app->before[i], NULL);
}
