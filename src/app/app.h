/* SPDX-License-Identifier: MIT
 * The running program: what lab.c starts, signals.c steers, and stop.c takes
 * down again. */
#ifndef LAB_APP_APP_H
#define LAB_APP_APP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "app/listen.h"
#include "base/queue.h"
#include "diaglab/diaglab.h"
#include "prof/goroutine.h"
#include "prof/registry.h"
#include "script/script.h"
#include "services/services.h"
#include "web/web.h"

enum { LAB_APP_SIGNALS = 7, LAB_APP_FATAL = 5 };

/* The stacks that USR1 and ABRT ask for: stacks.c. */
typedef struct lab_app_dump {
  lab_profile_request request;
  lab_goroutines *tasks;
  uv_work_t work;
  uv_timer_t patience;
  unsigned wanted;   /* signals not answered yet */
  bool busy;         /* a dump is under way */
  bool asks;         /* and the VM has not answered yet */
  bool abort;        /* ABRT came; */
  bool before_abort; /* the dump under way is the one for it */
} lab_app_dump;

struct lab_app {
  lab_config config;
  const char **hosts; /* config's, then own_host */
  size_t nhosts;
  char own_host[LAB_LISTEN_NAME];
  int port;
  uv_loop_t loop;
  uv_async_t answers; /* the VM has some */
  uv_async_t stop;    /* lab_stop was called */
  uv_check_t round;   /* once per turn of the loop: the VM may have to wake */
  uv_async_t signal;  /* one came: signals.c */
  struct sigaction before[LAB_APP_SIGNALS];
  struct sigaction before_crashes[LAB_APP_FATAL];
  bool watching;        /* those are set */
  uv_work_t first_work; /* pool.c */
  lab_list profiles;    /* that USR2 asked for: profile.c */
  lab_app_dump dump;
  uv_timer_t second; /* second.c */
  uv_work_t scavenge;
  bool scavenging;
  uv_timer_t deadline; /* of the shutdown */
  uint64_t stop_began; /* mono ns */
  lab_services_config services_config;
  lab_services services; /* that the VM uses */
  lab_vm *vm;
  lab_web *web;
  bool stopping;
};

/* signals.c: from now on signals are answered, if the config says so; until
 * mute, after which they have no effect at all (the loop is closed, they come
 * too late); unwatch puts back what was there before. */
void lab_app_watch_signals(lab_app *app);
void lab_app_mute_signals(void);
void lab_app_unwatch_signals(lab_app *app);
/* For a handler: NUMBER came, the control thread shall answer it.
 * Async-signal-safe. */
void lab_app_note_signal(int number);

/* stacks.c: the stacks of all tasks, in the log. */
void lab_app_log_stacks(lab_app *app);

/* crash.c: the signals that end the process with a core. lab_app_abort has the
 * stacks logged before; lab_app_die does it at once. */
void lab_app_watch_crashes(lab_app *app);
void lab_app_unwatch_crashes(lab_app *app);
void lab_app_abort(lab_app *app);
void lab_app_die(lab_app *app);

/* stop.c: begins to take everything down, once; the loop ends by itself then.
 */
void lab_app_stop(lab_app *app);

/* profile.c: a CPU profile to a temporary file; ends all of them early;
 * removes the files of those that are not complete, before _exit. */
void lab_app_profile_cpu(lab_app *app);
void lab_app_end_profiles(lab_app *app);
void lab_app_drop_profiles(lab_app *app);

/* pool.c: starts the threads of libuv's pool, named, with signals blocked. */
void lab_app_start_pool(lab_app *app);

/* second.c: what is looked at once a second, idle memory among it. */
void lab_app_start_seconds(lab_app *app);

#endif
